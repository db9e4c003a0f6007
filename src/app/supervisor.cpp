#include "app/supervisor.hpp"

#include "actors/account.hpp"
#include "actors/bulk_revoker.hpp"
#include "actors/canary.hpp"
#include "actors/on_io_thread.hpp"
#include "actors/reaper.hpp"
#include "actors/revocation_feed.hpp"
#include "actors/session.hpp"
#include "actors/session_cache.hpp"
#include "api/front.hpp"
#include "app/front_parts.hpp"
#include "app/normal_email.hpp"
#include "app/options.hpp"
#include "core/failpoint.hpp"
#include "db/db_pool.hpp"
#include "db/db_worker.hpp"
#include "db/log_source.hpp"
#include "db/migrator.hpp"
#include "telemetry/log.hpp"

#include <caf/io/middleman.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace portcullis {

namespace {

db::connect_options connect_options_of(const config::settings& s, const std::shared_ptr<db::timelines>& met) {
  db::connect_options result;
  result.met = met;
  result.conninfo = s.postgres.conninfo;
  result.operation_timeout =
    std::chrono::duration_cast<std::chrono::milliseconds>(s.postgres.pool.operation_timeout);
  result.application_name = s.telemetry.service_name;
  result.policy = s.sessions;
  return result;
}

/// Without a schema there is no service, and without the log no replica can vouch for a session. So the pool makes
/// room for both where the server has no connection left.
db::connect_options before_the_pool(db::connect_options options, const db_pool_actor& pool) {
  options.on_full = [pool] { caf::anon_send(pool, yield_connection{}); };
  return options;
}

db_pool_options pool_options_of(const config::settings& s) {
  db_pool_options result;
  static_cast<db_pool_limits&>(result) = s.postgres.pool;
  result.seed = static_cast<std::uint32_t>(random_seed());
  return result;
}

reaper_options reaper_options_of(const config::settings& s) {
  reaper_options result;
  result.interval = s.retention.guest_reap_interval;
  result.guest_retention = s.retention.guest_retention;
  result.revoked_retention = s.retention.revoked_retention;
  result.event_retention = s.revocation.retention;
  result.session_max_age = s.sessions.max_age;
  result.guest_session_max_age = s.sessions.guest_max_age;
  result.audit_retention = s.retention.audit_retention;
  return result;
}

} // namespace

void supervisor_state::start(self_pointer owner, supervisor_options opts) {
  self_ = owner;
  options_ = std::move(opts);
  wakeup_ = std::make_shared<log_wakeup>();
  mailboxes_of_workers_ = std::make_shared<mailbox_gauge>();
  mailbox_of_feed_ = std::make_shared<mailbox_gauge>();
  met_ = std::make_shared<db::timelines>();
  is_stopping_ = std::make_shared<std::atomic<bool>>(false);
  self_->set_down_handler([this](const caf::down_msg& news) { died(news); });
  spawn_domain();
  spawn_front();
  spawn_migrator();
}

void supervisor_state::spawn_domain() {
  auto& s = options_.settings;
  auto pool_options = pool_options_of(s);
  db_worker_options worker_options{connect_options_of(s, met_), s.postgres.conn_life_time, mailboxes_of_workers_};
  auto& connect = worker_options.connect;
  connect.lock_timeout = std::min(lock_patience, connect.operation_timeout / 2);
  pool_options.spawn_worker = [&system = self_->system(), worker_options] {
    return system.spawn<caf::detached>(db_worker, worker_options);
  };
  auto& system = self_->system();
  pool_ = spawn_on_io_thread(system, db_pool, std::move(pool_options));
  cache_ = spawn_on_io_thread(system, session_cache, cache_options_of(s), session_loader_actor{pool_});
  sessions_ = spawn_on_io_thread(system, session_keeper, session_store_actor{pool_},
                                 session_registry_actor{cache_}, wakeup_, sources{});
  accounts_ = spawn_on_io_thread(system, account_keeper, account_store_actor{pool_},
                                 session_registry_actor{cache_}, wakeup_, sources{});
  self_->monitor(pool_);
  self_->monitor(cache_);
  self_->monitor(sessions_);
  self_->monitor(accounts_);
  reaper_ = self_->spawn<caf::monitored>(reaper, reaper_options_of(s), pool_, wakeup_, sources{});
  bulk_revoker_ = self_->spawn<caf::monitored>(bulk_revoker, bulk_revoker_options{}, pool_, wakeup_, sources{});
  if (auto interval = s.revocation.canary_interval; interval.count() > 0)
    canary_ = self_->spawn<caf::monitored>(canary, interval, pool_, cache_, wakeup_, sources{});
}

void supervisor_state::spawn_front() {
  auto& s = options_.settings;
  api::front_options options;
  options.server = server_options_of(s, options_.listening, options_.tls, options_.descriptors_max);
  front_parts_options parts;
  parts.service_name = s.telemetry.service_name;
  parts.version = options_.version;
  parts.health.staleness_max = s.staleness_max();
  parts.health.version = options_.version;
  parts.feed = s.http.feed;
  parts.resolve = resolve_options_of(s);
  parts.resolve.issuer = s.access.issuer;
  parts.gate = gate_options_of(s, options_.callers);
  parts.handshakes = handshake_limit_options_of(s);
  const front_peers peers{
    cache_, sessions_, accounts_, reaper_, bulk_revoker_, canary_, pool_, mailboxes_of_workers_, mailbox_of_feed_};
  options.make_parts = [peers, parts](api::front_pointer self, http::server& server) {
    return make_front_parts(self, server, peers, parts);
  };
  front_ = self_->system().middleman().spawn_broker(api::front, std::move(options));
  self_->monitor(front_);
  log_listening(s, options_.listening);
  warn_without(options_.callers);
}

void supervisor_state::spawn_migrator() {
  self_->spawn<caf::detached>(migrator, before_the_pool(connect_options_of(options_.settings, met_), pool_),
                              normal_email, is_stopping_, supervisor_actor{self_});
}

void supervisor_state::migrated(const migrations_finished& news) {
  if (news.error.code != errc::none) {
    options_.give_up(news.error.detail);
    return;
  }
  if (is_stopping_->load())
    return;
  self_->send(front_, start_serving{});
  spawn_feed();
  self_->send(reaper_, tick_atom_v);
  self_->send(bulk_revoker_, tick_atom_v);
  if (canary_)
    self_->delayed_send(canary_, options_.settings.revocation.canary_interval, tick_atom_v);
  options_.serving();
}

void supervisor_state::spawn_feed() {
  auto& s = options_.settings;
  revocation_feed_options feed_options;
  feed_options.poll_interval = s.revocation.poll_interval;
  feed_options.operation_timeout = s.postgres.pool.operation_timeout;
  feed_options.warm_entries_max = s.session_cache.limits.memory.index.entries_max;
  feed_options.mailbox = mailbox_of_feed_;
  feed_options.seed = static_cast<std::uint32_t>(random_seed());
  auto connect = before_the_pool(connect_options_of(s, met_), pool_);
  connect.application_name += " feed"; // in pg_stat_activity
  auto source =
    std::make_shared<log_sources>(make_postgres_sources(std::move(connect), wakeup_, s.http.feed.page_events_max));
  feed_ = self_->spawn<caf::detached + caf::monitored>(revocation_feed, feed_options, source, cache_,
                                                       std::vector<revocation_sink_actor>{front_});
}

void supervisor_state::died(const caf::down_msg& news) {
  if (is_stopping_->load())
    return;
  if (feed_ && news.source == feed_->address()) {
    // It holds nothing that the log does not: another takes its place and starts with a fresh position.
    log::error("revocation feed died");
    spawn_feed();
    return;
  }
  options_.give_up("an actor that the service cannot do without has died");
}

void supervisor_state::stop(caf::typed_response_promise<all_numbers> promise) {
  is_stopping_->store(true);
  stop_.begin(self_, front_, options_.settings.http, std::move(promise), [this] { end_all(); });
}

void supervisor_state::drain() {
  stop_.drain();
}

caf::delegated<all_numbers> supervisor_state::delegate_numbers(const read_numbers& ask) {
  return self_->delegate(front_, ask);
}

void supervisor_state::end_all() {
  auto end = [this](const auto& who) { self_->send_exit(who, caf::exit_reason::user_shutdown); };
  end(front_);
  if (feed_) {
    end(*feed_);
    wakeup_->notify();
  }
  end(sessions_);
  end(accounts_);
  end(reaper_);
  end(bulk_revoker_);
  if (canary_)
    end(canary_);
  end(pool_);
  end(cache_);
}

supervisor_actor::behavior_type supervisor(supervisor_state::self_pointer self, supervisor_options options) {
  self->state.start(self, std::move(options));
  return {
    [self](const migrations_finished& news) { self->state.migrated(news); },
    [self](const read_numbers& ask) { return self->state.delegate_numbers(ask); },
    [self](step_atom) { self->state.drain(); },
    [self](const stop_service&) -> caf::result<all_numbers> {
      auto promise = self->make_response_promise<all_numbers>();
      self->state.stop(promise);
      return promise;
    },
  };
}

} // namespace portcullis
