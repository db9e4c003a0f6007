#pragma once

#include "core/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace portcullis::ctl {

struct client_options {
  std::string address = "http://127.0.0.1:8080"; // of the service: `http://…` or `https://…`
  std::string caller_key;                        // a secret; empty: none is sent
  std::string ca_file;                           // whose servers are trusted; empty: the system's authorities
  std::string certificate_file;                  // of the caller (PEM), or empty
  std::string key_file;
  std::chrono::milliseconds timeout = std::chrono::seconds{30}; // of a request
};

enum class verb : std::uint8_t { get, post, delete_ };

struct service_answer {
  int status = 0;
  std::string body;
  std::string date; // the field `Date`
};

/// One request at a time, each sent once: what destroys is not repeated behind anybody's back.
class service_client {
public:
  explicit service_client(client_options options) : options_(std::move(options)) {}

  /// `body`: JSON, or empty. `unavailable` failures (`database_unavailable`) say what libcurl said.
  result<service_answer> call(verb method, std::string_view target, std::string_view body) const;

private:
  client_options options_;
};

/// The same GET again and again over one connection, which libcurl opens anew where it was lost. For one thread.
class repeated_get {
public:
  /// `bearer`: a secret.
  repeated_get(const client_options& options, std::string_view target, std::string_view bearer);

  /// The status; without an answer, what libcurl said.
  result<int> ask();

private:
  std::shared_ptr<void> handle_; // libcurl's
  std::shared_ptr<void> fields_;
};

} // namespace portcullis::ctl
