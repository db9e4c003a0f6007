#include "http/server/loop_sockets.hpp"

#include "net/listener.hpp"

#include "caf/test/unit_test.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/make_counted.hpp>
#include <caf/scoped_actor.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace portcullis;

namespace {

constexpr int hang_ms = 60'000;

using change = caf::atom_value;
const change halt = caf::atom("halt");
const change trigger = caf::atom("trigger");
const change close_all = caf::atom("close");

caf::io::network::default_multiplexer& loop_of(caf::io::broker& self) {
  return dynamic_cast<caf::io::network::default_multiplexer&>(self.backend());
}

void apply(caf::io::broker* self, change what, caf::io::connection_handle handle) {
  if (what == halt)
    self->halt(handle);
  else if (what == trigger)
    self->trigger(handle);
  else
    self->close(handle);
}

void apply(caf::io::broker* self, change what, caf::io::accept_handle handle) {
  if (what == halt)
    self->halt(handle);
  else
    self->trigger(handle);
}

constexpr std::size_t read_bytes_max = 64;

/// Echoes what it reads, and makes each list of changes within one iteration of the loop.
template <class Handle>
caf::behavior echo(caf::io::broker* self, Handle changed) {
  return {
    [self](const caf::io::new_connection_msg& msg) {
      self->configure_read(msg.handle, caf::io::receive_policy::at_most(read_bytes_max));
    },
    [self](const caf::io::new_data_msg& msg) {
      self->wr_buf(msg.handle) = msg.buf;
      self->flush(msg.handle);
    },
    [](const caf::io::connection_closed_msg&) {},
    [](const caf::io::acceptor_closed_msg&) {},
    [self, changed](const std::vector<change>& changes) {
      for (const auto what : changes)
        apply(self, what, changed);
      return true;
    },
  };
}

caf::behavior echo_of(caf::io::broker* self, int descriptor, bool listens) {
  if (listens) {
    auto door = caf::make_counted<http::loop_doorman>(loop_of(*self), descriptor);
    const auto handle = door->hdl();
    self->add_doorman(std::move(door));
    return echo(self, handle);
  }
  auto peer = caf::make_counted<http::loop_scribe>(loop_of(*self), descriptor);
  const auto handle = peer->hdl();
  self->add_scribe(std::move(peer));
  self->configure_read(handle, caf::io::receive_policy::at_most(read_bytes_max));
  return echo(self, handle);
}

struct running {
  caf::actor_system_config cfg;
  caf::actor_system system;
  caf::actor broker;

  running(int descriptor, bool listens)
    : system{load(cfg)}, broker(system.middleman().spawn_broker(echo_of, descriptor, listens)) {}

  ~running() {
    caf::anon_send_exit(broker, caf::exit_reason::kill);
  }

  static caf::actor_system_config& load(caf::actor_system_config& cfg) {
    cfg.load<caf::io::middleman>();
    return cfg;
  }

  void make(std::vector<change> changes) {
    caf::scoped_actor self{system};
    self->request(broker, caf::infinite, std::move(changes))
      .receive([](bool) {},
               [](const caf::error& err) { CAF_FAIL("the broker did not answer: " << caf::to_string(err)); });
  }
};

bool has_input(int descriptor, int patience_ms) {
  pollfd waiting{descriptor, POLLIN, 0};
  return ::poll(&waiting, 1, patience_ms) == 1;
}

bool is_echoed(int descriptor) {
  std::array<char, 8> back{};
  return ::send(descriptor, "ping", 4, MSG_NOSIGNAL) == 4 && has_input(descriptor, hang_ms)
         && ::recv(descriptor, back.data(), back.size(), 0) == 4;
}

bool is_given_back(int descriptor) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{hang_ms};
  while (::fcntl(descriptor, F_GETFD) != -1) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

struct pair {
  int ours = -1;
  int theirs = -1;

  pair() {
    std::array<int, 2> ends{};
    CAF_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours = ends[0];
    theirs = ends[1];
  }
  ~pair() {
    ::close(theirs);
  }
};

int connect_to(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CAF_REQUIRE_EQUAL(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

} // namespace

CAF_TEST(the last of several changes within one iteration is what holds) {
  pair sockets;
  running r{sockets.ours, false};
  CAF_CHECK(is_echoed(sockets.theirs));
  r.make({halt, trigger});
  CAF_CHECK(is_echoed(sockets.theirs));
  r.make({halt});
  r.make({trigger, halt});
  r.make({trigger, halt, trigger});
  CAF_CHECK(is_echoed(sockets.theirs));
  r.make({halt, trigger, halt});
  CAF_REQUIRE_EQUAL(::send(sockets.theirs, "more", 4, MSG_NOSIGNAL), 4);
  CAF_CHECK(!has_input(sockets.theirs, 50));
  r.make({trigger});
  CAF_CHECK(has_input(sockets.theirs, hang_ms));
}

CAF_TEST(a socket whose changes cancelled each other is given back when it is closed) {
  for (const auto& before : {std::vector<change>{}, {halt}, {trigger, halt}, {halt, trigger}}) {
    pair sockets;
    running r{sockets.ours, false};
    CAF_CHECK(is_echoed(sockets.theirs));
    r.make({halt});
    r.make(before);
    r.make({trigger, halt, close_all});
    ::shutdown(sockets.theirs, SHUT_RDWR);
    CAF_CHECK(is_given_back(sockets.ours));
  }
}

CAF_TEST(a door that was shut and opened within one iteration lets people in) {
  listener door;
  CAF_REQUIRE(listen_on("127.0.0.1", 0, &door).code == errc::none);
  running r{door.descriptor, true};
  r.make({halt, trigger});
  const int first = connect_to(door.port);
  CAF_CHECK(is_echoed(first));
  r.make({halt});
  r.make({trigger, halt});
  r.make({trigger});
  const int second = connect_to(door.port);
  CAF_CHECK(is_echoed(second));
  ::close(first);
  ::close(second);
}
