#pragma once

#include "api/module.hpp"
#include "feed/hub.hpp"
#include "http/server/responder.hpp"

#include <functional>

namespace portcullis::api {

/// For operators: searches, numbers, the sweep.
class admin_api final : public module {
public:
  struct peers {
    account_actor accounts;
    reaper_actor reaper;
    cache_stats_actor cache;
    pool_stats_actor pool;
  };

  admin_api(front_pointer self, peers others, const feed::hub& hub)
    : self_(self), peers_(std::move(others)), hub_(hub) {}

  void add_routes(http::router& to) override;

private:
  void list_accounts(const http::call& c, http::responder to);
  void list_audit(const http::call& c, http::responder to);
  void show_stats(const http::call& c, http::responder to);
  void show_reaper(const http::call& c, http::responder to);
  void run_reaper(const http::call& c, http::responder to);

  void record(http::responder to, store::record_audit order, std::function<void()> then);

  std::string render_stats(const store::count_all::result& rows, const cache_stats& cache,
                           const pool_stats& pool) const;

  front_pointer self_;
  peers peers_;
  const feed::hub& hub_;
};

} // namespace portcullis::api
