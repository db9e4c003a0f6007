#pragma once

#include "api/canary_watch.hpp"
#include "api/module.hpp"
#include "http/server/server.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::api {

/// Something that has to be in order before traffic may come: its name in /readyz, and "ok" or what is wrong.
struct readiness_check {
  std::string_view name;
  /// Calls `done` now or later, once.
  std::function<void(std::function<void(std::string_view state)> done)> run;
};

struct health_options {
  std::chrono::nanoseconds staleness_max = std::chrono::seconds{30};
  std::chrono::nanoseconds fail_static{0}; // how long past that memory may still be answered from
  std::string version;
};

/// Probes and metrics.
class health_api final : public module {
public:
  health_api(front_pointer self, http::server& server, health_options options);

  /// What the caller of `collect` adds: the numbers of actors, asked one after the other.
  void add_source(metrics_source_actor source);
  /// What is known on this thread.
  void add_source(std::function<void(metrics::snapshot&)> source);
  /// Runs before those that were added earlier.
  void add_check(readiness_check check);

  void add_routes(http::router& to) override;
  void apply(const log_progress& progress) override;
  void apply(const epoch_changed& change) override;
  void apply(const cache_warmed& warmed) override;

  /// Everybody's numbers.
  void collect(const std::function<void(const metrics::snapshot&)>& use);

private:
  struct probe;

  void healthz(const http::call& c, http::responder to);
  void readyz(const http::call& c, http::responder to);
  void show_metrics(const http::call& c, http::responder to);

  void run_check(const std::shared_ptr<probe>& p);
  void answer(const probe& p) const;
  void add_own_to(metrics::snapshot& s) const;
  void collect_from(std::size_t next, const std::shared_ptr<metrics::snapshot>& numbers,
                    const std::function<void(const metrics::snapshot&)>& use);

  front_pointer self_;
  http::server& server_;
  health_options options_;
  std::vector<metrics_source_actor> actors_;
  std::vector<std::function<void(metrics::snapshot&)>> sources_;
  std::vector<readiness_check> checks_;
  bool is_warm_ = false; // once: a cache that is filled anew answers from the database meanwhile
  instant log_read_began_ = instant::min();
  std::uint64_t session_events_ = 0;
  std::uint64_t account_events_ = 0;
  metrics::histogram delay_; // from a revocation to its being honoured here
  canary_watch canaries_;    // which count in none of these
};

} // namespace portcullis::api
