#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace portcullis {
class token;
struct token_hash;
} // namespace portcullis

/// Structured one-line logs on stderr, in logfmt or JSON:
///
///     ts=2026-01-02T03:04:05.678901Z level=info msg=listening service=portcullis port=8080
///     {"ts":"2026-01-02T03:04:05.678901Z","level":"info","msg":"listening","service":"portcullis","port":8080}
///
/// The caller formats its line and leaves it in a bounded queue; another thread writes it. When the queue is full,
/// the oldest line is dropped and the number of dropped lines is logged as soon as there is room: a log that
/// nobody reads never holds up a thread of the service.
namespace portcullis::log {

enum class level : std::uint8_t { debug, info, warn, error };

std::string_view to_string(level l) noexcept;
std::optional<level> parse_level(std::string_view text) noexcept;

enum class form : std::uint8_t { logfmt, json };

std::string_view to_string(form f) noexcept;
std::optional<form> parse_form(std::string_view text) noexcept;

/// A line is at most PIPE_BUF bytes with its newline, so that the lines of several processes in one pipe never
/// mix.
inline constexpr std::size_t line_bytes_max = 4096;
/// Past this a value is cut, and ends in `…`.
inline constexpr std::size_t value_bytes_max = 1024;
/// Lines that wait to be written.
inline constexpr std::size_t queue_lines_max = 8192;
/// How long `stop` waits for a reader of stderr that does not read.
inline constexpr std::chrono::milliseconds stop_wait_max{1000};

using value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

/// A key (a bare word of ours) and a value. Views only: it lives as long as the call.
struct field {
  std::string_view key;
  log::value value;

  field(std::string_view k, std::string_view v) : key{k}, value{v} {}
  field(std::string_view k, const std::string& v) : key{k}, value{std::string_view{v}} {}
  field(std::string_view k, const char* v) : key{k}, value{std::string_view{v}} {}

  template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  field(std::string_view k, T v) : key{k} {
    if constexpr (std::is_same_v<T, bool>)
      value = v;
    else if constexpr (std::is_floating_point_v<T>)
      value = static_cast<double>(v);
    else if constexpr (std::is_signed_v<T>)
      value = static_cast<std::int64_t>(v);
    else
      value = static_cast<std::uint64_t>(v);
  }

  // A secret has no way into the log.
  field(std::string_view, const token&) = delete;
  field(std::string_view, const token_hash&) = delete;
};

/// Begins asynchronous logging to `descriptor` (stderr). Before it and after `stop`, lines are written by the
/// caller itself. Block the signals that are waited for elsewhere before: the log's thread inherits the mask.
void start(level threshold, std::string_view service_name, int descriptor = 2, form how = form::logfmt);

/// Writes what waits, for at most `stop_wait_max` if nobody reads, and ends the thread. Idempotent.
void stop();

/// Lines that nobody read in time, of the log that runs.
std::size_t dropped_lines();

/// Whether a line of this level would be written: ask before computing expensive fields.
bool enabled(level l) noexcept;

void write(level l, std::string_view event, const field* fields, std::size_t count);

/// Hears of every line as it is written, on the thread that writes it; must neither block nor throw. Null: nobody.
using listener = void (*)(level l, std::string_view event, const field* fields, std::size_t count) noexcept;
void set_listener(listener next) noexcept;

inline void write(level l, std::string_view event, std::initializer_list<field> fields) {
  write(l, event, fields.begin(), fields.size());
}

inline void debug(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::debug))
    write(level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::info))
    write(level::info, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::warn))
    write(level::warn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::error))
    write(level::error, event, fields);
}

} // namespace portcullis::log
