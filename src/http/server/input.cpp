#include "http/server/input.hpp"

#include "core/token.hpp"
#include "http/server/request_id.hpp"
#include "http/server/request_span.hpp"
#include "http/server/server.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace portcullis::http {

namespace {

bool is_sane_request_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'
           || c == '.' || c == ':';
  }) && !may_hold_secret(id);
}

} // namespace

input::input(server& owner, const server_limits& limits, connections& all, output& out,
             std::uint64_t request_id_seed)
  : owner_(owner), limits_(limits), all_(all), out_(out), next_request_(request_id_seed) {}

bool input::is_short_of_memory() const noexcept {
  return all_.held_bytes() > limits_.held_bytes_max;
}

void input::take(connection& c, std::string_view wire) {
  byte_buffer decrypted;
  auto plain = wire;
  if (c.transport) {
    out_.mark_dirty(c); // it may have something to send itself
    bool was_established = c.transport->is_established();
    auto done = c.transport->receive(wire, decrypted, c.wire);
    if (!was_established && (!done || c.transport->is_established()))
      ++(done ? count.handshakes : count.handshakes_failed);
    if (!done) {
      ++count.refused;
      log::debug("connection refused", {{"reason", done.error().detail}});
      c.takes_requests = false;
      c.state = connection::mode::closing;
      return;
    }
    plain = {decrypted.data(), decrypted.size()};
  }
  if (c.is_paused)
    keep(c, plain);
  else if (!plain.empty())
    process(c, plain);
}

void input::process(connection& c, std::string_view plain) {
  auto now = owner_.now(); // once for all that came with one read
  for (bool more = true; more && c.takes_requests && c.state == connection::mode::open;) {
    bool is_full =
      c.exchanges.size() >= limits_.pipelined_max || c.unsent + c.out.size() > limits_.unsent_bytes_max;
    if (is_full || c.is_blocked()) {
      c.is_paused = true;
      keep(c, plain);
      break;
    }
    switch (c.reader.read(plain)) {
    case request_reader::status::need_more:
      more = false;
      break;
    case request_reader::status::want_continue:
      // With answers outstanding it would come out of order; the client goes on by itself then.
      if (c.exchanges.empty())
        append(c.out, continue_response);
      break;
    case request_reader::status::complete:
      dispatch(c, c.reader.current(), now);
      break;
    case request_reader::status::failed:
      refuse(c, c.reader.error());
      break;
    }
  }
  c.note_reading(now);
  all_.account(c);
  if (is_short_of_memory() && c.state == connection::mode::open && c.takes_requests && c.reader.in_request()) {
    ++count.short_of_memory;
    refuse(c, {errc::overloaded, "connections hold more memory than they may"});
  }
  out_.mark_dirty(c);
}

/// Keeps input for later. The socket is read on, so that the peer's leaving is noticed, up to a bound.
void input::keep(connection& c, std::string_view rest) {
  c.backlog.append(rest);
  if (c.backlog.size() > limits_.backlog_bytes_max)
    all_.halt(c);
}

void input::resume(connection& c) {
  c.is_paused = false;
  auto backlog = std::exchange(c.backlog, {});
  process(c, backlog);
  if (c.backlog.size() <= limits_.backlog_bytes_max)
    all_.unhalt(c);
}

exchange& input::begin(connection& c, const request& r, const route* to, instant now) {
  c.reading_since = now;
  auto& x = c.begin_exchange();
  x.to = to;
  x.method = r.method;
  x.is_tls = c.transport != nullptr;
  x.is_head = r.method == verb::head;
  x.keep_alive = r.keep_alive && !owner_.is_stopping();
  x.is_http_1_0 = r.is_http_1_0;
  c.takes_requests = x.keep_alive;
  x.began = now;
  x.deadline = now + limits_.request_timeout;
  auto id = r.get(field::x_request_id);
  x.request_id = is_sane_request_id(id) ? std::string{id} : make_request_id(next_request_++);
  x.span = start_span_of(r, x);
  return x;
}

void input::dispatch(connection& c, const request& r, instant now) {
  auto found = routes.find(r.method, r.path);
  auto& x = begin(c, r, found.to, now);
  if (found.to == nullptr) {
    if (found.is_path_known)
      return out_.problem(c, x, {errc::method_not_allowed, "the resource does not take this method"}, found.allow);
    return out_.problem(c, x, {errc::route_unknown, "there is no such resource"});
  }
  bool is_early = found.to->group == audience::probe || has(found.to->traits, trait::early);
  if (owner_.at() == server::phase::starting && !is_early) {
    if (!park(c, x, r))
      out_.problem(c, x, {errc::starting, "the service is starting"});
    return;
  }
  if (is_short_of_memory() && found.to->group != audience::probe) {
    ++count.short_of_memory;
    x.keep_alive = false;
    c.takes_requests = false;
    return out_.problem(c, x, {errc::overloaded, "connections hold more memory than they may"});
  }
  run(c, x, r, found.params);
}

/// A rolling restart sends requests to a process that has only just bound its port: they wait a moment.
bool input::park(connection& c, exchange& x, const request& r) {
  if (parked_.size() >= limits_.parked_max)
    return false;
  x.waits_for = "the start of the service";
  x.parked = std::make_unique<owned_request>(r);
  parked_.push_back({c.handle.id(), c.generation, x.id});
  return true;
}

void input::run_parked() {
  for (auto& waiting : std::exchange(parked_, {})) {
    auto [c, x] = all_.find_exchange(waiting);
    if (x == nullptr)
      continue;
    auto parked = std::move(x->parked);
    auto found = routes.find(parked->get().method, parked->get().path);
    run(*c, *x, parked->get(), found.params);
    out_.mark_dirty(*c); // what came behind it is looked at
  }
}

/// A handler that throws (there is no memory) is given up: its request gets a 500, and those behind it are served.
void input::run(connection& c, exchange& x, const request& r, const path_params& params) {
  ticket which{c.handle.id(), c.generation, x.id};
  try {
    call asked{r, params, {{}, c.address}};
    if (auto refused = ask_gate(c, x, asked, which)) {
      std::vector<extra_header> fields;
      for (auto& [name, value] : refused->fields)
        fields.push_back({name, value});
      return out_.problem(c, x, refused->why, {}, fields);
    }
    x.to->handler(asked, responder{&owner_, which});
  } catch (const std::exception& e) {
    log::error("handler failed", {{"reason", e.what()}});
    if (auto* open = c.find_exchange(which.exchange))
      out_.problem(c, *open, {errc::internal, "the request could not be handled"});
  }
}

std::optional<refusal> input::ask_gate(const connection& c, exchange& x, call& asked, const ticket& which) const {
  if (!is_let_pass)
    return std::nullopt;
  request_origin from{c.acceptor, c.transport ? &c.transport->peer() : nullptr, c.address, &x.asker,
                      responder{&owner_, which}};
  return is_let_pass(asked, *x.to, from);
}

void input::refuse(connection& c, const failure& why) {
  ++count.refused;
  auto& x = begin(c, {}, nullptr, owner_.now());
  x.keep_alive = false;
  c.takes_requests = false;
  out_.problem(c, x, why);
}

} // namespace portcullis::http
