#pragma once

#include "actors/fixture.hpp"
#include "caf/test/io_dsl.hpp"

#include "api/front.hpp"
#include "app/front_parts.hpp"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::test {

struct response {
  int status = 0;
  std::string head;
  std::string body;

  bool has(std::string_view text) const {
    return head.find(text) != std::string::npos;
  }

  bool tells(std::string_view text) const {
    return body.find(text) != std::string::npos;
  }
};

/// Takes apart what a connection received; a response without a length takes all that is left.
inline std::vector<response> parse_responses(std::string_view text) {
  std::vector<response> result;
  while (!text.empty()) {
    const auto end = text.find("\r\n\r\n");
    CAF_REQUIRE(end != std::string_view::npos);
    auto& r = result.emplace_back();
    r.head = text.substr(0, end + 2);
    text.remove_prefix(end + 4);
    std::from_chars(r.head.data() + 9, r.head.data() + 12, r.status);
    constexpr std::string_view field = "\r\nContent-Length: ";
    auto length = text.size();
    if (const auto at = r.head.find(field); at != std::string::npos)
      std::from_chars(r.head.data() + at + field.size(), r.head.data() + r.head.size(), length);
    else if (r.status == 204)
      length = 0;
    CAF_REQUIRE(length <= text.size());
    r.body = text.substr(0, length);
    text.remove_prefix(length);
  }
  return result;
}

/// The test multiplexer's descriptors are not real: everything goes through its buffers.
class buffer_sockets final : public http::sockets {
public:
  std::ptrdiff_t send(std::int64_t, const char*, std::size_t) noexcept override {
    return 0;
  }
  void shut_down(std::int64_t, bool) noexcept override {}
  void set_write_timeout(std::int64_t, std::int64_t) noexcept override {}
};

/// The front on sockets that are buffers, among peers that answer when the test says so.
struct http_fixture : test_node_fixture<test_coordinator_fixture<with_messages<test_node_fixture_config>>> {
  using handle = caf::io::connection_handle;

  hand_clock clock;
  probe_ptr peers = std::make_shared<probe>();
  http::server_options server;
  http::server_limits& limits = server.limits;
  front_parts_options parts;
  http_front_actor front;
  caf::io::accept_handle acceptor = caf::io::accept_handle::from_int(1000);
  token secret = token::from_random({{1, 2, 3}});

  http_fixture() {
    server.calls = std::make_shared<buffer_sockets>();
    server.now = clock.reader();
    server.wall_clock = [] { return *parse_rfc3339("2026-01-02T03:04:05Z"); };
    parts.service_name = "portcullis";
    parts.version = "1.2.3";
  }

  /// A test that leaves a request untaken did not expect it.
  ~http_fixture() override {
    CAF_CHECK(peers->empty());
    peers->clear();
    anon_send_exit(front, caf::exit_reason::kill);
    consume_messages();
    // A dead broker still takes messages in, and a tick from itself would keep it alive for ever.
    sched.clock().cancel_all();
  }

  void start() {
    front_peers who;
    who.pool = spawn_fake<db_pool_actor>(sys, peers);
    who.cache = spawn_fake<session_cache_actor>(sys, peers);
    who.sessions = spawn_fake<session_actor>(sys, peers);
    who.accounts = spawn_fake<account_actor>(sys, peers);
    api::front_options options;
    options.server = server;
    options.make_parts = [this, who](api::front_pointer broker, http::server& s) {
      return make_front_parts(broker, s, who, parts);
    };
    front = mm.spawn_broker(api::front, options);
    auto* broker = static_cast<caf::io::abstract_broker*>(caf::actor_cast<caf::abstract_actor*>(front));
    broker->add_doorman(mpx.new_doorman(acceptor, 80));
    consume_messages();
  }

  /// Starts it as it is once the log has been read up to 10 and memory is warm.
  void start_serving() {
    start();
    tell(portcullis::start_serving{});
    tell(epoch_changed{{1, 10}, "start"});
    tell(cache_warmed{});
    tell(log_progress{clock.now(), {1, 10}, {}});
  }

  template <class Message>
  void tell(const Message& news) {
    caf::anon_send(front, news);
    consume_messages();
  }

  void tick() {
    tell(tick_atom_v);
  }

  template <class Duration>
  void pass(Duration time) {
    clock.advance(time);
    tick();
  }

  // -- clients

  /// A client whose connection has the given descriptor.
  handle connect(std::int64_t descriptor) {
    const auto client = handle::from_int(descriptor);
    mpx.virtual_network_buffer(client).clear();
    mpx.output_buffer(client).clear();
    mpx.stopped_reading(client) = false;
    mpx.passive_mode(client) = false;
    mpx.add_pending_connect(acceptor, client);
    mpx.accept_connection(acceptor);
    consume_messages();
    return client;
  }

  void leave(handle client) {
    mpx.impl_ptr(client)->io_failure(&mpx, caf::io::network::operation::read);
    consume_messages();
  }

  void send(handle client, std::string_view text) {
    mpx.virtual_send(client, {text.begin(), text.end()});
    consume_messages();
  }

  void get(handle client, std::string_view target, std::string_view fields = {}) {
    request(client, "GET", target, fields);
  }

  void request(handle client, std::string_view method, std::string_view target, std::string_view fields = {},
               std::string_view body = {}) {
    std::string text;
    text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: h\r\n").append(fields);
    if (!body.empty())
      text.append("Content-Type: application/json\r\nContent-Length: ").append(std::to_string(body.size())) +=
        "\r\n";
    text.append("\r\n").append(body);
    send(client, text);
  }

  std::string bearer() const {
    return "Authorization: Bearer " + std::string{secret.reveal()} + "\r\n";
  }

  /// What was written to the client and is not read by it.
  std::size_t unread(handle client) {
    return mpx.output_buffer(client).size();
  }

  /// The client reads everything.
  std::string read(handle client) {
    auto& buffer = mpx.output_buffer(client);
    std::string text{buffer.begin(), buffer.end()};
    buffer.clear();
    if (!text.empty())
      tell(caf::io::data_transferred_msg{client, text.size(), 0});
    return text;
  }

  std::vector<response> read_responses(handle client) {
    return parse_responses(read(client));
  }

  response read_response(handle client) {
    auto all = read_responses(client);
    CAF_REQUIRE_EQUAL(all.size(), 1u);
    return all[0];
  }

  bool is_closed(handle client) {
    return mpx.stopped_reading(client);
  }

  // -- peers

  template <class Message>
  question<Message> take() {
    return peers->take<Message>();
  }

  template <class Question, class Reply>
  void answer(Question& asked, Reply reply) {
    asked.answer(std::move(reply));
    consume_messages();
  }

  template <class Question>
  void fail(Question& asked, errc code) {
    asked.fail(code, "scripted");
    consume_messages();
  }
};

/// One client that speaks to a front which serves.
struct http_client_fixture : http_fixture {
  handle client{};

  void open() {
    start_serving();
    client = connect(1);
  }

  int status() {
    return read_response(client).status;
  }
};

inline const std::string internal = "/api/v1/internal";

/// What the cache says to a look-up.
inline peeked_sessions::answer peeked(const peek_sessions::lookup& asked, peeked_sessions::knowledge known,
                                      const session_record& record = {}) {
  peeked_sessions::answer result;
  result.exchange = asked.exchange;
  result.hash = asked.hash;
  result.known = known;
  result.record = record;
  result.read_after = asked.read_after;
  result.connection = asked.connection;
  result.generation = asked.generation;
  result.purpose = asked.purpose;
  return result;
}

/// An id as JSON has it.
inline std::string quoted(std::uint32_t n) {
  return '"' + to_string(make_uuid(n)) + '"';
}

} // namespace portcullis::test
