#include "db/copy_stream.hpp"

#include "db/wire.hpp"

namespace portcullis::db {

namespace {

constexpr std::string_view signature{"PGCOPY\n\377\r\n\0", 11};
constexpr std::size_t fixed_header_size = 19; // signature, flags, length of the extension
constexpr std::int16_t trailer = -1;

} // namespace

void copy_stream::append(const char* data, std::size_t size) {
  buffer_.erase(0, at_);
  at_ = 0;
  fields_.clear();
  buffer_.append(data, size);
}

copy_stream::state copy_stream::next() {
  fields_.clear();
  if (is_done_)
    return available() == 0 ? state::done : state::malformed;
  if (!has_header_) {
    if (auto header = read_header(); header != state::tuple)
      return header;
  }
  return read_tuple();
}

// `tuple` when tuples may follow.
copy_stream::state copy_stream::read_header() {
  if (available() < fixed_header_size)
    return state::more;
  if (std::string_view{buffer_}.substr(at_, signature.size()) != signature)
    return state::malformed;
  auto extension = wire::read_integer<std::uint32_t>(buffer_.data() + at_ + fixed_header_size - 4);
  if (available() - fixed_header_size < extension)
    return state::more;
  at_ += fixed_header_size + extension;
  has_header_ = true;
  return state::tuple;
}

copy_stream::state copy_stream::read_tuple() {
  auto end = at_;
  auto left = [&] { return buffer_.size() - end; };
  if (left() < 2)
    return state::more;
  auto count = wire::read_integer<std::int16_t>(buffer_.data() + end);
  end += 2;
  if (count == trailer) {
    at_ = end;
    is_done_ = true;
    return next();
  }
  if (count < 0)
    return state::malformed;
  for (std::int16_t i = 0; i < count; ++i) {
    if (left() < 4) {
      fields_.clear();
      return state::more;
    }
    auto length = wire::read_integer<std::int32_t>(buffer_.data() + end);
    end += 4;
    auto size = length < 0 ? std::size_t{0} : static_cast<std::size_t>(length);
    if (left() < size) {
      fields_.clear();
      return state::more;
    }
    fields_.push_back(std::string_view{buffer_}.substr(end, size));
    end += size;
  }
  at_ = end;
  return state::tuple;
}

} // namespace portcullis::db
