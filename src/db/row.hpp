#pragma once

#include "db/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct pg_result;

namespace portcullis::db {

struct result_deleter {
  void operator()(pg_result* result) const noexcept;
};
using result_ptr = std::unique_ptr<pg_result, result_deleter>;

class result_set;

/// One row, read column by column from the left. A column that is missing, of another type or size, or
/// unexpectedly null reads as an empty value and marks the whole result as malformed: check once, at the end.
class row {
public:
  row(result_set& owner, int index) noexcept : owner_(owner), index_(index) {}

  /// T: bool, int32_t, int64_t, uuid, token_hash, timestamp, string, vector<string>, vector<timestamp>, or an
  /// optional of one of these where null may stand.
  template <class T>
  T next();

private:
  struct cell;
  cell next_cell();

  result_set& owner_;
  int index_;
  int column_ = 0;
};

/// The rows of one statement in binary format.
class result_set {
public:
  explicit result_set(result_ptr result) noexcept;

  int size() const noexcept;
  row operator[](int index) noexcept {
    return {*this, index};
  }

  /// True once a row did not read as what was asked of it: a defect of ours, or a schema that is not ours.
  bool is_malformed() const noexcept {
    return malformed_;
  }
  void mark_malformed() noexcept {
    malformed_ = true;
  }

private:
  friend class row;
  result_ptr result_;
  bool malformed_ = false;
};

} // namespace portcullis::db
