#pragma once

#include "core/time.hpp"
#include "core/token.hpp"
#include "core/uuid.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// PostgreSQL's binary formats: big-endian numbers, timestamps in microseconds since 2000-01-01 UTC, arrays as
/// dimensions followed by length-prefixed elements (a length of -1 is null). The object ids are fixed in
/// PostgreSQL's pg_type.dat.
namespace portcullis::db::wire {

/// 2000-01-01T00:00:00Z in seconds since 1970.
inline constexpr std::chrono::seconds epoch_of_postgres{946'684'800};

template <class T>
struct type_of;

template <>
struct type_of<bool> {
  static constexpr unsigned oid = 16;
};
template <>
struct type_of<token_hash> {
  static constexpr unsigned oid = 17; // bytea
};
template <>
struct type_of<std::int64_t> {
  static constexpr unsigned oid = 20;
};
template <>
struct type_of<std::int32_t> {
  static constexpr unsigned oid = 23;
};
template <>
struct type_of<std::string_view> {
  static constexpr unsigned oid = 25; // text
};
template <>
struct type_of<std::string> : type_of<std::string_view> {};
template <>
struct type_of<timestamp> {
  static constexpr unsigned oid = 1184; // timestamptz
};
template <>
struct type_of<uuid> {
  static constexpr unsigned oid = 2950;
};

/// What an array parameter's element is, given what a projection returns.
template <class T>
struct element_of {
  using type = T;
};
template <class T>
struct element_of<std::optional<T>> {
  using type = T;
};

template <class Int>
void append_integer(std::string& out, Int value) {
  for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff));
}

/// Reads a big-endian number of `sizeof(Int)` bytes.
template <class Int>
Int read_integer(const char* bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<Int>(value);
}

inline timestamp read_timestamp(const char* bytes) noexcept {
  return timestamp{epoch_of_postgres} + std::chrono::microseconds{read_integer<std::int64_t>(bytes)};
}

} // namespace portcullis::db::wire
