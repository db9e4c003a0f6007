#include "http/server/access_log.hpp"

#include "telemetry/log.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

namespace portcullis::http {

namespace {

constexpr std::chrono::seconds sample_interval{1};

} // namespace

bool access_log::takes_sample(instant now) {
  if (sampled_at_ != instant::min() && now - sampled_at_ < sample_interval) {
    ++passed_over_;
    return false;
  }
  sampled_at_ = now;
  return true;
}

void access_log::note(const exchange& x, instant now) {
  const bool is_change = x.to != nullptr && has(x.to->traits, trait::change) && x.status < 400;
  const bool is_access = x.status < 500 && !is_change;
  const bool is_told = mode_ == access_mode::full || (mode_ == access_mode::sampled && takes_sample(now));
  const auto level = x.status >= 500        ? log::level::warn
                     : is_change || is_told ? log::level::info
                                            : log::level::debug;
  if (!log::enabled(level))
    return;
  std::array<log::field, 8> fields{
    log::field{"route", x.to == nullptr ? std::string_view{"none"} : x.to->name},
    {"status", x.status},
    {"took_us", std::chrono::duration_cast<std::chrono::microseconds>(now - x.began).count()},
    {"request_id", x.request_id},
    {"", false},
    {"", false},
    {"", false},
    {"", false}};
  std::size_t count = 4;
  std::string trace_id;
  std::string span_id;
  if (x.span) {
    const auto context = x.span.context();
    trace_id = tracing::trace_id_text(context);
    span_id = tracing::span_id_text(context);
    fields[count++] = {"trace_id", trace_id};
    fields[count++] = {"span_id", span_id};
  }
  if (is_access && mode_ == access_mode::sampled && level == log::level::info)
    fields[count++] = {"passed_over", std::exchange(passed_over_, 0)};
  log::write(level, "request", fields.data(), count);
}

} // namespace portcullis::http
