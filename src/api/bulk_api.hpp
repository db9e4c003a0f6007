#pragma once

#include "api/cursor_wait.hpp"
#include "api/module.hpp"
#include "http/server/responder.hpp"

#include <chrono>
#include <cstddef>

namespace portcullis::api {

/// Bulk revocation, for operators. What an answer tells as done, this replica honours: it waits until the log was
/// read that far.
class bulk_api final : public module {
public:
  bulk_api(front_pointer self, http::server& server, bulk_revoker_actor jobs);

  void add_routes(http::router& to) override;

  using module::apply;
  void tick() override {
    honoured_.expire();
  }
  void apply(const log_progress& news) override {
    honoured_.reach(news.position);
  }
  void apply(const epoch_changed& news) override {
    honoured_.reach(news.position);
  }

private:
  void revoke(const http::call& c, http::responder to);
  void show(const http::call& c, http::responder to);
  void show_when_honoured(const revocation_job& job, http::responder to);

  front_pointer self_;
  bulk_revoker_actor jobs_;
  cursor_wait honoured_;
};

} // namespace portcullis::api
