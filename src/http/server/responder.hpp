#pragma once

#include "core/error.hpp"
#include "core/time.hpp"
#include "core/trace_point.hpp"
#include "http/response.hpp"
#include "http/stream.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::http {

class server;

/// Names one request of one connection across time. CAF's connection handle is the descriptor's number, which the
/// next client gets; the generation is never used twice, so an answer for a client that has left finds nobody
/// (rule 7).
struct ticket {
  std::int64_t connection = -1;
  std::uint64_t generation = 0;
  std::uint64_t exchange = 0;
};

/// Where the answer to one request goes, now or later. Small, copied freely; an answer for a client that has left,
/// or a second answer, goes nowhere. Lives on the server's thread.
class responder {
public:
  responder() = default;
  responder(server* to, const ticket& which) : server_(to), ticket_(which) {}

  void json(int status, std::string_view body, const std::vector<extra_header>& extra = {}) const;

  /// An answer without a body (`content_type` empty), or with one of another type.
  void answer(int status, std::string_view content_type, std::string_view body,
              const std::vector<extra_header>& extra = {}) const;

  void problem(const failure& what, std::string_view allow = {}) const;

  /// Has `write(byte_buffer&, const response_context&)` append the whole response of `status` in place.
  template <class Write>
  void write(int status, Write&& write) const;

  /// Turns the connection into a stream. `write_head` appends the head and what is to follow it at once;
  /// `drained` is called whenever all that was appended has been taken, `ended` once when it is over. Null if
  /// the client has gone. Only for the first request in a connection's order: see `is_first`.
  std::unique_ptr<stream> open_stream(const std::function<void(byte_buffer&, const response_context&)>& write_head,
                                      std::function<void()> drained, std::function<void()> ended) const;

  /// Whether no earlier request of the connection is open.
  bool is_first() const;

  /// Whether the request can still be answered.
  bool is_open() const;

  /// HEAD: the headers of the answer to GET.
  bool is_head() const;

  /// When the request came.
  instant began() const;

  /// When the server answers in the handler's place.
  instant deadline() const;

  /// The request may take so much longer than the server's request time-out.
  void extend_deadline(std::chrono::nanoseconds by) const;

  /// What the caller is told of if nothing answers before the deadline: "the sweep". Static storage.
  void waits_for(std::string_view what) const;

  /// The id by which the answer can be told from others: the client's own, if it sent one.
  std::string request_id() const;

  /// The trace that the request's span belongs to; all zero when nothing is recorded.
  std::array<std::uint8_t, 16> trace_id() const;

  /// The request's span, for who works on it; not sampled when nothing is recorded.
  trace_point asked_by() const;

  const ticket& which() const noexcept {
    return ticket_;
  }

private:
  server* server_ = nullptr;
  ticket ticket_;
};

} // namespace portcullis::http
