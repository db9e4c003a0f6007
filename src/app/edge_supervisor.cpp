#include "app/edge_supervisor.hpp"

#include "actors/mailbox.hpp"
#include "actors/on_io_thread.hpp"
#include "actors/revocation_feed.hpp"
#include "actors/session_cache.hpp"
#include "api/front.hpp"
#include "api/gatekeeper.hpp"
#include "api/handshake_limit.hpp"
#include "api/health_api.hpp"
#include "api/resolve_api.hpp"
#include "app/options.hpp"
#include "edge/http_log_source.hpp"
#include "edge/service_loader.hpp"
#include "telemetry/log.hpp"

#include <caf/io/middleman.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace portcullis {

namespace {

struct edge_parts_options {
  api::health_options health;
  api::gate_options gate;
  api::handshake_limit_options handshakes;
  api::resolve_options resolve;
};

/// An edge answers whose token it is, and tells how it is; nothing else.
api::front_parts make_edge_parts(api::front_pointer self, http::server& server, const session_cache_actor& cache,
                                 const service_loader_actor& loader, const edge_parts_options& options,
                                 const std::shared_ptr<edge::http_client>& client,
                                 const mailbox_gauge_ptr& mailbox_of_feed) {
  auto probes = std::make_unique<api::health_api>(self, server, options.health);
  probes->add_check({"service", [client](const std::function<void(std::string_view)>& done) {
                       done(client->stats().addresses_usable > 0 ? "ok" : "unreachable");
                     }});
  probes->add_source(metrics_source_actor{cache});
  probes->add_source(metrics_source_actor{loader});
  probes->add_source([client](metrics::snapshot& s) { add_to(s, client->stats()); });
  probes->add_source(
    [mailbox_of_feed](metrics::snapshot& s) { add_mailbox(s, "revocation_feed", *mailbox_of_feed); });
  api::front_parts parts;
  parts.health = probes.get();
  parts.modules.push_back(std::make_unique<api::gatekeeper>(self, server, account_actor{}, options.gate));
  auto handshakes = std::make_unique<api::handshake_limit>(options.handshakes);
  handshakes->guard(server);
  parts.modules.push_back(std::move(handshakes));
  parts.modules.push_back(std::make_unique<api::resolve_api>(self, server, cache, options.resolve));
  parts.modules.push_back(std::move(probes));
  return parts;
}

edge::http_client_options client_options_of(const config::settings& s) {
  edge::http_client_options result;
  result.addresses = s.service.addresses;
  result.ca_file = s.service.ca_file;
  result.certificate_file = s.service.certificate_file;
  result.key_file = s.service.key_file;
  result.caller_key = s.service.caller_key;
  result.connect_timeout = s.service.connect_timeout;
  result.attempt_timeout = s.service.attempt_timeout;
  result.request_timeout = s.service.operation_timeout;
  result.connections_max = s.service.connections_max;
  result.seed = static_cast<std::uint32_t>(random_seed());
  return result;
}

} // namespace

void edge_supervisor_state::start(self_pointer owner, supervisor_options options) {
  self_ = owner;
  options_ = std::move(options);
  wakeup_ = std::make_shared<log_wakeup>();
  position_ = std::make_shared<edge::log_position>();
  client_ = std::make_shared<edge::http_client>(client_options_of(options_.settings));
  self_->set_down_handler([this](const caf::down_msg& msg) { died(msg); });
  spawn_cache();
  spawn_front();
  spawn_feed();
  self_->send(front_, start_serving{});
  options_.serving();
}

void edge_supervisor_state::spawn_cache() {
  auto& s = options_.settings;
  edge::service_loader_options loader;
  loader.waiting_max = s.service.queue_max;
  loader.staleness_max = s.staleness_max();
  auto send = [client = client_](edge::http_request request, edge::http_callback callback) {
    client->send(std::move(request), std::move(callback));
  };
  loader_ = self_->spawn<caf::monitored>(edge::service_loader, loader, edge::http_send{send}, position_);
  cache_ = spawn_on_io_thread(self_->system(), session_cache, cache_options_of(s), session_loader_actor{loader_});
  self_->monitor(cache_);
}

void edge_supervisor_state::spawn_front() {
  auto& s = options_.settings;
  api::front_options options;
  options.server = server_options_of(s, options_.listening, options_.tls, options_.descriptors_max);
  edge_parts_options parts;
  parts.health = {s.staleness_max(), s.session_cache.limits.fail_static, options_.version};
  parts.gate = gate_options_of(s, options_.callers);
  parts.handshakes = handshake_limit_options_of(s);
  parts.resolve = resolve_options_of(s);
  parts.resolve.reads_through = false;
  options.make_parts = [cache = cache_, loader = loader_, parts, client = client_,
                        mailbox = mailbox_of_feed_](api::front_pointer self, http::server& server) {
    return make_edge_parts(self, server, cache, loader, parts, client, mailbox);
  };
  front_ = self_->system().middleman().spawn_broker(api::front, std::move(options));
  self_->monitor(front_);
  log_listening(s, options_.listening);
  warn_without(options_.callers);
}

void edge_supervisor_state::spawn_feed() {
  auto& s = options_.settings;
  revocation_feed_options feed;
  feed.poll_interval = s.revocation.poll_interval;
  feed.operation_timeout = s.service.operation_timeout;
  feed.mailbox = mailbox_of_feed_;
  feed.seed = static_cast<std::uint32_t>(random_seed());
  auto ask = [client = client_](edge::http_request request, instant deadline) {
    return client->ask(std::move(request), deadline);
  };
  auto send = [client = client_](edge::http_request request, edge::http_callback callback) {
    client->send(std::move(request), std::move(callback));
  };
  auto sources = std::make_shared<log_sources>();
  sources->log = edge::make_http_log_source({}, ask, send, wakeup_, position_);
  feed_ = self_->spawn<caf::detached + caf::monitored>(revocation_feed, feed, sources, cache_,
                                                       std::vector<revocation_sink_actor>{front_});
}

void edge_supervisor_state::died(const caf::down_msg& msg) {
  if (is_stopping_)
    return;
  if (feed_ && msg.source == feed_->address()) {
    log::error("revocation feed died");
    spawn_feed();
    return;
  }
  options_.give_up("an actor that the edge cannot do without has died");
}

void edge_supervisor_state::stop(caf::typed_response_promise<all_numbers> promise) {
  is_stopping_ = true;
  stop_.begin(self_, front_, options_.settings.http, std::move(promise), [this] { end_all(); });
}

void edge_supervisor_state::drain() {
  stop_.drain();
}

void edge_supervisor_state::end_all() {
  auto end = [this](const auto& who) { self_->send_exit(who, caf::exit_reason::user_shutdown); };
  end(front_);
  if (feed_) {
    end(*feed_);
    wakeup_->notify();
  }
  client_->stop(); // answers whatever the feed and the loader still wait for
  end(loader_);
  end(cache_);
}

supervisor_actor::behavior_type edge_supervisor(edge_supervisor_state::self_pointer self,
                                                supervisor_options options) {
  self->state.start(self, std::move(options));
  return {
    [](const migrations_finished&) {
      // An edge has no database.
    },
    [self](const read_numbers& ask) { return self->delegate(self->state.front(), ask); },
    [self](step_atom) { self->state.drain(); },
    [self](const stop_service&) -> caf::result<all_numbers> {
      auto promise = self->make_response_promise<all_numbers>();
      self->state.stop(promise);
      return promise;
    },
  };
}

} // namespace portcullis
