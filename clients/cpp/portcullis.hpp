#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

/// Portcullis from C++17: calls, and a cache of sessions that hears of every revocation. Needs libcurl, Boost.JSON
/// and OpenSSL's libcrypto, and nothing of the service's own sources.
namespace portcullis::client {

/// Of one monotonic clock; since whenever that began.
using instant = std::chrono::nanoseconds;
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

struct session {
  std::string session_id;
  std::string account_id;
  bool is_guest = false;
  std::string created_at;
  std::optional<timestamp> expires_at; // by the service's clock; nothing: it lives until it is revoked
};

/// A place in the revocation log. The epoch names a history; a seq means nothing in another one.
struct cursor {
  std::string epoch;
  std::uint64_t seq = 0;
};
std::optional<cursor> parse_cursor(std::string_view text);
std::string to_string(const cursor& place);

struct event {
  std::uint64_t seq = 0;
  std::string session_id; // empty: all that the account had
  std::string account_id;
  std::string reason;
};

enum class kind {
  active,
  dead, // revoked
  expired,
  unknown,
  ask,         // the service has to be asked
  again,       // a revocation overtook the answer
  unavailable, // nobody can say
};
std::string_view to_string(kind what) noexcept;

struct verdict {
  kind is = kind::unavailable;
  std::optional<session> whose{}; // with `active`
};

struct cache_options {
  std::size_t entries_max = 50'000;
  std::chrono::nanoseconds ttl = std::chrono::minutes{10};
  std::chrono::nanoseconds staleness_max = std::chrono::minutes{1};
};

/// Sessions by the hash of their token: the least recently used goes, each is believed for `ttl`, and none past
/// the lease, which ends `staleness_max` after the state of the log that was last read, or past its own end, which
/// is told by the service's clock. No socket and no clock. Not thread-safe.
class session_cache {
public:
  using load_id = std::uint64_t;

  /// What a page of the feed brought.
  struct page {
    std::vector<event> events;
    bool is_reset = false; // events may be missing before these
    bool has_more = false; // to read at once
  };

  explicit session_cache(const cache_options& opts = {}) : options_(opts) {}

  bool has_lease(instant now) const noexcept;

  /// `active`, `dead` or `ask`.
  verdict peek(const std::string& hash, instant now, std::string_view min_cursor = {});

  /// A look-up at the service, to be followed by `question` and `finish`.
  load_id begin(std::string hash, std::string min_cursor = {});
  /// The body of `POST /sessions/lookup`. To be called when it is sent, each time that it is.
  boost::json::object question(load_id load);
  /// As `peek`, or `unknown`, `expired`, `again`, `unavailable`. `answer`: null where there was none with 200.
  verdict finish(load_id load, const boost::json::value& answer, instant sent, instant now);

  std::string feed_query(int wait_s) const;
  /// Takes in the answer to `feed_query`. Nothing: it is no such answer, and nothing was changed.
  std::optional<page> apply(const boost::json::value& answer, instant sent);

private:
  struct entry {
    std::string hash;
    std::optional<session> whose; // nothing: it is dead
    instant loaded{};
  };
  struct pending {
    std::string hash;
    std::string min_cursor;
    unsigned attempts = 0;
    std::unordered_set<std::string> ended; // sessions and accounts that were revoked since it was sent
    bool is_void = false;                  // everything was forgotten since
  };
  /// What the service's clock showed, at the earliest moment here at which it can have shown it.
  struct reading {
    timestamp said;
    instant heard;
  };

  bool has_read(std::string_view wanted) const;
  bool may_be_over(const session& whose, instant now) const;
  std::string at_least(const std::string& wanted) const;
  verdict judge(const pending& load, const boost::json::value& answer, instant sent, instant now);
  verdict judge_active(const pending& load, session whose, instant now);
  std::optional<std::vector<event>> events_of(const boost::json::object& answer, std::uint64_t read,
                                              std::uint64_t last) const;
  void end(const event& what);
  void forget_all();
  void hold(const std::string& hash, std::optional<session> whose, instant now);
  void drop(const std::string& hash);
  void unlink(const entry& held);

  cache_options options_;
  std::optional<cursor> position_;     // what was read of the log
  instant as_of_ = instant::min() / 2; // everything that was revoked before this is known
  std::optional<reading> service_clock_;
  std::list<entry> used_; // the most recently used first
  std::unordered_map<std::string, std::list<entry>::iterator> entries_;
  std::unordered_map<std::string, std::string> by_session_;
  std::unordered_map<std::string, std::unordered_set<std::string>> by_account_;
  std::unordered_map<load_id, pending> loads_;
  load_id next_load_ = 1;
};

struct client_options {
  std::string url;              // http or https
  std::string key;              // shown as X-Caller-Key; a secret
  std::string ca_file;          // whose servers are trusted; empty: the system's authorities
  std::string certificate_file; // the client certificate (PEM), and its key
  std::string key_file;
  std::chrono::milliseconds timeout{5'000};
};

/// An answer of the service.
struct answer {
  int status = 0; // 0: none came
  boost::json::value body;

  bool is_success() const noexcept {
    return status >= 200 && status < 300;
  }
  /// Of a problem; empty where it has none.
  std::string code() const;
};

struct call_parts {
  std::string token{};
  std::string min_cursor{};
  std::optional<boost::json::value> body{};
};

/// Calls, over kept connections. Thread-safe.
class client {
public:
  explicit client(client_options opts);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  answer call(const char* method, const std::string& path, const call_parts& parts = {}) const;

  answer mint_session(const std::string& account_id, boost::json::object device = {}) const;
  /// For the account that has this identity, which is made if there is none.
  answer mint_session_for(const std::string& identity_kind, const std::string& external_id,
                          boost::json::object device = {}) const;
  answer mint_guest(boost::json::object device = {}) const;
  answer resolve(const std::string& token, const std::string& min_cursor = {}) const;
  answer revoke(const std::string& token, const std::string& reason = {}) const;
  answer revoke_session(const std::string& session_id, const std::string& reason = {}) const;
  answer revoke_account_sessions(const std::string& account_id, const std::string& reason = {}) const;
  answer lookup(boost::json::object question) const;
  answer revocations(const std::string& query) const;

private:
  class handles;

  client_options options_;
  std::unique_ptr<handles> handles_;
};

/// Answers from memory as long as the revocation log was read recently enough, and asks the service otherwise.
/// What was revoked at T is denied at T + `staleness_max` at the latest, whatever happens in between. Thread-safe.
class follower {
public:
  /// Called on the thread that reads the feed, with each event once and in order. Must not throw.
  using listener = std::function<void(const session_cache::page&)>;

  /// Starts the thread. `asked` outlives it.
  explicit follower(const client& asked, const cache_options& opts = {}, listener on_events = nullptr);
  ~follower();
  follower(const follower&) = delete;
  follower& operator=(const follower&) = delete;

  /// `active`, `dead`, `expired`, `unknown` or `unavailable`. With the cursor of a revocation the answer is no
  /// older than that.
  verdict verify(std::string_view token, const std::string& min_cursor = {});

  /// Whether memory may be answered from.
  bool is_current() const;

private:
  verdict load(const std::string& hash, const std::string& min_cursor);
  void follow();
  bool read();

  const client& client_;
  listener on_events_;
  mutable std::mutex mutex_; // of what follows
  session_cache cache_;
  bool is_stopping_ = false;
  std::condition_variable stopping_;
  std::thread thread_;
};

/// Whether it can be a session's token, by its form and its checksum: what is none need not be asked for.
bool is_token(std::string_view text);

/// What a guard answers instead of the handler: problem+json, and these headers where they are not empty.
struct refusal {
  int status = 401;
  std::string code;
  std::string body;
  std::string www_authenticate{};
  std::string retry_after{};
};

/// For whatever server: the session of a request with these `Authorization` fields, or what to answer it: 401, or
/// 503 while nobody can say.
std::variant<session, refusal> guard(follower& who, const std::vector<std::string_view>& authorization);

} // namespace portcullis::client
