#pragma once

#include "actors/interfaces.hpp"
#include "http/router.hpp"
#include "telemetry/metrics.hpp"

#include <optional>

/// The HTTP API, by subject: each module brings a table of endpoints and what they do.
namespace portcullis::api {

/// The broker in whose name a module asks other actors.
using front_pointer = http_front_actor::broker_pointer;

/// A part of the API. Everything runs on the I/O thread.
class module {
public:
  virtual ~module() = default;

  virtual void add_routes(http::router& to) = 0;

  /// Whether it collects something while a connection is read, and sends it at the end of each turn of the server.
  virtual bool collects() const {
    return false;
  }
  virtual void end_turn() {}

  /// The `collect_atom` that the module sent to the front has come back, after the sockets that were ready.
  virtual void collected() {}

  /// Four times a second.
  virtual void tick() {}

  /// Whether it ever leaves work for later, so that requests have their turn: `work` does a part of it.
  virtual bool defers_work() const {
    return false;
  }
  virtual void work() {}
  virtual bool has_work() const {
    return false;
  }

  /// A timer that the module set by a delayed `step_atom` has run out.
  virtual void timer() {}

  // What the revocation feed tells, after the cache has applied it.
  virtual void apply(const log_progress&) {}
  virtual void apply(const epoch_changed&) {}
  virtual void apply(const cache_warmed&) {}

  /// The service stops: nothing new is begun, what waits is answered.
  virtual void stop() {}

  virtual void add_to(metrics::snapshot&) const {}
};

} // namespace portcullis::api
