#include "actors/fixture.hpp"

#include "actors/on_io_thread.hpp"
#include "actors/session_cache.hpp"
#include "api/front.hpp"
#include "app/front_parts.hpp"
#include "core/allocation_count.hpp"
#include "net/listener.hpp"

#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <string>
#include <string_view>

using namespace portcullis;
using namespace portcullis::test;

namespace {

constexpr std::size_t requests = 1000;

/// CAF's cost of asking the cache: the look-ups and the message that carries them, the handler of the answer, the
/// answers, their tuple and their message, and a place in the multiplexer's list of actors to run.
constexpr double messages = 7;

constexpr double slack = 0.1; // for what CAF's clock and scheduler do meanwhile

struct config : caf::actor_system_config {
  config() {
    load<caf::io::middleman>();
    add_message_types<caf::id_block::portcullis>();
    set("middleman.workers", std::size_t{0});
  }
};

/// The loop handles nothing from the construction to `end`: what is sent meanwhile is there all at once.
class loop_stop {
public:
  explicit loop_stop(caf::actor_system& system) {
    auto until = released_.get_future().share();
    auto stop = spawn_on_io_thread(
      system,
      [](caf::event_based_actor* self, std::promise<void>* reached, const std::shared_future<void>& over) {
        self->send(self, tick_atom_v);
        return caf::behavior{[=](tick_atom) {
          reached->set_value();
          over.wait();
          self->quit();
        }};
      },
      &reached_, until);
    reached_.get_future().wait();
  }
  ~loop_stop() {
    end();
  }
  loop_stop(const loop_stop&) = delete;
  loop_stop& operator=(const loop_stop&) = delete;

  void end() {
    if (!std::exchange(is_over_, true))
      released_.set_value();
  }

private:
  std::promise<void> reached_;
  std::promise<void> released_;
  bool is_over_ = false;
};

/// The front and the cache on CAF's own multiplexer, as the service runs them, and one session in memory. Nothing
/// else in the process has work to do, so whatever is allocated between a request and its answer is the request's.
struct running_front {
  config settings;
  caf::actor_system system{settings};
  probe_ptr peers = std::make_shared<probe>();
  session_cache_actor cache;
  http_front_actor front;
  token secret = token::from_random({{1, 2, 3}});
  std::uint16_t port = 0;
  int client = -1;

  running_front() {
    session_cache_options memory;
    memory.memory.index.entries_max = 64;
    front_peers who;
    who.pool = spawn_fake<db_pool_actor>(system, peers);
    who.sessions = spawn_fake<session_actor>(system, peers);
    who.accounts = spawn_fake<account_actor>(system, peers);
    who.cache = cache = spawn_on_io_thread(system, session_cache, memory, session_loader_actor{who.pool});
    listener listening;
    CAF_REQUIRE(listen_on("127.0.0.1", 0, &listening).code == errc::none);
    api::front_options options;
    options.tick = std::chrono::hours{1}; // it allocates, and is no request's
    options.server.listen = {{listening.descriptor, {}}};
    options.make_parts = [who](api::front_pointer self, http::server& server) {
      return make_front_parts(self, server, who, {});
    };
    front = system.middleman().spawn_broker(api::front, options);
    anon_send(front, start_serving{});
    tell(session_minted{hash_token(secret.reveal()), make_record(11, 101), boot_clock::now()});
    tell(log_progress{boot_clock::now(), {1, 10}, {}});
    port = listening.port;
    client = connect();
  }

  ~running_front() {
    ::close(client);
    anon_send_exit(front, caf::exit_reason::kill);
    anon_send_exit(cache, caf::exit_reason::kill);
  }

  template <class Message>
  void tell(const Message& message) {
    caf::scoped_actor self{system};
    self->request(cache, caf::infinite, message)
      .receive([](const applied&) {}, [](const caf::error& err) { CAF_FAIL(to_string(err)); });
  }

  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CAF_REQUIRE_EQUAL(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return fd;
  }

  static bool send_to(int fd, std::string_view text) {
    return ::send(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  }

  /// Whether the answer is a 200.
  static bool is_served(int fd) {
    char answer[2048];
    auto size = ::recv(fd, answer, sizeof answer, 0);
    constexpr std::string_view ok = "HTTP/1.1 200";
    return size > 0 && std::string_view{answer, static_cast<std::size_t>(size)}.substr(0, ok.size()) == ok;
  }

  /// Sends the request and reads the answer, with no allocation of its own; whether it was answered with 200.
  bool ask(std::string_view text) const {
    return send_to(client, text) && is_served(client);
  }

  std::string resolve(std::string_view fields = {}) const {
    std::string text{"GET /api/v1/internal/sessions/resolve HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "};
    return text.append(secret.reveal()).append("\r\n").append(fields).append("\r\n");
  }

  /// Allocations for each of many such requests on one connection, once all buffers have grown.
  double allocations_of(const std::string& text) const {
    auto answered = [&] {
      std::size_t result = 0;
      for (std::size_t i = 0; i < requests; ++i)
        result += ask(text) ? 1 : 0;
      return result;
    };
    CAF_REQUIRE_EQUAL(answered(), requests);
    auto before = allocation_count();
    auto count = answered();
    auto made = allocation_count() - before;
    CAF_REQUIRE_EQUAL(count, requests);
    CAF_MESSAGE(static_cast<double>(made) / requests << " allocations per request");
    return static_cast<double>(made) / requests;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(allocations, running_front)

CAF_TEST(a warm resolve allocates what the two messages cost and nothing else) {
  auto made = allocations_of(resolve());
  CAF_CHECK_LESS(made, messages + slack);
  CAF_CHECK_GREATER(made, messages - slack); // else the numbers above, and the decision that quotes them, are old
}

CAF_TEST(a request id of the caller costs one more) {
  auto fields = "X-Request-Id: 0b2cbf2e-6cbb-4b2f-9a43-6a3d9e4b6d1c\r\n";
  CAF_CHECK_LESS(allocations_of(resolve(fields)), messages + 1 + slack);
}

CAF_TEST(a crowd shares the two messages) {
  std::array<int, 32> crowd{};
  for (auto& each : crowd)
    each = connect();
  const auto text = resolve();
  const auto all_served = [&] {
    loop_stop still{system};
    bool is_sent = true;
    for (const auto each : crowd)
      is_sent = is_sent && send_to(each, text);
    still.end();
    std::size_t served = 0;
    for (const auto each : crowd)
      served += is_served(each) ? 1 : 0;
    return is_sent && served == crowd.size();
  };
  CAF_REQUIRE(all_served());
  const auto before = allocation_count();
  constexpr int rounds = 20;
  for (int i = 0; i < rounds; ++i)
    CAF_REQUIRE(all_served());
  const auto made = static_cast<double>(allocation_count() - before) / (rounds * crowd.size());
  CAF_MESSAGE(made << " allocations per request, those of the stop included");
  CAF_CHECK_LESS(made, messages / 2);
  for (const auto each : crowd)
    ::close(each);
}

CAF_TEST_FIXTURE_SCOPE_END()
