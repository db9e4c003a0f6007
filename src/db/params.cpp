#include "db/params.hpp"

namespace portcullis::db {

parameters& parameters::add(std::int64_t value) {
  wire::append_integer(bytes_, value);
  end();
  return *this;
}

parameters& parameters::add(const uuid& value) {
  return add(std::string_view{reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
}

parameters& parameters::add(std::string_view value) {
  bytes_.append(value);
  end();
  return *this;
}

parameters::view parameters::to_libpq() const {
  view out;
  std::size_t begin = 0;
  for (auto end : ends_) {
    out.values.push_back(bytes_.data() + begin);
    out.lengths.push_back(static_cast<int>(end - begin));
    out.formats.push_back(1);
    begin = end;
  }
  return out;
}

// array_recv: dimensions, whether there are nulls (ignored by the server), element type, then per dimension its
// length and lower bound. An empty array has no dimension.
void parameters::begin_array(unsigned element_oid, std::size_t elements) {
  wire::append_integer(bytes_, std::int32_t{elements == 0 ? 0 : 1});
  wire::append_integer(bytes_, std::int32_t{0});
  wire::append_integer(bytes_, element_oid);
  if (elements == 0)
    return;
  wire::append_integer(bytes_, static_cast<std::int32_t>(elements));
  wire::append_integer(bytes_, std::int32_t{1});
}

void parameters::append_element(const uuid& value) {
  append_element(std::string_view{reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
}

void parameters::append_element(const token_hash& value) {
  append_element(std::string_view{reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
}

void parameters::append_element(std::string_view value) {
  wire::append_integer(bytes_, static_cast<std::int32_t>(value.size()));
  bytes_.append(value);
}

void parameters::end() {
  ends_.push_back(bytes_.size());
}

} // namespace portcullis::db
