#include "db/row.hpp"

#include <libpq-fe.h>

#include <cstring>

namespace portcullis::db {

void result_deleter::operator()(pg_result* result) const noexcept {
  PQclear(result);
}

result_set::result_set(result_ptr result) noexcept : result_(std::move(result)) {}

int result_set::size() const noexcept {
  return PQntuples(result_.get());
}

struct row::cell {
  const char* data = nullptr; // null: SQL null, or no such column
  std::size_t size = 0;
  unsigned oid = 0;
};

row::cell row::next_cell() {
  auto* result = owner_.result_.get();
  auto column = column_++;
  if (column >= PQnfields(result) || PQfformat(result, column) != 1) {
    owner_.mark_malformed();
    return {};
  }
  if (PQgetisnull(result, index_, column) != 0)
    return {};
  return {PQgetvalue(result, index_, column), static_cast<std::size_t>(PQgetlength(result, index_, column)),
          PQftype(result, column)};
}

namespace {

constexpr unsigned text_array_oid = 1009;
constexpr unsigned timestamptz_array_oid = 1185;
constexpr std::size_t array_header_size = 20; // one dimension

template <class T>
constexpr unsigned oid_of = wire::type_of<T>::oid;
template <>
constexpr unsigned oid_of<std::vector<std::string>> = text_array_oid;
template <>
constexpr unsigned oid_of<std::vector<timestamp>> = timestamptz_array_oid;

bool decode(const char* data, std::size_t size, bool& out) {
  if (size != 1)
    return false;
  out = *data != 0;
  return true;
}

template <class Int>
bool decode_integer(const char* data, std::size_t size, Int& out) {
  if (size != sizeof out)
    return false;
  out = wire::read_integer<Int>(data);
  return true;
}

bool decode(const char* data, std::size_t size, std::int32_t& out) {
  return decode_integer(data, size, out);
}

bool decode(const char* data, std::size_t size, std::int64_t& out) {
  return decode_integer(data, size, out);
}

bool decode(const char* data, std::size_t size, uuid& out) {
  if (size != out.bytes.size())
    return false;
  std::memcpy(out.bytes.data(), data, size);
  return true;
}

bool decode(const char* data, std::size_t size, token_hash& out) {
  if (size != out.bytes.size())
    return false;
  std::memcpy(out.bytes.data(), data, size);
  return true;
}

bool decode(const char* data, std::size_t size, timestamp& out) {
  if (size != sizeof(std::int64_t))
    return false;
  out = wire::read_timestamp(data);
  return true;
}

bool decode(const char* data, std::size_t size, std::string& out) {
  out.assign(data, size);
  return true;
}

template <class T>
bool decode(const char* data, std::size_t size, std::vector<T>& out) {
  if (size < 12 || wire::read_integer<std::int32_t>(data) == 0)
    return size >= 12; // no dimension: empty
  if (size < array_header_size || wire::read_integer<std::int32_t>(data) != 1)
    return false;
  auto elements = wire::read_integer<std::int32_t>(data + 12);
  std::size_t at = array_header_size;
  for (std::int32_t i = 0; i < elements; ++i) {
    if (size - at < 4)
      return false;
    auto length = wire::read_integer<std::int32_t>(data + at);
    at += 4;
    if (length < 0 || size - at < static_cast<std::size_t>(length))
      return false; // our arrays hold no nulls
    T element{};
    if (!decode(data + at, static_cast<std::size_t>(length), element))
      return false;
    out.push_back(std::move(element));
    at += static_cast<std::size_t>(length);
  }
  return at == size;
}

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

} // namespace

template <class T>
T row::next() {
  auto value = next_cell();
  if constexpr (is_optional<T>::value) {
    if (value.data == nullptr)
      return std::nullopt;
    typename T::value_type out{};
    if (value.oid != oid_of<typename T::value_type> || !decode(value.data, value.size, out))
      owner_.mark_malformed();
    return out;
  } else {
    T out{};
    if (value.data == nullptr || value.oid != oid_of<T> || !decode(value.data, value.size, out))
      owner_.mark_malformed();
    return out;
  }
}

template bool row::next<bool>();
template std::int32_t row::next<std::int32_t>();
template std::int64_t row::next<std::int64_t>();
template uuid row::next<uuid>();
template token_hash row::next<token_hash>();
template timestamp row::next<timestamp>();
template std::string row::next<std::string>();
template std::optional<std::int32_t> row::next<std::optional<std::int32_t>>();
template std::optional<uuid> row::next<std::optional<uuid>>();
template std::optional<timestamp> row::next<std::optional<timestamp>>();
template std::optional<std::string> row::next<std::optional<std::string>>();
template std::optional<std::vector<std::string>> row::next<std::optional<std::vector<std::string>>>();
template std::optional<std::vector<timestamp>> row::next<std::optional<std::vector<timestamp>>>();

} // namespace portcullis::db
