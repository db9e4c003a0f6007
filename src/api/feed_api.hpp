#pragma once

#include "api/module.hpp"
#include "feed/event_stream.hpp"
#include "feed/hub.hpp"
#include "http/server/server.hpp"
#include "telemetry/tracing.hpp"

#include <optional>

namespace portcullis::api {

/// The revocation feed over HTTP: an event stream, or JSON with a long poll.
class feed_api final : public module {
public:
  feed_api(front_pointer self, http::server& server, log_store_actor log, const feed::hub_limits& limits);

  void add_routes(http::router& to) override;
  void tick() override;
  bool defers_work() const override {
    return true;
  }
  void work() override;
  bool has_work() const override;
  void stop() override;
  using module::apply;
  void apply(const log_progress& progress) override;
  void apply(const epoch_changed& change) override;
  void add_to(metrics::snapshot& s) const override;

  const feed::hub& hub() const noexcept {
    return hub_;
  }

private:
  void follow(const http::call& c, http::responder to);
  void subscribe(const http::call& c, http::responder to, std::optional<cursor> from);
  void poll(const http::call& c, http::responder to, std::optional<cursor> from);
  feed::answer_times times(bool tells_clock) const;
  void read_page(const store::read_events& ask, const std::function<void(feed::page_result)>& then);

  front_pointer self_;
  http::server& server_;
  log_store_actor log_;
  feed::hub hub_;
  void end_publishing();

  told_clock clock_;         // the database's
  tracing::span publishing_; // of the latest events, until everybody has them
};

} // namespace portcullis::api
