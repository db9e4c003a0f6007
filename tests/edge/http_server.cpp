#include "edge/http_server.hpp"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <utility>

namespace portcullis::test {

namespace {

constexpr std::chrono::seconds hang{60};

/// The bytes of one connection, plain or by TLS.
class channel {
public:
  channel(int fd, SSL_CTX* tls) : fd_(fd) {
    if (tls == nullptr)
      return;
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd);
    is_open_ = SSL_accept(ssl_.get()) == 1;
  }

  bool read(std::string* into) {
    char bytes[16384];
    auto got = !is_open_ ? 0
               : ssl_    ? SSL_read(ssl_.get(), bytes, sizeof bytes)
                         : ::recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0)
      return false;
    into->append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  void write(const std::string& bytes) {
    if (ssl_)
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    else
      (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

private:
  struct freer {
    void operator()(SSL* ssl) const {
      SSL_free(ssl);
    }
  };
  int fd_;
  bool is_open_ = true;
  std::unique_ptr<SSL, freer> ssl_;
};

std::size_t length_of(const std::string& head) {
  auto at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 16, nullptr, 10);
}

std::optional<seen_request> read_request(channel& from, std::string* buffer) {
  seen_request request;
  std::size_t end;
  while ((end = buffer->find("\r\n\r\n")) == std::string::npos)
    if (!from.read(buffer))
      return std::nullopt;
  request.head = buffer->substr(0, end + 2);
  buffer->erase(0, end + 4);
  auto length = length_of(request.head);
  while (buffer->size() < length)
    if (!from.read(buffer))
      return std::nullopt;
  request.body = buffer->substr(0, length);
  buffer->erase(0, length);
  return request;
}

void require(bool holds, const char* what) {
  if (!holds)
    throw std::runtime_error(what);
}

/// A socket at `port` of the loopback address, or at a free one when it is 0.
int bound_socket(std::uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  require(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

/// Raises `highest` to `value`, whoever else does so.
void raise(std::atomic<std::size_t>& highest, std::size_t value) {
  for (auto seen = highest.load(); seen < value && !highest.compare_exchange_weak(seen, value);)
    ;
}

} // namespace

http_server::http_server(handler answer) : answer_(std::move(answer)) {
  start();
}

http_server::http_server(handler answer, const tls_files& files) : answer_(std::move(answer)) {
  tls_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  auto* tls = tls_.get();
  require(SSL_CTX_use_certificate_chain_file(tls, files.certificate.c_str()) == 1, "certificate");
  require(SSL_CTX_use_PrivateKey_file(tls, files.key.c_str(), SSL_FILETYPE_PEM) == 1, "key");
  if (!files.client_ca.empty()) {
    require(SSL_CTX_load_verify_locations(tls, files.client_ca.c_str(), nullptr) == 1, "client CA");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  start();
}

http_server::~http_server() {
  stop();
  if (reservation_ >= 0)
    ::close(reservation_);
}

void http_server::start() {
  ::signal(SIGPIPE, SIG_IGN); // a client that does not trust the certificate leaves while it is written to
  is_stopping_ = false;
  if (reservation_ < 0)
    reservation_ = bound_socket(0);
  port_ = port_of(reservation_);
  listener_ = bound_socket(port_);
  require(::listen(listener_, 64) == 0, "listen");
  acceptor_ = std::thread{[this] { accept_loop(); }};
}

void http_server::stop() {
  if (is_stopping_.exchange(true))
    return;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    std::lock_guard<std::mutex> guard{mutex_};
    for (int fd : open_)
      ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : threads_)
    thread.join();
  threads_.clear();
}

std::string http_server::url() const {
  return (tls_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_);
}

void http_server::accept_loop() {
  for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    ++connections_;
    std::lock_guard<std::mutex> guard{mutex_};
    open_.insert(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void http_server::serve(int fd) {
  {
    channel peer{fd, tls_.get()};
    std::string buffer;
    while (auto request = read_request(peer, &buffer)) {
      ++requests_;
      raise(most_at_once_, ++at_once_);
      auto reply = answer_(*request);
      auto until = std::chrono::steady_clock::now() + (reply.never ? hang : reply.after);
      while (!is_stopping_ && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
      --at_once_;
      if (reply.never || is_stopping_)
        break;
      if (!reply.raw.empty()) {
        peer.write(reply.raw);
        break;
      }
      peer.write("HTTP/1.1 " + std::to_string(reply.status)
                 + " Told\r\nContent-Type: application/json\r\nContent-Length: "
                 + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body);
    }
  }
  std::lock_guard<std::mutex> guard{mutex_};
  open_.erase(fd);
  ::close(fd);
}

bool eventually(const std::function<bool()>& condition) {
  auto until = std::chrono::steady_clock::now() + hang;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

} // namespace portcullis::test
