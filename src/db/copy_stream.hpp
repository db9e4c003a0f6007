#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::db {

/// Takes a binary COPY stream apart (PostgreSQL documentation, "COPY", binary format) in pieces cut anywhere. A
/// tuple that is not complete yet waits in the buffer.
class copy_stream {
public:
  enum class state { more, tuple, done, malformed };

  void append(const char* data, std::size_t size);

  /// Moves on to the next complete tuple.
  state next();

  /// The fields of the current tuple, valid until the next `append` or `next`. A null field is empty.
  const std::vector<std::string_view>& fields() const noexcept {
    return fields_;
  }

private:
  state read_header();
  state read_tuple();
  std::size_t available() const noexcept {
    return buffer_.size() - at_;
  }

  std::string buffer_;
  std::size_t at_ = 0; // the first byte not consumed
  bool has_header_ = false;
  bool is_done_ = false;
  std::vector<std::string_view> fields_;
};

} // namespace portcullis::db
