#include "http/head_scanner.hpp"

#include "core/ascii.hpp"

#include <cstdint>
#include <cstring>

namespace portcullis::http {

namespace {

/// The position of the first byte below 0x20 at or after `at`, or the size. Eight bytes a step: a byte below 0x20
/// and no other borrows into its high bit when 0x20 is taken away (carries only follow a byte that did).
std::size_t find_control(std::string_view bytes, std::size_t at) noexcept {
  constexpr std::uint64_t every_byte = 0x0101010101010101U;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    if (((word - every_byte * 0x20U) & ~word & (every_byte * 0x80U)) != 0)
      break;
  }
  while (at < bytes.size() && static_cast<unsigned char>(bytes[at]) >= 0x20)
    ++at;
  return at;
}

/// `HTTP/` and anything that reads as a version number, ours or not.
bool names_http_version(std::string_view word) noexcept {
  constexpr std::string_view name = "HTTP/";
  return word.size() > name.size() && word.substr(0, name.size()) == name && ascii::is_digit(word[name.size()]);
}

bool ends_with(std::string_view text, std::string_view end) noexcept {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Looks at the version only; method and target are the parser's.
bool check_request_line(std::string_view line, failure& why) {
  if (ends_with(line, " HTTP/1.1") || ends_with(line, " HTTP/1.0"))
    return true;
  if (line.empty())
    why = {errc::request_malformed, "An empty line stands where the request line is expected."};
  else if (names_http_version(line.substr(line.rfind(' ') + 1)))
    why = {errc::http_version_unsupported, "This service speaks HTTP/1.1 and HTTP/1.0."};
  else
    why = {errc::request_malformed, "The request line does not end with an HTTP version."};
  return false;
}

} // namespace

head_scanner::head_scanner(const reader_limits& limits) noexcept
  : head_bytes_max_(limits.head_bytes_max), fields_max_(limits.fields_max) {}

head_scanner::progress head_scanner::scan(std::string_view bytes, failure& why) {
  const auto seen = bytes.substr(0, head_bytes_max_);
  const auto refuse = [&why](std::string_view detail) {
    why = {errc::request_malformed, std::string{detail}};
    return progress::refused;
  };
  for (;;) {
    at_ = find_control(seen, at_);
    if (at_ == seen.size())
      break;
    if (seen[at_] == '\t') {
      ++at_;
      continue;
    }
    if (seen[at_] == '\n')
      return refuse("A line ends with LF alone; HTTP ends lines with CR LF.");
    if (seen[at_] != '\r')
      return refuse("The head of the request holds a control character.");
    if (at_ + 1 == seen.size())
      break; // whether the CR is bare is for the next byte to say
    if (seen[at_ + 1] != '\n')
      return refuse("The head of the request holds a CR that no LF follows.");
    const auto line = seen.substr(line_start_, at_ - line_start_);
    at_ += 2;
    line_start_ = at_;
    if (line.empty() && lines_ > 0)
      return progress::found;
    if (!take_line(line, why))
      return progress::refused;
  }
  if (seen.size() < head_bytes_max_)
    return progress::need_more;
  why = {errc::headers_too_large,
         "The request line and header fields exceed " + std::to_string(head_bytes_max_) + " bytes."};
  return progress::refused;
}

bool head_scanner::take_line(std::string_view line, failure& why) {
  if (lines_++ == 0)
    return check_request_line(line, why);
  if (line.front() == ' ' || line.front() == '\t') {
    why = {errc::request_malformed, "A header line begins with white space; folded lines are not accepted."};
    return false;
  }
  if (lines_ - 1 > fields_max_) {
    why = {errc::headers_too_large,
           "The request has more than " + std::to_string(fields_max_) + " header fields."};
    return false;
  }
  return true;
}

} // namespace portcullis::http
