#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

/// As much of an OpenTelemetry collector as a test needs: takes POSTs on a free loopback port, one connection
/// after the other, answers 200 and keeps them.
class otlp_collector {
public:
  struct post {
    std::string path;
    std::string head; // request line and header section
    std::string body;
  };

  otlp_collector() : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { run(); }};
  }

  ~otlp_collector() {
    finish();
    ::close(listener_);
  }

  otlp_collector(const otlp_collector&) = delete;
  otlp_collector& operator=(const otlp_collector&) = delete;

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_);
  }

  /// Ends the collector and gives what was sent to it by now: who sent it may have given up meanwhile.
  const std::vector<post>& finish() {
    if (thread_.joinable()) {
      wait_for_all_so_far();
      ::shutdown(listener_, SHUT_RDWR);
      thread_.join();
    }
    return posts_;
  }

private:
  /// Asks it for something itself: connections are served in their order.
  void wait_for_all_so_far() const {
    const int own = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    const std::string_view mark = "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
    char answer[1];
    if (::connect(own, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0
        && ::send(own, mark.data(), mark.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(mark.size()))
      (void)!::recv(own, answer, sizeof answer, 0);
    ::close(own);
  }

  void run() {
    for (int peer = 0; (peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(peer))
      serve(peer);
  }

  // One request a connection: the answer says so.
  void serve(int peer) {
    std::string text;
    std::size_t head_end = std::string::npos;
    std::size_t total = std::string::npos;
    char chunk[4096];
    while (text.size() < total) {
      const ssize_t n = ::recv(peer, chunk, sizeof chunk, 0);
      if (n <= 0)
        return;
      text.append(chunk, static_cast<std::size_t>(n));
      if (head_end == std::string::npos && (head_end = text.find("\r\n\r\n")) != std::string::npos)
        total = head_end + 4 + content_length(text.substr(0, head_end));
    }
    const std::size_t path = text.find(' ') + 1;
    post taken{text.substr(path, text.find(' ', path) - path), text.substr(0, head_end),
               text.substr(head_end + 4)};
    if (taken.path != "/")
      posts_.push_back(std::move(taken));
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  static std::size_t content_length(const std::string& head) {
    const std::string name = "Content-Length: ";
    const std::size_t at = head.find(name);
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + name.size()));
  }

  const int listener_;
  int port_ = 0;
  std::vector<post> posts_; // the thread's until it has ended
  std::thread thread_;
};
