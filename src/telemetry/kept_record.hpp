#pragma once

#include "core/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <opentelemetry/logs/severity.h>
#include <opentelemetry/sdk/logs/recordable.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/trace/span_id.h>
#include <opentelemetry/trace/trace_flags.h>
#include <opentelemetry/trace/trace_id.h>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace portcullis::tracing {

/// A line of the log that waits to be sent, with copies of what it says; the SDK's own record keeps views. As much
/// of a record as lines of ours have: no event id, and no lists (log.hpp).
class kept_record final : public opentelemetry::sdk::logs::Recordable {
public:
  /// Tells `to` all that `from` was told.
  static void copy(const kept_record& from, opentelemetry::sdk::logs::Recordable& to) {
    to.SetTimestamp(from.at_);
    to.SetObservedTimestamp(from.observed_at_);
    to.SetSeverity(from.severity_);
    to.SetTraceId(from.trace_id_);
    to.SetSpanId(from.span_id_);
    to.SetTraceFlags(from.flags_);
    to.SetBody(view(from.body_));
    for (const auto& [key, what] : from.attributes_)
      to.SetAttribute(key, view(what));
    if (from.resource_ != nullptr)
      to.SetResource(*from.resource_);
    if (from.scope_ != nullptr)
      to.SetInstrumentationScope(*from.scope_);
  }

  void SetTimestamp(opentelemetry::common::SystemTimestamp at) noexcept override {
    at_ = at;
  }
  void SetObservedTimestamp(opentelemetry::common::SystemTimestamp at) noexcept override {
    observed_at_ = at;
  }
  void SetSeverity(opentelemetry::logs::Severity severity) noexcept override {
    severity_ = severity;
  }
  void SetBody(const opentelemetry::common::AttributeValue& body) noexcept override {
    body_ = copy_of(body);
  }
  void SetEventId(std::int64_t, opentelemetry::nostd::string_view) noexcept override {}
  void SetTraceId(const opentelemetry::trace::TraceId& id) noexcept override {
    trace_id_ = id;
  }
  void SetSpanId(const opentelemetry::trace::SpanId& id) noexcept override {
    span_id_ = id;
  }
  void SetTraceFlags(const opentelemetry::trace::TraceFlags& flags) noexcept override {
    flags_ = flags;
  }
  void SetAttribute(opentelemetry::nostd::string_view key,
                    const opentelemetry::common::AttributeValue& what) noexcept override {
    attributes_.emplace_back(std::string{key.data(), key.size()}, copy_of(what));
  }
  // Both live as long as the provider, which outlives its exporter.
  void SetResource(const opentelemetry::sdk::resource::Resource& resource) noexcept override {
    resource_ = &resource;
  }
  void SetInstrumentationScope(
    const opentelemetry::sdk::instrumentationscope::InstrumentationScope& scope) noexcept override {
    scope_ = &scope;
  }

private:
  using value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

  /// Protobuf's text is UTF-8: a collector refuses a whole request in which one is not.
  static std::string readable(std::string_view text) {
    std::string out{text};
    if (!is_valid_utf8(text))
      std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7F; }, '?');
    return out;
  }

  static value copy_of(const opentelemetry::common::AttributeValue& what) {
    return opentelemetry::nostd::visit(
      [](const auto& v) -> value {
        using type = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<type, opentelemetry::nostd::string_view>)
          return readable({v.data(), v.size()});
        else if constexpr (std::is_same_v<type, const char*>)
          return readable(v);
        else if constexpr (std::is_same_v<type, std::int32_t> || std::is_same_v<type, std::uint32_t>)
          return std::int64_t{v};
        else if constexpr (std::is_arithmetic_v<type>)
          return v;
        else
          return {};
      },
      what);
  }

  static opentelemetry::common::AttributeValue view(const value& what) {
    return std::visit(
      [](const auto& v) -> opentelemetry::common::AttributeValue {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>)
          return opentelemetry::nostd::string_view{v};
        else
          return v;
      },
      what);
  }

  opentelemetry::common::SystemTimestamp at_;
  opentelemetry::common::SystemTimestamp observed_at_;
  opentelemetry::logs::Severity severity_ = opentelemetry::logs::Severity::kInvalid;
  value body_;
  opentelemetry::trace::TraceId trace_id_;
  opentelemetry::trace::SpanId span_id_;
  opentelemetry::trace::TraceFlags flags_;
  std::vector<std::pair<std::string, value>> attributes_;
  const opentelemetry::sdk::resource::Resource* resource_ = nullptr;
  const opentelemetry::sdk::instrumentationscope::InstrumentationScope* scope_ = nullptr;
};

} // namespace portcullis::tracing
