#include "http/server/request_numbers.hpp"

#include "telemetry/log.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace portcullis::http {

void request_numbers::size_for(std::size_t routes) {
  entries_.resize(routes + 1);
}

void request_numbers::count(const exchange& x, instant now) {
  auto& numbers = entries_[x.to == nullptr ? 0 : x.to->index + 1];
  auto i = std::find_if(numbers.by_status.begin(), numbers.by_status.end(),
                        [&](auto& seen) { return seen.first == x.status; });
  if (i == numbers.by_status.end())
    i = numbers.by_status.insert(i, {x.status, 0});
  ++i->second;
  numbers.latency.observe(now - x.began);
  write_log_line(x, now);
}

std::string_view request_numbers::name_of(const exchange& x) noexcept {
  return x.to == nullptr ? "none" : x.to->name;
}

void request_numbers::write_log_line(const exchange& x, instant now) {
  bool is_change = x.to != nullptr && has(x.to->traits, trait::change);
  auto level = x.status >= 500               ? log::level::warn
               : is_change && x.status < 400 ? log::level::info
                                             : log::level::debug;
  if (log::enabled(level))
    log::write(level, "request",
               {{"route", name_of(x)},
                {"status", x.status},
                {"took_us", std::chrono::duration_cast<std::chrono::microseconds>(now - x.began).count()},
                {"request_id", x.request_id}});
}

void request_numbers::add_to(metrics::snapshot& s, const router& routes) const {
  auto add = [&](const entry& numbers, std::string_view name) {
    std::string text{name};
    for (auto& [status, count] : numbers.by_status)
      s.counter("portcullis_http_requests_total", "Requests answered.", count,
                {{"route", text}, {"status", std::to_string(status)}});
    if (numbers.latency.count() > 0)
      s.histogram("portcullis_http_request_duration_seconds", "From the request's last byte to its answer.",
                  numbers.latency, {{"route", text}});
  };
  add(entries_[0], "none");
  for (auto& r : routes.routes())
    add(entries_[r.index + 1], r.name);
}

} // namespace portcullis::http
