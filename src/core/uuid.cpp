#include "core/uuid.hpp"

#include "core/hex.hpp"

#include <algorithm>

namespace portcullis {

namespace {

constexpr std::uint16_t counter_max = 0x0fff; // rand_a: 12 bits
constexpr std::uint16_t counter_seed_mask =
  0x07ff; // its top bit starts at 0: at least 2048 ids before it overflows

constexpr bool is_hyphen_position(std::size_t i) noexcept {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

} // namespace

bool uuid::is_nil() const noexcept {
  return bytes == decltype(bytes){};
}

void uuid::write(char* out) const noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      *out++ = '-';
    out = hex::write(&bytes[i], 1, out);
  }
}

std::optional<uuid> uuid::parse(std::string_view text) noexcept {
  if (text.size() != text_length)
    return std::nullopt;
  uuid id;
  std::size_t nibbles = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_hyphen_position(i)) {
      if (text[i] != '-')
        return std::nullopt;
      continue;
    }
    const int value = hex::value(text[i]);
    if (value < 0)
      return std::nullopt;
    auto& byte = id.bytes[nibbles / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
    ++nibbles;
  }
  return id;
}

std::string to_string(const uuid& id) {
  std::string text(uuid::text_length, '\0');
  id.write(text.data());
  return text;
}

uuid_v7_generator::uuid_v7_generator(random_source random) : random_(random) {
  // nop
}

uuid uuid_v7_generator::next(timestamp now) {
  if (used_ == drawn_.size()) {
    random_(drawn_.data(), drawn_.size());
    used_ = 0;
  }
  const auto* random = drawn_.data() + used_;
  used_ += random_per_id;
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
  const auto now_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(since_epoch, 0));
  // Within one millisecond, or when the clock stepped back, the counter goes on from the last id; when it
  // overflows, the ids run one millisecond ahead of the clock until that catches up (RFC 9562, section 6.2).
  if (now_ms <= last_ms_ && counter_ < counter_max) {
    ++counter_;
  } else {
    last_ms_ = std::max(now_ms, last_ms_ + 1);
    counter_ = static_cast<std::uint16_t>((random[8] << 8 | random[9]) & counter_seed_mask);
  }
  uuid id;
  for (std::size_t i = 0; i < 6; ++i)
    id.bytes[i] = static_cast<std::uint8_t>(last_ms_ >> (40 - 8 * i));
  id.bytes[6] = static_cast<std::uint8_t>(0x70 | counter_ >> 8); // version 7
  id.bytes[7] = static_cast<std::uint8_t>(counter_);
  std::copy_n(random, 8, id.bytes.begin() + 8);
  id.bytes[8] = static_cast<std::uint8_t>(0x80 | (id.bytes[8] & 0x3f)); // variant 10
  return id;
}

} // namespace portcullis
