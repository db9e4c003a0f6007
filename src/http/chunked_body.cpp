#include "http/chunked_body.hpp"

#include "core/hex.hpp"
#include "http/grammar.hpp"

#include <algorithm>

namespace portcullis::http {

namespace {

/// 16 digits are every 64-bit number; more overflow it, or are leading zeros that nobody needs.
constexpr std::size_t size_digits_max = 16;

bool malformed(failure& why) {
  why = {errc::request_malformed, "The chunked body is malformed."};
  return false;
}

} // namespace

chunked_body::chunked_body(const reader_limits& limits) noexcept
  : body_bytes_max_(limits.body_bytes_max), extension_bytes_max_(limits.chunk_extension_bytes_max),
    trailer_bytes_max_(limits.trailer_bytes_max), room_(limits.body_bytes_max) {}

chunked_body::progress chunked_body::read(std::string_view& input, std::string& out, failure& why) {
  while (!input.empty()) {
    if (state_ == state::data) {
      take_data(input, out);
      continue;
    }
    const char c = input.front();
    input.remove_prefix(1);
    if (!step(c, why))
      return progress::refused;
    if (state_ == state::complete)
      return progress::complete;
  }
  return progress::need_more;
}

void chunked_body::take_data(std::string_view& input, std::string& out) {
  const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(size_, input.size()));
  out.append(input.substr(0, run));
  input.remove_prefix(run);
  size_ -= run;
  if (size_ == 0)
    state_ = state::data_cr;
}

bool chunked_body::step(char c, failure& why) {
  switch (state_) {
  case state::size:
    return step_size(c, why);
  case state::after_size:
  case state::ext_before_name:
  case state::ext_name:
  case state::ext_after_name:
  case state::ext_before_value:
  case state::ext_value:
  case state::ext_quoted:
  case state::ext_quoted_pair:
  case state::ext_quoted_end:
  case state::ext_after_value:
    return step_extension(c, why);
  case state::size_lf:
    room_ -= size_;
    return expect(c, '\n', size_ == 0 ? state::trailer_start : state::data, why);
  case state::data_cr:
    return expect(c, '\r', state::data_lf, why);
  case state::data_lf:
    digits_ = 0;
    return expect(c, '\n', state::size, why);
  case state::trailer_start:
  case state::trailer_name:
  case state::trailer_value:
    return step_trailer(c, why);
  case state::trailer_lf:
    return expect(c, '\n', state::trailer_start, why);
  case state::last_lf:
    return expect(c, '\n', state::complete, why);
  case state::data:
  case state::complete:
    break; // `read` never steps in these
  }
  return malformed(why);
}

bool chunked_body::step_size(char c, failure& why) {
  if (const auto digit = hex::value(c); digit >= 0) {
    size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
    return ++digits_ <= size_digits_max || malformed(why);
  }
  if (digits_ == 0)
    return malformed(why);
  if (size_ > room_) {
    why = {errc::body_too_large, "The body exceeds " + std::to_string(body_bytes_max_) + " bytes."};
    return false;
  }
  if (c == '\r') {
    state_ = state::size_lf;
    return true;
  }
  state_ = state::after_size;
  return step_extension(c, why);
}

bool chunked_body::step_extension(char c, failure& why) {
  if (c == '\r' && (state_ == state::ext_name || state_ == state::ext_value || state_ == state::ext_quoted_end)) {
    state_ = state::size_lf;
    return true;
  }
  const auto next = after_extension_byte(c);
  if (!next)
    return malformed(why);
  if (++extension_ > extension_bytes_max_) {
    why = {errc::body_too_large,
           "The chunk extensions exceed " + std::to_string(extension_bytes_max_) + " bytes."};
    return false;
  }
  state_ = *next;
  return true;
}

/// The state behind a byte of `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )` (RFC 9112, section
/// 7.1.1); nothing when the byte may not stand there. Blanks go before and behind `;` and `=`, never before the
/// CR.
std::optional<chunked_body::state> chunked_body::after_extension_byte(char c) const noexcept {
  const bool blank = is_blank(c);
  switch (state_) {
  case state::after_size:
  case state::ext_after_value:
    if (c == ';')
      return state::ext_before_name;
    return blank ? std::optional{state_} : std::nullopt;
  case state::ext_before_name:
    if (blank)
      return state_;
    return is_token_char(c) ? std::optional{state::ext_name} : std::nullopt;
  case state::ext_name:
    if (is_token_char(c))
      return state_;
    [[fallthrough]];
  case state::ext_after_name:
    if (c == ';')
      return state::ext_before_name;
    if (c == '=')
      return state::ext_before_value;
    return blank ? std::optional{state::ext_after_name} : std::nullopt;
  case state::ext_before_value:
    if (blank)
      return state_;
    if (c == '"')
      return state::ext_quoted;
    return is_token_char(c) ? std::optional{state::ext_value} : std::nullopt;
  case state::ext_quoted:
    if (c == '"')
      return state::ext_quoted_end;
    if (c == '\\')
      return state::ext_quoted_pair;
    return is_text(c) ? std::optional{state_} : std::nullopt;
  case state::ext_quoted_pair:
    return is_text(c) ? std::optional{state::ext_quoted} : std::nullopt;
  case state::ext_value:
    if (is_token_char(c))
      return state_;
    [[fallthrough]];
  case state::ext_quoted_end:
    if (c == ';')
      return state::ext_before_name;
    return blank ? std::optional{state::ext_after_value} : std::nullopt;
  default:
    return {};
  }
}

bool chunked_body::step_trailer(char c, failure& why) {
  if (c == '\r' && state_ != state::trailer_name) {
    state_ = state_ == state::trailer_start ? state::last_lf : state::trailer_lf;
    return true;
  }
  if (++trailer_ > trailer_bytes_max_) {
    why = {errc::headers_too_large, "The trailers exceed " + std::to_string(trailer_bytes_max_) + " bytes."};
    return false;
  }
  if (state_ == state::trailer_value)
    return is_text(c) || malformed(why);
  if (c == ':' && state_ == state::trailer_name) {
    state_ = state::trailer_value;
    return true;
  }
  state_ = state::trailer_name;
  return is_token_char(c) || malformed(why);
}

bool chunked_body::expect(char c, char wanted, state next, failure& why) {
  state_ = next;
  return c == wanted || malformed(why);
}

} // namespace portcullis::http
