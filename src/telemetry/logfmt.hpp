#pragma once

#include "core/time.hpp"
#include "telemetry/log.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

/// The form of a log line, apart from where it goes.
namespace portcullis::log {

/// One line, built in place: no allocation.
class line {
public:
  /// `ts`, `level`, `msg` and, unless empty, `service`.
  line(timestamp now, level l, std::string_view event, std::string_view service, form how = form::logfmt) noexcept;

  /// Adds ` key=value`, or `,"key":value`. A field for which there is no room is left out, and the line then ends
  /// in ` truncated=true`, or `,"truncated":true}`.
  void add(const field& f) noexcept;

  /// The whole line with its newline; add nothing after it.
  std::string_view finish() noexcept;

private:
  std::size_t room() const noexcept;
  void append(std::string_view raw) noexcept;
  void append_key(std::string_view key) noexcept;
  void append_value(std::string_view text) noexcept;
  template <class Number>
  void append_number(Number number) noexcept;

  std::array<char, line_bytes_max> buffer_;
  std::size_t size_ = 0;
  form form_;
  bool is_truncated_ = false;
};

/// Writes `text` as a logfmt value to `out`, which has room for `room` bytes, and returns how many it took. Bare
/// when it can be; else in double quotes with the escapes of JSON, so that no value can end its line, forge a
/// field, or steer a terminal: controls, line separators and bidirectional overrides are escaped, invalid UTF-8
/// becomes U+FFFD. What does not fit is cut between characters, and `…` stands for it. `room` is at least 8.
std::size_t write_value(std::string_view text, char* out, std::size_t room) noexcept;

/// The same in quotes always, as a string of JSON.
std::size_t write_quoted_value(std::string_view text, char* out, std::size_t room) noexcept;

/// The same in quotes always, at most `value_bytes_max` long: for messages to people.
std::string quoted(std::string_view text);

} // namespace portcullis::log
