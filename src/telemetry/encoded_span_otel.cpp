#include "telemetry/encoded_span.hpp"

#include <opentelemetry/common/key_value_iterable.h>
#include <opentelemetry/nostd/variant.h>
#include <opentelemetry/trace/span_context.h>
#include <opentelemetry/trace/span_metadata.h>
#include <opentelemetry/trace/trace_state.h>
#include <protozero/basic_pbf_writer.hpp>
#include <type_traits>

namespace protozero {

/// How protozero writes to our buffer.
template <>
struct buffer_customization<portcullis::tracing::wire_buffer> {
  using buffer = portcullis::tracing::wire_buffer;

  static std::size_t size(const buffer* b) noexcept {
    return b->size();
  }
  static void append(buffer* b, const char* data, std::size_t count) {
    b->append(data, count);
  }
  static void append_zeros(buffer* b, std::size_t count) {
    b->append_zeros(count);
  }
  static void resize(buffer* b, std::size_t size) noexcept { // to less
    b->shrink(size);
  }
  static void reserve_additional(buffer* b, std::size_t size) {
    b->reserve(size);
  }
  static void erase_range(buffer* b, std::size_t from, std::size_t to) noexcept {
    b->erase(from, to);
  }
  static char* at_pos(buffer* b, std::size_t at) noexcept {
    return b->data() + at;
  }
  static void push_back(buffer* b, char c) {
    b->push_back(c);
  }
};

} // namespace protozero

namespace portcullis::tracing {

namespace {

namespace api = opentelemetry::trace;
namespace nostd = opentelemetry::nostd;
namespace sdk = opentelemetry::sdk;

using writer = protozero::basic_pbf_writer<wire_buffer>;

// The numbers of opentelemetry-proto 1.x for its fields, each as `message_field`.
namespace field {

enum span : protozero::pbf_tag_type {
  span_trace_id = 1,
  span_span_id = 2,
  span_trace_state = 3,
  span_parent_span_id = 4,
  span_name = 5,
  span_kind = 6,
  span_start_time_unix_nano = 7,
  span_end_time_unix_nano = 8,
  span_attributes = 9,
  span_dropped_attributes_count = 10,
  span_events = 11,
  span_links = 13,
  span_dropped_links_count = 14,
  span_status = 15,
  span_flags = 16,
};
enum event : protozero::pbf_tag_type { event_time_unix_nano = 1, event_name = 2, event_attributes = 3 };
enum link : protozero::pbf_tag_type {
  link_trace_id = 1,
  link_span_id = 2,
  link_trace_state = 3,
  link_attributes = 4,
};
enum status : protozero::pbf_tag_type { status_message = 2, status_code = 3 };
enum key_value : protozero::pbf_tag_type { key_value_key = 1, key_value_value = 2 };
enum any_value : protozero::pbf_tag_type {
  any_value_string = 1,
  any_value_bool = 2,
  any_value_int = 3,
  any_value_double = 4,
  any_value_array = 5,
};
enum array_value : protozero::pbf_tag_type { array_value_values = 1 };
enum resource : protozero::pbf_tag_type { resource_attributes = 1 };
enum scope : protozero::pbf_tag_type { scope_name = 1, scope_version = 2 };
enum scope_spans : protozero::pbf_tag_type { scope_spans_scope = 1, scope_spans_spans = 2 };
enum resource_spans : protozero::pbf_tag_type { resource_spans_resource = 1, resource_spans_scope_spans = 2 };
enum request : protozero::pbf_tag_type { request_resource_spans = 1 };

} // namespace field

constexpr std::size_t span_bytes_usual = 448; // a resolve's is of 330
constexpr std::size_t resource_bytes_usual = 512;

template <class Text>
protozero::data_view view(const Text& text) noexcept {
  return {text.data(), text.size()};
}

template <std::size_t Size>
protozero::data_view view(nostd::span<const std::uint8_t, Size> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
void write_any(writer& any, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    any.add_bool(field::any_value_bool, value);
  } else if constexpr (std::is_integral_v<T>) {
    any.add_int64(field::any_value_int, static_cast<std::int64_t>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    any.add_double(field::any_value_double, value);
  } else if constexpr (std::is_same_v<T, const char*>) {
    any.add_string(field::any_value_string, value);
  } else if constexpr (std::is_same_v<T, nostd::string_view> || std::is_same_v<T, std::string>) {
    any.add_string(field::any_value_string, view(value));
  } else {
    writer array{any, field::any_value_array};
    for (const auto& each : value) {
      writer one{array, field::array_value_values};
      write_any<std::decay_t<decltype(each)>>(one, each);
    }
  }
}

template <class Variant>
void write_attribute(writer& into, protozero::pbf_tag_type tag, nostd::string_view key, const Variant& value) {
  writer pair{into, tag};
  pair.add_string(field::key_value_key, view(key));
  writer any{pair, field::key_value_value};
  nostd::visit([&any](const auto& what) { write_any(any, what); }, value);
}

void write_attributes(writer& into, protozero::pbf_tag_type tag,
                      const opentelemetry::common::KeyValueIterable& attributes) {
  attributes.ForEachKeyValue([&](nostd::string_view key, opentelemetry::common::AttributeValue value) noexcept {
    write_attribute(into, tag, key, value);
    return true;
  });
}

void write_state(writer& into, protozero::pbf_tag_type tag, const api::SpanContext& of) {
  if (!of.trace_state()->Empty())
    into.add_string(tag, of.trace_state()->ToHeader());
}

std::uint64_t nanoseconds(opentelemetry::common::SystemTimestamp at) noexcept {
  return static_cast<std::uint64_t>(at.time_since_epoch().count());
}

/// The numbers of `SpanKind`, of which 0 is that nothing is known.
constexpr int number_of(api::SpanKind kind) noexcept {
  return static_cast<int>(kind) + 1;
}

static_assert(number_of(api::SpanKind::kInternal) == 1 && number_of(api::SpanKind::kServer) == 2
              && number_of(api::SpanKind::kClient) == 3);
static_assert(static_cast<int>(api::StatusCode::kOk) == 1 && static_cast<int>(api::StatusCode::kError) == 2);

} // namespace

encoded_span::encoded_span() : bytes_{span_bytes_usual} {}

void encoded_span::clear() noexcept {
  bytes_.shrink(0);
  began_ = 0;
  resource_ = nullptr;
  scope_ = nullptr;
}

void encoded_span::SetIdentity(const api::SpanContext& own, api::SpanId parent) noexcept {
  writer span{bytes_};
  span.add_bytes(field::span_trace_id, view(own.trace_id().Id()));
  span.add_bytes(field::span_span_id, view(own.span_id().Id()));
  if (parent.IsValid())
    span.add_bytes(field::span_parent_span_id, view(parent.Id()));
  write_state(span, field::span_trace_state, own);
}

void encoded_span::SetAttribute(nostd::string_view key,
                                const opentelemetry::common::AttributeValue& value) noexcept {
  writer span{bytes_};
  write_attribute(span, field::span_attributes, key, value);
}

void encoded_span::AddEvent(nostd::string_view name, opentelemetry::common::SystemTimestamp at,
                            const opentelemetry::common::KeyValueIterable& attributes) noexcept {
  writer span{bytes_};
  writer event{span, field::span_events};
  event.add_fixed64(field::event_time_unix_nano, nanoseconds(at));
  event.add_string(field::event_name, view(name));
  write_attributes(event, field::event_attributes, attributes);
}

void encoded_span::AddLink(const api::SpanContext& to,
                           const opentelemetry::common::KeyValueIterable& attributes) noexcept {
  writer span{bytes_};
  writer link{span, field::span_links};
  link.add_bytes(field::link_trace_id, view(to.trace_id().Id()));
  link.add_bytes(field::link_span_id, view(to.span_id().Id()));
  write_state(link, field::link_trace_state, to);
  write_attributes(link, field::link_attributes, attributes);
}

void encoded_span::SetStatus(api::StatusCode code, nostd::string_view description) noexcept {
  writer span{bytes_};
  writer status{span, field::span_status};
  if (code == api::StatusCode::kError)
    status.add_string(field::status_message, view(description));
  status.add_enum(field::status_code, static_cast<int>(code));
}

void encoded_span::set_dropped(std::uint32_t attributes, std::uint32_t links) noexcept {
  writer span{bytes_};
  span.add_uint32(field::span_dropped_attributes_count, attributes);
  span.add_uint32(field::span_dropped_links_count, links);
}

void encoded_span::SetName(nostd::string_view name) noexcept {
  writer span{bytes_};
  span.add_string(field::span_name, view(name));
}

void encoded_span::SetTraceFlags(api::TraceFlags flags) noexcept {
  writer span{bytes_};
  span.add_fixed32(field::span_flags, flags.flags());
}

void encoded_span::SetSpanKind(api::SpanKind kind) noexcept {
  writer span{bytes_};
  span.add_enum(field::span_kind, number_of(kind));
}

void encoded_span::SetResource(const sdk::resource::Resource& resource) noexcept {
  resource_ = &resource;
}

void encoded_span::SetStartTime(opentelemetry::common::SystemTimestamp at) noexcept {
  began_ = nanoseconds(at);
  writer span{bytes_};
  span.add_fixed64(field::span_start_time_unix_nano, began_);
}

void encoded_span::SetDuration(std::chrono::nanoseconds duration) noexcept {
  writer span{bytes_};
  span.add_fixed64(field::span_end_time_unix_nano, began_ + static_cast<std::uint64_t>(duration.count()));
}

void encoded_span::SetInstrumentationScope(const sdk::instrumentationscope::InstrumentationScope& scope) noexcept {
  scope_ = &scope;
}

span_request::span_request(const sdk::resource::Resource& resource,
                           const sdk::instrumentationscope::InstrumentationScope& scope, std::size_t spans_usual)
  : resource_{resource_bytes_usual}, spans_{spans_usual * span_bytes_usual} {
  writer attributes{resource_};
  for (const auto& [key, value] : resource.GetAttributes())
    write_attribute(attributes, field::resource_attributes, key, value);
  writer spans{spans_};
  writer made_by{spans, field::scope_spans_scope};
  made_by.add_string(field::scope_name, scope.GetName());
  made_by.add_string(field::scope_version, scope.GetVersion());
}

void span_request::add(const encoded_span& one) {
  writer spans{spans_};
  spans.add_message(field::scope_spans_spans, view(one.bytes()));
}

wire_buffer span_request::finish() const {
  constexpr std::size_t heads_bytes = 32; // more than the heads of three fields
  wire_buffer body{resource_.size() + spans_.size() + heads_bytes};
  writer request{body};
  writer all{request, field::request_resource_spans};
  all.add_message(field::resource_spans_resource, view(resource_.view()));
  all.add_message(field::resource_spans_scope_spans, view(spans_.view()));
  all.commit();
  return body;
}

} // namespace portcullis::tracing
