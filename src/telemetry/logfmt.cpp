#include "telemetry/logfmt.hpp"

#include "core/hex.hpp"
#include "core/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace portcullis::log {

namespace {

constexpr std::string_view ellipsis = "\xE2\x80\xA6";
constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD
constexpr std::string_view truncation_mark = " truncated=true\n";
constexpr std::string_view truncation_mark_json = ",\"truncated\":true}\n";
constexpr std::size_t ending_bytes_max = truncation_mark_json.size();
static_assert(truncation_mark.size() <= ending_bytes_max);

// Enough for every number, and the least that a value gets.
constexpr std::size_t number_bytes_max = 32;

// Room for the closing quote and, if the value is cut, the ellipsis.
constexpr std::size_t tail_bytes = ellipsis.size() + 1;

bool is_bare(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
  });
}

// One character of UTF-8: how many bytes it takes, and its code point; 0 bytes if it is not valid there.
struct decoded {
  std::size_t bytes = 0;
  std::uint32_t code_point = 0;
};

decoded decode(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < bytes || !is_valid_utf8(text.substr(0, bytes)))
    return {};
  if (bytes == 1)
    return {bytes, lead};
  std::uint32_t code_point = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i)
    code_point = code_point << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  return {bytes, code_point};
}

// Characters that end a line, move the cursor or reorder what is shown.
bool is_steering(std::uint32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E)
         || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

// Writes the escaped form of the first character of `text` and sets how many of its bytes that was.
std::size_t escape(std::string_view text, std::array<char, 6>& out, std::size_t* consumed) noexcept {
  const auto put = [&](std::string_view s) {
    std::memcpy(out.data(), s.data(), s.size());
    return s.size();
  };
  const decoded d = decode(text);
  *consumed = std::max<std::size_t>(d.bytes, 1);
  if (d.bytes == 0)
    return put(replacement);
  switch (d.code_point) {
  case '"':
    return put("\\\"");
  case '\\':
    return put("\\\\");
  case '\n':
    return put("\\n");
  case '\r':
    return put("\\r");
  case '\t':
    return put("\\t");
  default:
    break;
  }
  if (!is_steering(d.code_point))
    return put(text.substr(0, d.bytes));
  out = {'\\',
         'u',
         hex::digits[d.code_point >> 12 & 0xF],
         hex::digits[d.code_point >> 8 & 0xF],
         hex::digits[d.code_point >> 4 & 0xF],
         hex::digits[d.code_point & 0xF]};
  return out.size();
}

std::size_t write_quoted(std::string_view text, char* out, std::size_t room) noexcept {
  std::size_t size = 0;
  out[size++] = '"';
  std::array<char, 6> escaped{};
  while (!text.empty()) {
    std::size_t consumed = 0;
    const std::size_t length = escape(text, escaped, &consumed);
    if (size + length + tail_bytes > room) {
      std::memcpy(out + size, ellipsis.data(), ellipsis.size());
      size += ellipsis.size();
      break;
    }
    std::memcpy(out + size, escaped.data(), length);
    size += length;
    text.remove_prefix(consumed);
  }
  out[size++] = '"';
  return size;
}

} // namespace

std::size_t write_value(std::string_view text, char* out, std::size_t room) noexcept {
  if (!is_bare(text) || text.size() > room)
    return write_quoted(text, out, room);
  std::memcpy(out, text.data(), text.size());
  return text.size();
}

std::size_t write_quoted_value(std::string_view text, char* out, std::size_t room) noexcept {
  return write_quoted(text, out, room);
}

std::string quoted(std::string_view text) {
  std::string out(value_bytes_max, '\0');
  out.resize(write_quoted(text, out.data(), out.size()));
  return out;
}

line::line(timestamp now, level l, std::string_view event, std::string_view service, form how) noexcept
  : form_{how} {
  const bool is_json = form_ == form::json;
  append(is_json ? "{\"ts\":\"" : "ts=");
  write_rfc3339(now, buffer_.data() + size_);
  size_ += rfc3339_length;
  append(is_json ? "\",\"level\":\"" : " level=");
  append(to_string(l));
  if (is_json)
    append("\"");
  add({"msg", event});
  if (!service.empty())
    add({"service", service});
}

// What a field may take: the end of the line stays free for the mark.
std::size_t line::room() const noexcept {
  return line_bytes_max - ending_bytes_max - size_;
}

void line::append(std::string_view raw) noexcept {
  std::memcpy(buffer_.data() + size_, raw.data(), raw.size());
  size_ += raw.size();
}

void line::append_key(std::string_view key) noexcept {
  append(form_ == form::json ? ",\"" : " ");
  append(key);
  append(form_ == form::json ? "\":" : "=");
}

void line::append_value(std::string_view text) noexcept {
  const auto write = form_ == form::json ? write_quoted : write_value;
  size_ += write(text, buffer_.data() + size_, std::min(room(), value_bytes_max));
}

template <class Number>
void line::append_number(Number number) noexcept {
  std::array<char, number_bytes_max> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  const std::string_view written{text.data(), static_cast<std::size_t>(end - text.data())};
  bool is_json_number = true; // which neither infinity nor what is no number has a form of
  if constexpr (std::is_floating_point_v<Number>)
    is_json_number = std::isfinite(number);
  if (form_ == form::json && !is_json_number)
    append_value(written);
  else
    append(written);
}

void line::add(const field& f) noexcept {
  constexpr std::size_t key_marks = 4;
  if (is_truncated_ || room() < f.key.size() + key_marks + number_bytes_max) {
    is_truncated_ = true;
    return;
  }
  append_key(f.key);
  std::visit(
    [this](auto v) {
      using type = decltype(v);
      if constexpr (std::is_same_v<type, std::string_view>)
        append_value(v);
      else if constexpr (std::is_same_v<type, bool>)
        append(v ? "true" : "false");
      else
        append_number(v);
    },
    f.value);
}

std::string_view line::finish() noexcept {
  if (form_ == form::json)
    append(is_truncated_ ? truncation_mark_json : "}\n");
  else
    append(is_truncated_ ? truncation_mark : "\n");
  return {buffer_.data(), size_};
}

} // namespace portcullis::log
