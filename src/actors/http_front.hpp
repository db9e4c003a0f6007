#pragma once

#include "actors/http_connection.hpp"
#include "actors/interfaces.hpp"
#include "core/event_ring.hpp"
#include "telemetry/metrics.hpp"

#include <caf/typed_response_promise.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace portcullis {

struct http_front_options {
  int listener = -1; // a listening socket; -1: the owner adds its own doorman
  http::reader_limits reader;
  std::size_t connections_max = 10'000;
  std::size_t turned_away_max = 128; // connections beyond, while they are told so; past it none is accepted
  std::size_t subscribers_max = 4'096;
  std::size_t subscriber_buffer_bytes_max = 256 * 1024;
  std::size_t pipelined_max = 64;            // requests of one connection in flight
  std::size_t unsent_bytes_max = 256 * 1024; // of answers to one connection, past which it is not read
  std::size_t linger_bytes_max = 256 * 1024;
  std::size_t ring_events_max = 65'536;
  std::size_t waiting_lookups_max = 10'000; // look-ups that wait for the log to reach their X-Min-Cursor
  std::size_t page_events_max = 500;        // events written to one subscriber at a time
  std::chrono::nanoseconds header_timeout = std::chrono::seconds{10};
  std::chrono::nanoseconds body_timeout = std::chrono::seconds{30};
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds{75};
  std::chrono::nanoseconds write_timeout = std::chrono::seconds{30};
  std::chrono::nanoseconds linger_timeout = std::chrono::seconds{2};
  std::chrono::nanoseconds request_timeout = std::chrono::seconds{6};
  // For X-Min-Cursor, before the database is asked: longer than a poll of the log, shorter than Envoy's 200 ms for
  // a whole ext_authz call.
  std::chrono::nanoseconds cursor_wait = std::chrono::milliseconds{150};
  std::chrono::nanoseconds heartbeat_interval = std::chrono::seconds{10};
  std::chrono::nanoseconds staleness_max = std::chrono::seconds{30};
  std::chrono::milliseconds tick = std::chrono::milliseconds{250};
  bool sends_eagerly = true; // hand answers to the kernel at once; off where descriptors are not real
  std::string service_name = "portcullis";
  std::string version;
  std::uint64_t request_id_seed = 0;
  std::function<instant()> now = boot_clock::now;
  std::function<timestamp()> wall_clock = wall_clock_now;
};

/// Whom the front asks.
struct http_front_peers {
  session_cache_actor cache;
  session_actor sessions;
  account_actor accounts;
  log_store_actor log;
  reaper_actor reaper;
  db_pool_actor pool; // for its numbers
};

/// Connections, routes and subscribers. http_front.cpp holds the connections' life, http_exchanges.cpp the order
/// of requests and answers, http_routes.cpp, http_accounts.cpp and http_admin.cpp what each route does,
/// http_feed.cpp the followers of the feed, http_probes.cpp the probes and numbers.
struct http_front_state {
  static inline const char* name = "http_front";
  using self_pointer = http_front_actor::stateful_broker_pointer<http_front_state>;

  void init(self_pointer owner, http_front_options opts, http_front_peers others);

  // -- connections (http_front.cpp)

  void accept(caf::io::connection_handle handle);
  void receive(caf::io::connection_handle handle, std::string_view input);
  void transferred(const caf::io::data_transferred_msg& news);
  void closed(caf::io::connection_handle handle);
  void serve();
  caf::result<applied> drain();

  // -- numbers (http_probes.cpp)

  caf::result<all_numbers> read_all_numbers();

  void tick();
  void end_patience();

  // -- the feed (http_feed.cpp)

  void apply(const log_progress& news);
  void apply(const epoch_changed& news);
  void apply(const cache_warmed& news);

private:
  /// A long poll.
  struct waiter {
    ticket to;
    cursor from;
    std::size_t limit = 0;
    instant deadline{};
  };

  // -- connections (http_front.cpp)

  http_connection* find(std::int64_t connection, std::uint64_t generation);
  http_connection* find(const ticket& to);
  http_exchange* find_exchange(http_connection& c, std::uint64_t id);
  void process(http_connection& c, std::string_view input);
  void note_reading(http_connection& c, instant now);
  void refuse(http_connection& c, const failure& what);
  void flush(http_connection& c);
  bool send_now(http_connection& c);
  void settle(http_connection& c);
  void linger(http_connection& c);
  void drop(http_connection& c);
  void pause_reading(http_connection& c);
  void resume_reading(http_connection& c);
  void check_reading(http_connection& c, instant now);
  void check_deadlines(http_connection& c, instant now);
  void refresh_date();
  void update_acceptor();

  // -- exchanges (http_exchanges.cpp)

  http_exchange& begin_exchange(http_connection& c, const http::request& r, http::route to, instant now);
  http::response_context context_of(const http_exchange& x) const;
  ticket ticket_of(const http_connection& c, const http_exchange& x) const;

  /// Where the response of `x` goes: to the connection's buffer, or aside while earlier ones are open.
  http::byte_buffer& response_of(http_connection& c, http_exchange& x);

  /// Call once the whole response is in `response_of`. Ends `x` and what was waiting for it; `x` is gone after it.
  void complete(http_connection& c, http_exchange& x, int status);
  void answer_json(http_connection& c, http_exchange& x, int status, std::string_view body);
  void answer_problem(http_connection& c, http_exchange& x, const failure& what, std::string_view allow = {});
  void answer_json(const ticket& to, int status, std::string_view body);
  void answer_problem(const ticket& to, const failure& what);

  // -- routes (http_routes.cpp)

  void dispatch(http_connection& c, const http::request& r, instant now);
  void handle(http_connection& c, http_exchange& x, const http::request& r, const http::match& m);
  void handle_resolve(http_connection& c, http_exchange& x, const http::request& r);
  void handle_introspect(http_connection& c, http_exchange& x, const http::request& r);
  void look_up(http_connection& c, http_exchange& x, const http::request& r, const token_hash& hash);
  bool is_read(const cursor& wanted) const;
  bool can_be_waited_for(const cursor& wanted) const;
  void resume_lookups();
  void time_patience();
  void send_lookups(http_connection& c);
  void answer_peeked(const peeked_sessions::answer& known, http_connection& c);
  void load(const ticket& to, const load_session& what);
  void answer_resolution(http_connection& c, http_exchange& x, session_status status,
                         const session_record& record);
  void handle_mint(http_connection& c, http_exchange& x, const http::request& r);
  void handle_guest_mint(http_connection& c, http_exchange& x, const http::request& r);
  void mint(http_connection& c, http_exchange& x, mint_request&& ask, bool tells_created);
  void handle_session(http_connection& c, http_exchange& x, const http::request& r, const http::match& m);
  void handle_user(http_connection& c, http_exchange& x, const http::request& r, const http::match& m);
  void list_sessions(http_connection& c, http_exchange& x, const http::request& r, const uuid& account_id,
                     std::optional<uuid> current);
  void revoke_session(http_connection& c, http_exchange& x, const http::request& r,
                      std::variant<uuid, token_hash> target, std::optional<uuid> owner);
  void revoke_account(http_connection& c, http_exchange& x, const http::request& r, const uuid& account_id,
                      std::optional<uuid> keep);

  // -- accounts (http_accounts.cpp)

  void handle_account(http_connection& c, http_exchange& x, const http::request& r, const http::match& m);
  void find_or_create_account(http_connection& c, http_exchange& x, const http::request& r);
  void update_account(http_connection& c, http_exchange& x, const http::request& r, const uuid& account_id);
  void link_identity(http_connection& c, http_exchange& x, const http::request& r, const uuid& account_id);
  void seat_player(http_connection& c, http_exchange& x, const http::request& r, const http::match& m);
  void delete_account(http_connection& c, http_exchange& x, const http::request& r, const uuid& account_id);

  // -- operators (http_admin.cpp)

  void handle_admin(http_connection& c, http_exchange& x, const http::request& r, const http::match& m);
  void list_accounts(http_connection& c, http_exchange& x, const http::request& r);
  void run_sweep(http_connection& c, http_exchange& x, const http::request& r);
  void read_stats(const ticket& to);
  std::string render_stats(const store::count_all::result& rows, const cache_stats& cache,
                           const pool_stats& pool) const;

  /// Asks an actor and answers with what `render` makes of the reply, or with the error's problem.
  template <class Reply, class Actor, class Message, class Render>
  void ask(http_connection& c, const http_exchange& x, const Actor& whom, Message&& what, Render render);

  // -- the feed (http_feed.cpp)

  void handle_revocations(http_connection& c, http_exchange& x, const http::request& r);
  void poll_events(http_connection& c, http_exchange& x, const http::request& r, std::optional<cursor> from);
  store::read_events::result up_to_ring(store::read_events::result page) const;
  void read_page(const waiter& asks);
  bool answer_from_ring(const waiter& asks);
  void wait_for_events(const waiter& asks);
  void subscribe(http_connection& c, http_exchange& x, std::optional<cursor> from);
  void pump(http_connection& c);
  void read_table(http_connection& c);
  void continue_from_table(http_connection& c, const store::read_events::result& page);
  void reset_subscriber(http_connection& c, std::string_view reason);
  void broadcast(const std::vector<revocation_event>& events, std::uint64_t before);
  void answer_waiters();
  void expire_waiters(instant now);
  void forget_gone_waiters();
  void forget_gone_subscribers();
  void end_streams();

  // -- probes (http_probes.cpp)

  void handle_probe(http_connection& c, http_exchange& x, http::route to);
  void handle_readyz(http_connection& c, http_exchange& x);
  void answer_readiness(const ticket& to, bool database_answers);
  void handle_metrics(http_connection& c, http_exchange& x);
  void collect(std::function<void(const metrics::snapshot&)> use);
  void add_own_numbers(metrics::snapshot& s) const;
  static void add_cache_numbers(metrics::snapshot& s, const cache_stats& cache);
  static void add_pool_numbers(metrics::snapshot& s, const pool_stats& pool);
  void count(const http_exchange& x, instant now);

  static constexpr std::size_t route_count = 64;

  struct route_numbers {
    std::vector<std::pair<int, std::uint64_t>> by_status;
    metrics::histogram latency;
  };

  enum class service_phase : std::uint8_t { starting, serving, draining };

  self_pointer self_ = nullptr;
  http_front_options options_;
  http_front_peers peers_;
  service_phase phase_ = service_phase::starting;
  caf::io::accept_handle acceptor_;
  bool accepts_ = true;
  std::vector<std::unique_ptr<http_connection>> connections_; // by descriptor
  std::size_t connection_count_ = 0;
  std::uint64_t next_generation_ = 1;
  std::uint64_t next_request_ = 0;
  std::vector<std::unique_ptr<http_connection>> deferred_deletes_; // dropped while a handler may still look at them
  std::optional<caf::typed_response_promise<applied>> drained_;
  std::string date_;
  std::int64_t date_second_ = -1;
  struct waiting_lookup {
    ticket to;
    token_hash hash;
    cursor wanted;
    instant until{}; // then the database is asked
  };

  std::vector<waiting_lookup> waiting_lookups_; // in the order of `until`
  bool is_patience_timed_ = false;
  std::vector<peek_sessions::lookup> lookups_; // of the read being processed

  event_ring ring_{1};
  bool has_position_ = false;
  bool is_warm_ = false;
  instant log_read_began_ = instant::min();
  std::vector<std::pair<std::int64_t, std::uint64_t>> subscribers_; // connection, generation
  std::size_t subscriber_count_ = 0;                                // of connections that are still there
  std::vector<waiter> waiters_;                                     // long polls

  std::array<route_numbers, route_count> numbers_;
  std::uint64_t accepted_ = 0;
  std::uint64_t turned_away_ = 0;
  std::uint64_t refused_requests_ = 0;
  std::uint64_t subscribers_cut_ = 0;
};

http_front_actor::behavior_type http_front(http_front_state::self_pointer self, http_front_options options,
                                           http_front_peers peers);

} // namespace portcullis
