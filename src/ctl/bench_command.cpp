#include "ctl/commands.hpp"
#include "ctl/table.hpp"

#include <boost/json.hpp>

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <thread>

namespace portcullis::ctl {

namespace json = boost::json;

namespace {

using clock = std::chrono::steady_clock;

const std::string internal_path = "/api/v1/internal";
constexpr std::chrono::milliseconds pause_after_error{10}; // so that a service that refuses is not flooded

volatile ::sig_atomic_t is_interrupted = 0;

void interrupt(int) {
  is_interrupted = 1;
}

/// What was minted for it, and how it goes away again.
struct subject {
  std::string token; // a secret
  std::string session_id;
  std::string guest_id; // of a guest that was made; else empty
};

/// Posts, and has `take` take what it needs of the answer.
exit_code post(const context& with, const std::string& target, const std::string& body, subject& to,
               void (*take)(const json::value&, subject&)) {
  const auto answer = with.ask(verb::post, internal_path + target, body);
  if (const auto code = context::judge(answer); code != exit_code::done)
    return code;
  const auto value = context::parse(answer->body);
  if (!value)
    return context::garbage();
  take(*value, to);
  return exit_code::done;
}

exit_code make_guest(const context& with, subject& to) {
  return post(with, "/accounts/guest", {}, to,
              [](const json::value& answer, subject& s) { s.guest_id = text_at(answer, "account.account_id"); });
}

exit_code mint(const context& with, const std::string& account_id, subject& to) {
  return post(with, "/sessions", json::serialize(json::object{{"account_id", account_id}}), to,
              [](const json::value& answer, subject& s) {
                s.token = text_at(answer, "token");
                s.session_id = text_at(answer, "session.session_id");
              });
}

/// A guest goes with its session.
exit_code remove(const context& with, const subject& what) {
  const auto target = what.guest_id.empty() ? "/sessions/" + percent_encoded(what.session_id) + "?reason=bench"
                                            : "/accounts/" + percent_encoded(what.guest_id);
  const auto code = context::judge(with.ask(verb::delete_, internal_path + target));
  if (code != exit_code::done)
    complain("left behind: " + target);
  return code;
}

struct measured {
  std::vector<std::uint32_t> took_us;          // of answers of 200
  std::map<std::string, std::uint64_t> errors; // by what came instead

  void add(measured&& other) {
    took_us.insert(took_us.end(), other.took_us.begin(), other.took_us.end());
    for (const auto& [what, times] : other.errors)
      errors[what] += times;
  }

  /// In microseconds; `took_us` is sorted and not empty.
  std::uint32_t percentile(unsigned percent) const {
    return took_us[std::min(took_us.size() * percent / 100, took_us.size() - 1)];
  }
};

measured resolve_until(repeated_get get, clock::time_point end) {
  measured m;
  for (auto began = clock::now(); began < end && is_interrupted == 0;) {
    const auto status = get.ask();
    const auto ended = clock::now();
    if (status && *status == 200) {
      m.took_us.push_back(
        static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(ended - began).count()));
      began = ended;
      continue;
    }
    ++m.errors[status ? std::to_string(*status) : status.error().detail];
    std::this_thread::sleep_for(pause_after_error);
    began = clock::now();
  }
  return m;
}

measured resolve_all(const context& with, const bench_order& order, const std::string& token) {
  const auto end = clock::now() + std::chrono::seconds{order.seconds};
  std::vector<measured> each(order.connections);
  std::vector<std::thread> threads;
  threads.reserve(order.connections);
  for (auto& one : each)
    threads.emplace_back([&one, &with, &token, end] {
      one = resolve_until({with.given().service, internal_path + "/sessions/resolve", token}, end);
    });
  for (auto& t : threads)
    t.join();
  measured all;
  for (auto& one : each)
    all.add(std::move(one));
  std::sort(all.took_us.begin(), all.took_us.end());
  return all;
}

json::object report(const bench_order& order, const measured& m, double took_s) {
  json::object errors;
  for (const auto& [what, times] : m.errors)
    errors[what] = times;
  json::object out{{"connections", order.connections},
                   {"seconds", took_s},
                   {"resolved", m.took_us.size()},
                   {"per_second", static_cast<double>(m.took_us.size()) / took_s},
                   {"errors", std::move(errors)}};
  if (!m.took_us.empty())
    out["latency_us"] = {{"p50", m.percentile(50)}, {"p99", m.percentile(99)}, {"max", m.took_us.back()}};
  return out;
}

void print_table(const json::value& r) {
  table shown{{"CONNECTIONS", "RESOLVED", "PER SECOND", "P50 µs", "P99 µs", "MAX µs"}};
  const auto per_second = static_cast<std::uint64_t>(r.at("per_second").as_double());
  shown.add({text_at(r, "connections"), text_at(r, "resolved"), std::to_string(per_second),
             text_at(r, "latency_us.p50"), text_at(r, "latency_us.p99"), text_at(r, "latency_us.max")});
  shown.print();
  for (const auto& [what, times] : r.at("errors").as_object())
    complain("errors: " + json::serialize(times) + " × " + std::string{what});
}

} // namespace

exit_code bench(const context& with, const bench_order& order) {
  ::signal(SIGINT, interrupt); // what was minted has to go, whatever happens
  ::signal(SIGTERM, interrupt);
  subject minted;
  if (order.account_id.empty())
    if (const auto code = make_guest(with, minted); code != exit_code::done)
      return code;
  const auto& account_id = order.account_id.empty() ? minted.guest_id : order.account_id;
  if (const auto code = mint(with, account_id, minted); code != exit_code::done) {
    if (!minted.guest_id.empty())
      remove(with, minted);
    return code;
  }
  const auto began = clock::now();
  const auto found = resolve_all(with, order, minted.token);
  const std::chrono::duration<double> took = clock::now() - began;
  const auto removed = remove(with, minted);
  const json::value result = report(order, found, took.count());
  if (with.wants_json())
    context::print_json(json::serialize(result));
  else
    print_table(result);
  if (removed != exit_code::done)
    return removed;
  return found.errors.empty() ? exit_code::done : exit_code::refused;
}

} // namespace portcullis::ctl
