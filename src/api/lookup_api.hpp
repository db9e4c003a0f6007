#pragma once

#include "api/cursor_wait.hpp"
#include "api/json.hpp"
#include "api/module.hpp"
#include "http/server/server.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

namespace portcullis::api {

/// Many look-ups by hash in one request, for edges: they keep the answers, so they need to know how new they are.
/// Every answer is no older than the cursor and the log's age that come with it, and than the cursor that was
/// asked for.
class lookup_api final : public module {
public:
  lookup_api(front_pointer self, http::server& server, session_cache_actor cache,
             std::chrono::nanoseconds cursor_wait = std::chrono::milliseconds{150});

  void add_routes(http::router& to) override;
  using module::apply;
  void apply(const log_progress& progress) override;
  void apply(const epoch_changed& change) override;
  void timer() override;

private:
  /// A request whose hashes are being looked up.
  struct batch;
  using batch_ptr = std::shared_ptr<batch>;

  void look_up(const http::call& c, http::responder to);
  void peek(const batch_ptr& b, instant read_after);
  void take(const batch_ptr& b, const peeked_sessions& known);
  void load(const batch_ptr& b, std::size_t index, const load_session& what);
  static void finish(const batch_ptr& b);
  void time_waiting();

  front_pointer self_;
  http::server& server_;
  session_cache_actor cache_;
  std::chrono::nanoseconds cursor_wait_;
  cursor_wait waiting_;
  instant log_as_of_ = instant::min(); // when the last complete read of the log began
};

} // namespace portcullis::api
