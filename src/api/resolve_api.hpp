#pragma once

#include "api/cursor_wait.hpp"
#include "api/module.hpp"
#include "http/server/server.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::api {

struct resolve_options {
  std::size_t waiting_lookups_max = 10'000; // look-ups that wait for the log to reach their X-Min-Cursor
  // For X-Min-Cursor, before the database is asked: longer than a poll of the log, shorter than Envoy's 200 ms for
  // a whole ext_authz call.
  std::chrono::nanoseconds cursor_wait = std::chrono::milliseconds{150};
  // Whether a later read sees whatever was committed by then. One of an edge may be answered by a replica that
  // lags, so there the load carries a cursor that was not reached.
  bool reads_through = true;
  std::string issuer; // `iss` of introspection; empty: left out
  /// How long a gateway may keep an answer that allows, as long as the lease lasts; 0: not at all.
  std::chrono::nanoseconds verdict_max_age{0};
  std::chrono::nanoseconds staleness_max = std::chrono::seconds{30};
};

/// Whose token is this? The hot path: every look-up that one read of a connection brings (in a crowd: that all
/// sockets which were ready bring) goes to the cache in one message, on the same thread.
class resolve_api final : public module {
public:
  resolve_api(front_pointer self, http::server& server, session_cache_actor cache, const resolve_options& options);

  void add_routes(http::router& to) override;

  /// RFC 7662, for whichever path it was asked at.
  void introspect(const http::call& c, http::responder to);

  bool collects() const override {
    return true;
  }
  void end_turn() override;
  void collected() override;
  void timer() override;
  void add_to(metrics::snapshot& s) const override;
  using module::apply;
  void apply(const log_progress& progress) override;
  void apply(const epoch_changed& change) override;

private:
  /// How the answer looks.
  enum class form : std::uint8_t { resolved, verified, introspected };

  /// What has told it.
  enum class source : std::uint8_t { memory, load, read_through };
  static constexpr std::size_t sources = 3;
  enum class outcome : std::uint8_t { unknown, revoked, expired, active, error };
  static constexpr std::size_t outcomes = 5;

  void resolve(const http::call& c, http::responder to);
  void verify(const http::call& c, http::responder to);

  void look_up(http::responder to, form as, const token_hash& hash, std::string_view min_cursor);
  void ask();
  void collect(http::responder to, form as, const token_hash& hash, instant read_after);
  void answer(const peeked_sessions::answer& known);
  void load(http::responder to, form as, const load_session& what, source from);
  void count(session_status status, source from);
  void count(outcome what, source from);
  void send(http::responder to, form as, session_status status, const session_record& record) const;
  void send_active(http::responder to, form as, const session_record& record) const;
  std::chrono::seconds keep_for(const session_record& record) const;
  void time_waiting();

  front_pointer self_;
  http::server& server_;
  session_cache_actor cache_;
  resolve_options options_;
  cursor_wait waiting_;
  std::vector<peek_sessions::lookup> lookups_; // that the cache was not asked for
  std::size_t peeks_out_ = 0;                  // messages that the cache has not answered
  bool is_crowded_ = false;                    // several connections ask within one iteration of the loop
  bool is_collecting_ = false;                 // a `collect_atom` is on its way
  instant log_read_began_ = instant::min();    // of the last complete read of the log
  told_clock clock_;                           // the database's
  std::array<std::array<std::uint64_t, outcomes>, sources> resolved_{};
};

} // namespace portcullis::api
