#include "http/server/request_numbers.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

namespace portcullis::http {

namespace {

/// Requests that are traced come by the thousand, and one of them in each moment is enough to look at.
constexpr std::chrono::milliseconds exemplar_interval{100};

std::string status_text(int status) {
  return std::to_string(status);
}

} // namespace

void request_numbers::size_for(std::size_t routes) {
  entries_.resize(routes + 1);
}

request_numbers::series& request_numbers::find_or_add(entry& of, const exchange& x) {
  const auto known = std::find_if(of.begin(), of.end(), [&](const series& seen) {
    return seen.status == x.status && seen.method == x.method && seen.is_tls == x.is_tls;
  });
  if (known != of.end())
    return *known;
  auto& added = of.emplace_back();
  added.status = x.status;
  added.method = x.method;
  added.is_tls = x.is_tls;
  return added;
}

void request_numbers::count(const exchange& x, instant now) {
  auto& numbers = find_or_add(entries_[x.to == nullptr ? 0 : x.to->index + 1], x);
  numbers.latency.observe(now - x.began);
  if (x.span)
    note_trace(numbers, x, now);
}

/// The trace as an exemplar of the bucket that the request fell into.
void request_numbers::note_trace(series& of, const exchange& x, instant now) {
  if (of.exemplar_at != instant::min() && now - of.exemplar_at < exemplar_interval)
    return;
  const auto context = x.span.context();
  if ((context.flags & 1) == 0)
    return;
  of.exemplar_at = now;
  const std::chrono::nanoseconds took = now - x.began;
  of.exemplars.resize(of.latency.counts().size());
  of.exemplars[of.latency.bucket_of(took.count())] = {
    context.trace_id, context.span_id, std::chrono::duration<double>(took).count(), wall_clock_now()};
}

void request_numbers::add_to(metrics::snapshot& s, const entry& all, const route* to) {
  std::string name{to == nullptr ? "none" : to->name};
  std::map<int, std::uint64_t> by_status;
  metrics::histogram of_route;
  for (auto& one : all) {
    metrics::labels labels{{"http.request.method", std::string{method_name(one.method)}},
                           {"http.response.status_code", status_text(one.status)},
                           {"url.scheme", one.is_tls ? "https" : "http"}};
    if (to != nullptr)
      labels.emplace_back("http.route", std::string{to->pattern});
    if (one.status >= 500)
      labels.emplace_back("error.type", status_text(one.status));
    s.add("http_server_request_duration_seconds", one.latency, std::move(labels), one.exemplars);
    by_status[one.status] += one.latency.count();
    of_route.merge(one.latency);
  }
  for (auto& [status, count] : by_status)
    s.add("portcullis_http_requests_total", count, {{"route", name}, {"status", status_text(status)}});
  if (of_route.count() > 0)
    s.add("portcullis_http_request_duration_seconds", of_route, {{"route", name}});
}

void request_numbers::add_to(metrics::snapshot& s, const router& routes) const {
  add_to(s, entries_[0], nullptr);
  for (auto& r : routes.routes())
    add_to(s, entries_[r.index + 1], &r);
}

std::set<std::pair<verb, bool>> request_numbers::kinds() const {
  std::set<std::pair<verb, bool>> found;
  for (auto& of_route : entries_)
    for (auto& one : of_route)
      found.emplace(one.method, one.is_tls);
  return found;
}

} // namespace portcullis::http
