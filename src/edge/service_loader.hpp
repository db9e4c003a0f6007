#pragma once

#include "actors/interfaces.hpp"
#include "edge/http_client.hpp"
#include "edge/log_position.hpp"

#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

namespace portcullis::edge {

struct service_loader_options {
  std::size_t batch_max = 256;      // tokens in one request; the service takes no more
  std::size_t batches_out_max = 4;  // requests at one time
  std::size_t awaited_out_max = 2;  // beside those: requests for callers who bring a cursor, which may wait for it
  std::size_t waiting_max = 10'000; // tokens that wait for the next request
  /// No answer is believed that tells of a state older than this.
  std::chrono::nanoseconds staleness_max = std::chrono::seconds{60};
  std::function<instant()> now = boot_clock::now;
};

/// What waits while every request is out goes into the next. That two callers do not ask for the same token is the
/// cache's care. Those who bring a cursor go in requests of their own: theirs may be answered later, and a cursor
/// that nobody has reached yet holds up nobody else.
struct service_loader_state {
  static inline const char* name = "service_loader";
  using promise = caf::typed_response_promise<store::find_session::result>;

  struct miss {
    token_hash hash;
    std::optional<cursor> at_least;
    promise answer;
    trace_point asked_by{};
  };

  /// Sends one batch; its answer comes back as `lookup_answered`.
  using send_function =
    std::function<void(std::uint64_t batch, std::vector<token_hash> hashes, const std::optional<cursor>& at_least,
                       std::vector<trace_point> asked_by)>;

  bool has_room() const noexcept;
  void add(miss what);
  void answered(const lookup_answered& news);

  service_loader_options options;
  send_function send;

private:
  /// What waits, and how many requests of it are out.
  struct lane {
    std::deque<miss> waiting;
    std::size_t out = 0;
  };

  lane& lane_of(const miss& what) noexcept;
  void send_waiting(lane& from, std::size_t out_max);
  void send_waiting();
  std::vector<miss> take_batch(lane& from) const;
  static std::vector<trace_point> askers_of(const std::vector<miss>& batch);

  lane plain_;
  lane awaited_; // each brings a cursor
  std::unordered_map<std::uint64_t, std::vector<miss>> out_;
  std::uint64_t last_batch_ = 0;
};

/// `position` is noted before the cache applies what was read up to it; `http` answers every request.
service_loader_actor::behavior_type service_loader(
  service_loader_actor::stateful_pointer<service_loader_state> self, service_loader_options options,
  http_send http, log_position_ptr position);

} // namespace portcullis::edge
