#pragma once

#include "telemetry/wire_buffer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <opentelemetry/sdk/instrumentationscope/instrumentation_scope.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/recordable.h>
#include <string_view>

namespace portcullis::tracing {

/// The record of a span, which writes OTLP's encoding (opentelemetry-proto 1.x, `Span`) into one reusable buffer
/// with each call. The SDK's own record is a hash table of strings, of which its exporter makes protobuf messages
/// before it encodes them (docs/decisions/0023-encoded-spans.md).
class encoded_span final : public opentelemetry::sdk::trace::Recordable {
public:
  encoded_span();

  /// Bytes of memory.
  std::size_t capacity() const noexcept {
    return bytes_.capacity();
  }

  /// Complete once the duration is set.
  std::string_view bytes() const noexcept {
    return bytes_.view();
  }

  /// Null until it is set; outlives the span. So does the scope.
  const opentelemetry::sdk::resource::Resource* resource() const noexcept {
    return resource_;
  }
  const opentelemetry::sdk::instrumentationscope::InstrumentationScope* scope() const noexcept {
    return scope_;
  }

  /// How many of each there were beyond the limits.
  void set_dropped(std::uint32_t attributes, std::uint32_t links) noexcept;

  /// As if it were new, but keeps its memory.
  void clear() noexcept;

  void SetIdentity(const opentelemetry::trace::SpanContext& own,
                   opentelemetry::trace::SpanId parent) noexcept override;
  void SetAttribute(opentelemetry::nostd::string_view key,
                    const opentelemetry::common::AttributeValue& value) noexcept override;
  void AddEvent(opentelemetry::nostd::string_view name, opentelemetry::common::SystemTimestamp at,
                const opentelemetry::common::KeyValueIterable& attributes) noexcept override;
  void AddLink(const opentelemetry::trace::SpanContext& to,
               const opentelemetry::common::KeyValueIterable& attributes) noexcept override;
  void SetStatus(opentelemetry::trace::StatusCode code,
                 opentelemetry::nostd::string_view description) noexcept override;
  void SetName(opentelemetry::nostd::string_view name) noexcept override;
  void SetTraceFlags(opentelemetry::trace::TraceFlags flags) noexcept override;
  void SetSpanKind(opentelemetry::trace::SpanKind kind) noexcept override;
  void SetResource(const opentelemetry::sdk::resource::Resource& resource) noexcept override;
  void SetStartTime(opentelemetry::common::SystemTimestamp at) noexcept override;
  void SetDuration(std::chrono::nanoseconds duration) noexcept override;
  void SetInstrumentationScope(
    const opentelemetry::sdk::instrumentationscope::InstrumentationScope& scope) noexcept override;

private:
  wire_buffer bytes_;
  std::uint64_t began_ = 0; // nanoseconds since 1970
  const opentelemetry::sdk::resource::Resource* resource_ = nullptr;
  const opentelemetry::sdk::instrumentationscope::InstrumentationScope* scope_ = nullptr;
};

/// The body of a request to a collector, an `ExportTraceServiceRequest`, with spans of one process.
class span_request {
public:
  /// For about `spans_usual` of them.
  span_request(const opentelemetry::sdk::resource::Resource& resource,
               const opentelemetry::sdk::instrumentationscope::InstrumentationScope& scope,
               std::size_t spans_usual);

  void add(const encoded_span& one);

  wire_buffer finish() const;

private:
  wire_buffer resource_; // a `Resource`
  wire_buffer spans_;    // a `ScopeSpans`
};

} // namespace portcullis::tracing
