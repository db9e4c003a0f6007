#pragma once

#include "core/error.hpp"
#include "http/server/access_log.hpp"
#include "http/server/connections.hpp"
#include "http/server/failure_log.hpp"
#include "http/server/request_numbers.hpp"
#include "http/server/sockets.hpp"

#include <caf/io/abstract_broker.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::http {

/// From an answer to the socket. Answers are collected while an event is handled (a turn) and go to the kernel at
/// its end, one `send` for each connection.
class output {
public:
  output(caf::io::abstract_broker* broker, connections& all, std::shared_ptr<sockets> calls,
         std::function<instant()> now, std::function<timestamp()> wall_clock);

  /// Called at the end of each turn, before answers go out: for what was collected meanwhile.
  std::function<void()> on_turn_end;

  /// Called once a connection's answers are on their way: ends one that is finished, reads on from one that had to
  /// wait.
  std::function<void(connection&)> on_flushed;

  /// Called with each answer to a request of which the gate noted who asks.
  std::function<void(std::uint64_t asker, int status)> on_answer;

  /// A turn may begin within another; the outermost one's end sends.
  void begin_turn() noexcept {
    if (depth_++ == 0)
      turn_began_ = now_();
  }
  void end_turn() noexcept {
    if (--depth_ == 0)
      send_all();
  }

  response_context context_of(const exchange& x) const;

  /// The whole response has been appended. `x` may be gone after it.
  void complete(connection& c, exchange& x, int status);

  void problem(connection& c, exchange& x, const failure& why, std::string_view allow = {},
               const std::vector<extra_header>& extra = {});

  /// It has something to send, or is to be looked at, at the end of the turn.
  void mark_dirty(connection& c);

  void refresh_date();

  request_numbers numbers;
  access_log accesses;

  /// How long the turns took.
  const metrics::histogram& turns() const noexcept {
    return turns_;
  }

private:
  void send_all() noexcept;
  void flush(connection& c);
  bool encrypt(connection& c);
  bool send_now(connection& c, byte_buffer& bytes);

  caf::io::abstract_broker* broker_;
  connections& all_;
  std::shared_ptr<sockets> calls_;
  std::function<instant()> now_;
  std::function<timestamp()> wall_clock_;
  int depth_ = 0;
  instant turn_began_{};
  metrics::histogram turns_;
  failure_log failures_;
  std::vector<ticket> dirty_;
  std::string date_;
  std::int64_t date_second_ = -1;
};

} // namespace portcullis::http
