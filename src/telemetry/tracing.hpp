#pragma once

#include "core/error.hpp"
#include "core/time.hpp"
#include "core/trace_point.hpp"
#include "telemetry/metrics.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Traces, and the export of metrics and of the log, by OpenTelemetry. While tracing is off a span costs one
/// branch. None of the SDK's types show: a build without the SDK has the same interface, and `is_available` says
/// no.
namespace portcullis::tracing {

/// Where telemetry goes: nowhere, to the standard output, or by OTLP over HTTP to where the standard variables
/// `OTEL_EXPORTER_OTLP_*` say.
enum class exporter : std::uint8_t { none, standard_output, otlp };

std::string_view to_string(exporter e) noexcept; // `none`, `stdout`, `otlp`
std::optional<exporter> parse_exporter(std::string_view text) noexcept;

/// Whether this build can export at all.
bool is_available() noexcept;

/// The identity of a span, small enough to travel in a message (W3C Trace Context).
struct context {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  std::uint8_t flags = 0; // bit 0: sampled
  std::string tracestate; // passed on, at most `tracestate_bytes_max`

  bool is_valid() const noexcept; // neither id is zero
};

inline bool operator==(const context& a, const context& b) noexcept {
  return a.trace_id == b.trace_id && a.span_id == b.span_id && a.flags == b.flags && a.tracestate == b.tracestate;
}

/// A longer `tracestate` is dropped (W3C Trace Context, 3.3.1.5 asks to carry at least 512).
inline constexpr std::size_t tracestate_bytes_max = 512;

/// The context of the header fields of a request. Not valid when there is none, or none that W3C Trace Context
/// lets through.
context parse_context(std::string_view traceparent, std::string_view tracestate);

/// `00-<trace id>-<span id>-<flags>`.
std::string to_traceparent(const context& c);

/// 32 hex digits.
std::string trace_id_text(const context& c);

/// 16 hex digits.
std::string span_id_text(const context& c);

enum class kind : std::uint8_t { internal, server, client };

/// What a span is told of at its start, beside its parent.
struct relations {
  std::vector<trace_point> links{}; // other spans that it belongs to
  instant began = instant::min();   // when it began, if not now
};

/// A span being recorded, or (default) nothing at all. Ends when destroyed. May move between threads; one at a
/// time uses it.
class span {
public:
  span() noexcept = default;
  ~span() {
    if (impl_ != nullptr)
      end();
  }
  span(span&& other) noexcept : impl_{std::exchange(other.impl_, nullptr)} {}
  span& operator=(span&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }

  explicit operator bool() const noexcept {
    return impl_ != nullptr;
  }

  /// Each key once: OTLP allows no second attribute of the same key, and none is looked for.
  void set(std::string_view key, std::string_view value) noexcept;
  void set(std::string_view key, std::int64_t value) noexcept;
  void set(std::string_view key, bool value) noexcept;
  void set(std::string_view key, const char* value) noexcept {
    set(key, std::string_view{value});
  }

  /// Marks the span as failed; `reason` is for people and holds no secret.
  void fail(std::string_view reason) noexcept;

  void end() noexcept;

  /// For children: not valid when nothing is recorded.
  tracing::context context() const;

private:
  friend struct span_maker;
  struct impl;
  impl* impl_ = nullptr;
};

struct options {
  std::string service_name = "portcullis";
  std::string service_version;
  exporter traces = exporter::none;
  exporter metrics = exporter::none;
  exporter logs = exporter::none; // beside standard error
  /// Called by the exporter's thread, from `start` on; must be thread-safe and must not throw. Empty: no metrics.
  std::function<metrics::snapshot()> collect;
};

/// Bounds one HTTP request of the export.
inline constexpr std::chrono::milliseconds export_timeout{1'000};

/// Begins export, as the environment's standard variables say (otel_environment.hpp); nothing with
/// `OTEL_SDK_DISABLED`. Call once. `value_unacceptable` when this build cannot.
failure start(options o);

/// Sends what waits and ends the export; takes at most about six `export_timeout`s when the collector does not
/// answer. Spans started after it are nothing.
void stop();

namespace detail {
extern std::atomic<bool> is_recording;
} // namespace detail

span start_recording(std::string_view name, kind k, const context& parent, const relations& beside = {});

/// Whether a span that is started now may be recorded.
inline bool is_on() noexcept {
  return detail::is_recording.load(std::memory_order_acquire);
}

/// Starts a span. With a valid `parent` it continues that trace and follows its sampling decision; else it starts
/// a trace.
inline span start_span(std::string_view name, kind k, const context& parent = {}) {
  return is_on() ? start_recording(name, k, parent) : span{};
}

/// What travels with a question, so that the work on it can have child spans of this one.
trace_point point_of(const span& s);

/// A trace that begins here and is not recorded. It travels with a question to another process, which would begin
/// a trace of its own and record it if it were told of none.
trace_point unrecorded_root() noexcept;

context context_of(const trace_point& p);

/// A child of the span that asked. Nothing if that is not recorded: then it costs one branch.
inline span start_child(std::string_view name, kind k, const trace_point& asked_by, const relations& beside = {}) {
  return asked_by.is_sampled && is_on() ? start_recording(name, k, context_of(asked_by), beside) : span{};
}

/// A request's span: looks at the header fields only when tracing is on.
inline span start_span(std::string_view name, kind k, std::string_view traceparent, std::string_view tracestate) {
  return is_on() ? start_recording(name, k, parse_context(traceparent, tracestate)) : span{};
}

} // namespace portcullis::tracing
