#include "http/server/responder.hpp"

#include "http/problem.hpp"
#include "http/server/server.hpp"

#include <utility>

namespace portcullis::http {

/// The server's side of a stream: finds its connection anew for every call.
class connection_stream final : public stream {
public:
  connection_stream(server& s, const ticket& which) : server_(s), ticket_(which) {}

  void append(std::string_view bytes) override {
    server::turn t{server_};
    if (auto* c = find()) {
      c->out.insert(c->out.end(), bytes.begin(), bytes.end());
      server_.output_.mark_dirty(*c);
    }
  }

  std::size_t unsent() const override {
    auto* c = find();
    return c != nullptr ? c->unsent + c->out.size() + c->wire.size() : 0;
  }

  bool is_open() const override {
    return find() != nullptr;
  }

  void cut() override {
    server::turn t{server_};
    if (auto* c = find())
      server_.connections_.drop(*c);
  }

  void close() override {
    server::turn t{server_};
    if (auto* c = find()) {
      c->state = connection::mode::closing;
      server_.output_.mark_dirty(*c);
    }
  }

private:
  connection* find() const {
    auto* c = server_.connections_.find(ticket_);
    return c != nullptr && c->state == connection::mode::streaming ? c : nullptr;
  }

  server& server_;
  ticket ticket_;
};

void responder::json(int status, std::string_view body, const std::vector<extra_header>& extra) const {
  answer(status, body.empty() ? std::string_view{} : media_type_json, body, extra);
}

void responder::answer(int status, std::string_view content_type, std::string_view body,
                       const std::vector<extra_header>& extra) const {
  write(status, [&](byte_buffer& out, const response_context& ctx) {
    append_response(out, ctx, status, content_type, body, extra);
  });
}

void responder::problem(const failure& what, std::string_view allow) const {
  if (server_ == nullptr)
    return;
  server::turn t{*server_};
  auto [c, x] = server_->connections_.find_exchange(ticket_);
  if (x != nullptr)
    server_->output_.problem(*c, *x, what, allow);
}

std::unique_ptr<stream> responder::open_stream(
  const std::function<void(byte_buffer&, const response_context&)>& write_head, std::function<void()> drained,
  std::function<void()> ended) const {
  if (server_ == nullptr)
    return nullptr;
  server::turn t{*server_};
  auto [c, x] = server_->connections_.find_exchange(ticket_);
  if (x == nullptr || !c->is_first(*x))
    return nullptr;
  x->keep_alive = false; // the stream ends with the connection
  c->takes_requests = false;
  write_head(c->out, server_->output_.context_of(*x));
  server_->output_.complete(*c, *x, 200);
  c->state = connection::mode::streaming;
  c->backlog.clear();
  c->events = std::make_unique<stream_events>();
  c->events->drained = std::move(drained);
  c->events->ended = std::move(ended);
  return std::make_unique<connection_stream>(*server_, ticket_);
}

bool responder::is_first() const {
  auto [c, x] = server_->connections_.find_exchange(ticket_);
  return x != nullptr && c->is_first(*x);
}

bool responder::is_open() const {
  return server_ != nullptr && server_->connections_.find_exchange(ticket_).second != nullptr;
}

bool responder::is_head() const {
  auto* x = server_->connections_.find_exchange(ticket_).second;
  return x != nullptr && x->is_head;
}

instant responder::began() const {
  auto* x = server_->connections_.find_exchange(ticket_).second;
  return x != nullptr ? x->began : server_->now();
}

instant responder::deadline() const {
  auto* x = server_->connections_.find_exchange(ticket_).second;
  return x != nullptr ? x->deadline : server_->now();
}

std::string responder::request_id() const {
  auto* x = server_->connections_.find_exchange(ticket_).second;
  return x != nullptr ? x->request_id : std::string{};
}

std::array<std::uint8_t, 16> responder::trace_id() const {
  auto* x = server_->connections_.find_exchange(ticket_).second;
  return x != nullptr ? x->span.context().trace_id : std::array<std::uint8_t, 16>{};
}

trace_point responder::asked_by() const {
  auto* x = tracing::is_on() ? server_->connections_.find_exchange(ticket_).second : nullptr;
  return x != nullptr ? tracing::point_of(x->span) : trace_point{};
}

void responder::extend_deadline(std::chrono::nanoseconds by) const {
  if (auto* x = server_->connections_.find_exchange(ticket_).second)
    x->deadline += by;
}

void responder::waits_for(std::string_view what) const {
  if (auto* x = server_->connections_.find_exchange(ticket_).second)
    x->waits_for = what;
}

} // namespace portcullis::http
