#pragma once

#include "core/time.hpp"
#include "edge/http_client.hpp"
#include "net/curl_handles.hpp"
#include "telemetry/tracing.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace portcullis::edge {

/// What every transfer of a client has in common.
struct transfer_settings {
  explicit transfer_settings(const http_client_options& from);

  const http_client_options options;
  net::curl_list get_fields;
  net::curl_list post_fields;
};

/// A request on its way: at most one attempt at a time.
class transfer {
public:
  enum class kind : std::uint8_t { request, long_poll, probe };

  transfer(kind k, http_request request, http_callback on_end, instant ends);

  /// Prepares the attempt at `address`; hand `handle()` to the multi handle then. False: libcurl has no memory.
  bool prepare(const transfer_settings& settings, std::size_t address, instant now);

  /// The transfer of a handle that libcurl gives back.
  static transfer* of(CURL* handle) noexcept;

  CURL* handle() const noexcept {
    return easy_.get();
  }
  int status() const noexcept;

  const kind type;
  http_request asked;
  http_callback callback;
  const instant deadline;
  http_answer answer;
  std::size_t address = 0;
  std::uint32_t tried = 0; // addresses, a bit for each
  bool is_trial = false;   // at an address that has failed: it probes it
  bool is_brief = false;   // its deadline is nearer than the time that an address may take
  bool is_too_large = false;

  /// Of the attempt that is over: what was answered, or libcurl's word for why not.
  void end_span(CURLcode code) noexcept;

private:
  static std::size_t take(char* data, std::size_t size, std::size_t count, void* self) noexcept;

  bool set_options(const transfer_settings& settings, std::chrono::milliseconds timeout);
  void start_span(const transfer_settings& settings);
  void pass_on(const transfer_settings& settings, bool has_body, const tracing::context& above);

  net::curl_easy easy_;
  std::string url_;
  tracing::span span_; // of the attempt
  net::curl_list
    traced_fields_;           // those of the settings, `traceparent` and `tracestate`, while the span is recorded
  std::int64_t attempts_ = 0; // with a span
  std::size_t answer_bytes_max_ = 0;
};

} // namespace portcullis::edge
