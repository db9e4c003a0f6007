#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

/// Resolves at a rate that is given, whatever the answers take: request n is due at its own time, and its latency
/// runs from there. One that waits behind a slow answer of its connection has waited, too, so a stall counts for
/// everybody whom it kept waiting. Prints one line of JSON.
///
///     paced_resolve PORT PATH TOKENS-FILE CONNECTIONS RATE SECONDS
namespace {

using clock_type = std::chrono::steady_clock;
using instant = clock_type::time_point;

constexpr std::size_t read_bytes = 16384;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "paced_resolve: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int connect_to(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0
      || ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
    fail("connect");
  return fd;
}

struct connection {
  int fd = -1;
  instant due{};           // of its next request, or of the one that is out
  bool is_waiting = false; // for an answer
  std::string received;
};

/// Where the answer at the beginning of `text` ends; 0 while it is not whole.
std::size_t answer_size(const std::string& text) {
  constexpr char field[] = "Content-Length: ";
  const auto head = text.find("\r\n\r\n");
  if (head == std::string::npos)
    return 0;
  const auto at = text.find(field);
  const auto body = at < head ? std::strtoul(text.c_str() + at + sizeof field - 1, nullptr, 10) : 0;
  return text.size() >= head + 4 + body ? head + 4 + body : 0;
}

class load {
public:
  load(const std::vector<std::string>& requests, std::uint16_t port, std::size_t connections, double rate)
    : requests_(requests), step_(std::chrono::duration_cast<clock_type::duration>(
                             std::chrono::duration<double>{static_cast<double>(connections) / rate})),
      connections_(connections), polled_(connections) {
    const auto now = clock_type::now();
    for (std::size_t i = 0; i < connections; ++i) {
      connections_[i].fd = connect_to(port);
      connections_[i].due = now + step_ * i / connections;
      polled_[i] = {connections_[i].fd, POLLIN, 0};
    }
  }

  void run_until(instant end) {
    for (auto now = clock_type::now(); now < end; now = clock_type::now()) {
      auto next = end;
      for (auto& c : connections_) {
        if (!c.is_waiting && c.due <= now)
          ask(c);
        if (!c.is_waiting)
          next = std::min(next, c.due);
      }
      const auto left = std::max(next - clock_type::now(), clock_type::duration::zero());
      const timespec pause{0, std::min<long>(std::chrono::nanoseconds{left}.count(), 999'999'999)};
      if (::ppoll(polled_.data(), polled_.size(), &pause, nullptr) < 0)
        fail("ppoll");
      for (std::size_t i = 0; i < polled_.size(); ++i)
        if (polled_[i].revents != 0)
          read(connections_[i]);
    }
    // What is still due has waited so long already.
    for (auto& c : connections_)
      for (; c.due < end; c.due += step_)
        took_us.push_back(std::chrono::duration<double, std::micro>(end - c.due).count());
  }

  std::vector<double> took_us;
  std::size_t failed = 0;

private:
  void ask(connection& c) {
    const auto& request = requests_[next_++ % requests_.size()];
    if (::send(c.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      fail("send");
    c.is_waiting = true;
  }

  void read(connection& c) {
    char bytes[read_bytes];
    const auto got = ::recv(c.fd, bytes, sizeof bytes, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
      fail("recv");
    if (got > 0)
      c.received.append(bytes, static_cast<std::size_t>(got));
    const auto size = c.is_waiting ? answer_size(c.received) : 0;
    if (size == 0)
      return;
    failed += c.received.compare(0, 13, "HTTP/1.1 200 ") != 0;
    c.received.erase(0, size);
    took_us.push_back(std::chrono::duration<double, std::micro>(clock_type::now() - c.due).count());
    c.due += step_;
    c.is_waiting = false;
  }

  const std::vector<std::string>& requests_;
  clock_type::duration step_; // between two requests of a connection
  std::vector<connection> connections_;
  std::vector<pollfd> polled_;
  std::size_t next_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: paced_resolve PORT PATH TOKENS-FILE CONNECTIONS RATE SECONDS\n");
    return 2;
  }
  std::vector<std::string> requests;
  std::ifstream tokens{argv[3]};
  for (std::string token; std::getline(tokens, token);)
    requests.push_back(std::string{"GET "} + argv[2] + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                       + token + "\r\n\r\n");
  if (requests.empty())
    fail("no tokens");
  const std::chrono::duration<double> length{std::strtod(argv[6], nullptr)};
  load made{requests, static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)),
            std::strtoul(argv[4], nullptr, 10), std::strtod(argv[5], nullptr)};
  made.run_until(clock_type::now() + std::chrono::duration_cast<clock_type::duration>(length));
  auto& took = made.took_us;
  std::sort(took.begin(), took.end());
  std::printf("{\"requests\":%zu,\"per_s\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f,\"failed\":%zu}\n",
              took.size(), static_cast<double>(took.size()) / length.count(), took[took.size() / 2],
              took[took.size() * 99 / 100], took.back(), made.failed);
}
