#include "telemetry/collector_refusals.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace portcullis::tracing {

namespace {

constexpr std::array statuses = {429, 502, 503, 504};
constexpr unsigned doublings_max = 6; // 1 s to 64 s, cut at `refusal_wait_max`

std::optional<int> number_at(std::string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end != text.data() && value >= 0 ? std::optional{value} : std::nullopt;
}

/// How far ahead a date is (RFC 9110, section 5.6.7, as it is to be written today); nothing if it is none, or
/// over.
std::optional<std::chrono::seconds> time_until(std::string_view text, std::time_t now) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  constexpr std::size_t date_length = 29;
  std::tm parts{};
  std::array<char, date_length + 1> date{};
  text.substr(0, date_length).copy(date.data(), date_length);
  const char* end = ::strptime(date.data(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr)
    return std::nullopt;
  const std::chrono::seconds ahead{::timegm(&parts) - now};
  return ahead.count() > 0 ? std::optional{ahead} : std::nullopt;
}

/// What comes after `key`, however its letters are written; from its end to the end of `text`.
std::optional<std::string_view> after(std::string_view text, std::string_view key) noexcept {
  for (std::size_t at = 0; at + key.size() <= text.size(); ++at)
    if (ascii::iequals(text.substr(at, key.size()), key))
      return text.substr(at + key.size());
  return std::nullopt;
}

} // namespace

std::optional<refusal> as_refusal(int status, std::string_view retry_after, std::time_t now) noexcept {
  if (std::find(statuses.begin(), statuses.end(), status) == statuses.end())
    return std::nullopt;
  refusal r{status, std::nullopt};
  if (const auto seconds = number_at(retry_after))
    r.retry_after = std::chrono::seconds{*seconds};
  else
    r.retry_after = time_until(retry_after, now);
  return r;
}

std::optional<refusal> parse_refusal(std::string_view complaint) noexcept {
  const auto answer = complaint.substr(0, complaint.find("Body:"));
  const auto status_text = after(answer, "Status:");
  const auto status = status_text ? number_at(*status_text) : std::nullopt;
  return status ? as_refusal(*status, after(*status_text, "\tretry-after:").value_or("")) : std::nullopt;
}

void collector_refusals::note(const refusal& r, clock::time_point now) {
  const std::lock_guard lock{mutex_};
  const std::chrono::seconds own{1 << std::min(in_a_row_, doublings_max)};
  until_ = std::max(until_, now + std::min(r.retry_after.value_or(own), refusal_wait_max));
  ++in_a_row_;
  ++count_;
  changed_.notify_all();
}

void collector_refusals::taken() {
  const std::lock_guard lock{mutex_};
  in_a_row_ = 0;
}

std::uint64_t collector_refusals::count() const {
  const std::lock_guard lock{mutex_};
  return count_;
}

bool collector_refusals::is_waiting(clock::time_point now) const {
  const std::lock_guard lock{mutex_};
  return !has_ended_ && now < until_;
}

bool collector_refusals::wait() {
  std::unique_lock lock{mutex_};
  while (!has_ended_ && clock::now() < until_)
    changed_.wait_until(lock, clock::time_point{until_}); // a copy: `until_` may grow meanwhile
  return !has_ended_;
}

void collector_refusals::end() {
  const std::lock_guard lock{mutex_};
  has_ended_ = true;
  changed_.notify_all();
}

void collector_refusals::begin() {
  const std::lock_guard lock{mutex_};
  until_ = clock::time_point::min();
  in_a_row_ = 0;
  has_ended_ = false;
}

collector_refusals& refusals_of_the_collector() {
  static collector_refusals one;
  return one;
}

} // namespace portcullis::tracing
