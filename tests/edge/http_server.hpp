#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

using SSL_CTX = struct ssl_ctx_st;
using SSL = struct ssl_st;

namespace portcullis::test {

struct seen_request {
  std::string head; // request line and fields, as they came
  std::string body;

  bool has(const std::string& line) const {
    return head.find("\r\n" + line + "\r\n") != std::string::npos;
  }
};

struct made_reply {
  int status = 200;
  std::string body = "{}";
  std::string raw;    // sent as it is instead, and the connection closed
  bool never = false; // no answer until the server stops
  std::chrono::milliseconds after{0};
};

/// A small real HTTP server on a loopback port: a thread per connection, keep-alive, a handler of the test's. It
/// keeps its port over stop and start.
class http_server {
public:
  using handler = std::function<made_reply(const seen_request&)>;

  struct tls_files {
    std::string certificate;
    std::string key;
    std::string client_ca; // empty: no client certificate is asked for
  };

  explicit http_server(handler answer);
  http_server(handler answer, const tls_files& files);
  ~http_server();

  void start();
  void stop();

  std::string url() const;

  std::size_t connections() const {
    return connections_;
  }
  std::size_t requests() const {
    return requests_;
  }
  std::size_t most_at_once() const {
    return most_at_once_;
  }

private:
  void accept_loop();
  void serve(int fd);

  handler answer_;
  std::shared_ptr<SSL_CTX> tls_;
  int reservation_ = -1; // bound and never listening: keeps the port while the server is stopped
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> is_stopping_{false};
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> requests_{0};
  std::atomic<std::size_t> at_once_{0};
  std::atomic<std::size_t> most_at_once_{0};
  std::thread acceptor_;
  std::mutex mutex_; // guards what follows
  std::set<int> open_;
  std::vector<std::thread> threads_;
};

/// Waits until `condition` holds; false after a hang's time.
bool eventually(const std::function<bool()>& condition);

} // namespace portcullis::test
