#include "core/splitmix64.hpp"
#include "core/utf8.hpp"
#include "telemetry/encoded_span.hpp"
#include "telemetry/resource.hpp"
#include "telemetry/root_sampling.hpp"
#include "telemetry/sdk_view.hpp"
#include "telemetry/span_export.hpp"
#include "telemetry/span_exporter.hpp"
#include "telemetry/tracing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <opentelemetry/sdk/instrumentationscope/instrumentation_scope.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/id_generator.h>
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/random_id_generator_factory.h>
#include <opentelemetry/sdk/trace/recordable.h>
#include <opentelemetry/sdk/trace/sampler.h>
#include <opentelemetry/sdk/trace/samplers/always_off_factory.h>
#include <opentelemetry/sdk/trace/samplers/always_on_factory.h>
#include <opentelemetry/sdk/trace/samplers/parent_factory.h>
#include <opentelemetry/sdk/trace/samplers/trace_id_ratio_factory.h>
#include <opentelemetry/trace/span_context.h>
#include <opentelemetry/trace/span_context_kv_iterable.h>
#include <opentelemetry/trace/span_metadata.h>

namespace portcullis::tracing {

namespace {

namespace api = opentelemetry::trace;
namespace nostd = opentelemetry::nostd;
namespace sdk = opentelemetry::sdk;

using steady_clock = std::chrono::steady_clock;

/// How many of 2^64 traces that begin here are recorded, as `samples_root` draws them.
constexpr std::uint64_t all_roots = std::numeric_limits<std::uint64_t>::max();
std::atomic<std::uint64_t> recorded_roots{all_roots};

std::uint64_t share_of_roots(const otel_environment& env) {
  const bool is_ours = env.sampler == root_sampler::ratio && env.follows_parent && env.ratio < 1;
  return is_ours ? static_cast<std::uint64_t>(std::ldexp(env.ratio, 64)) : all_roots;
}

std::unique_ptr<sdk::trace::Sampler> make_root_sampler(const otel_environment& env) {
  switch (env.sampler) {
  case root_sampler::always_on:
    return sdk::trace::AlwaysOnSamplerFactory::Create();
  case root_sampler::always_off:
    return sdk::trace::AlwaysOffSamplerFactory::Create();
  case root_sampler::ratio:
    return sdk::trace::TraceIdRatioBasedSamplerFactory::Create(env.ratio);
  }
  return sdk::trace::AlwaysOnSamplerFactory::Create();
}

std::unique_ptr<sdk::trace::Sampler> make_sampler(const otel_environment& env) {
  if (!env.follows_parent)
    return make_root_sampler(env);
  return sdk::trace::ParentBasedSamplerFactory::Create(make_root_sampler(env));
}

std::unique_ptr<sdk::trace::SpanProcessor> make_processor(exporter e, const otel_environment& env) {
  sdk::trace::BatchSpanProcessorOptions batch;
  batch.max_queue_size = env.queue_spans_max;
  batch.max_export_batch_size = env.batch_spans_max;
  batch.schedule_delay_millis = env.schedule_delay;
  return sdk::trace::BatchSpanProcessorFactory::Create(make_span_exporter(e, env), batch);
}

api::SpanKind to_api(kind k) noexcept {
  switch (k) {
  case kind::internal:
    return api::SpanKind::kInternal;
  case kind::server:
    return api::SpanKind::kServer;
  case kind::client:
    return api::SpanKind::kClient;
  }
  return api::SpanKind::kInternal;
}

api::SpanContext to_api(const context& c) {
  return {api::TraceId{c.trace_id}, api::SpanId{c.span_id},
          api::TraceFlags{static_cast<std::uint8_t>(c.flags & api::TraceFlags::kIsSampled)}, true,
          api::TraceState::FromHeader(c.tracestate)};
}

/// Links as the SDK reads them.
class links final : public api::SpanContextKeyValueIterable {
public:
  explicit links(const std::vector<trace_point>& to) : to_{to} {}

  bool ForEachKeyValue(nostd::function_ref<bool(api::SpanContext, const opentelemetry::common::KeyValueIterable&)>
                         callback) const noexcept override {
    const opentelemetry::common::NoopKeyValueIterable none;
    return std::all_of(to_.begin(), to_.end(),
                       [&](const trace_point& one) { return callback(to_api(context_of(one)), none); });
  }

  std::size_t size() const noexcept override {
    return to_.size();
  }

private:
  const std::vector<trace_point>& to_;
};

/// When a span begins, by the two clocks of the SDK.
struct start_times {
  steady_clock::time_point steady = steady_clock::now();
  std::chrono::system_clock::time_point system = std::chrono::system_clock::now();
};

start_times times_of(instant began) {
  start_times t;
  if (began == instant::min())
    return t;
  const auto age = boot_clock::now() - began;
  t.steady -= age;
  t.system -= std::chrono::duration_cast<std::chrono::system_clock::duration>(age);
  return t;
}

enum class root : std::uint8_t { to_be_sampled, sampled };

} // namespace

/// What makes spans and takes them when they end: the SDK's parts, without its tracer. That one keeps a lock, a
/// second record and a list of processors for each span, for programs whose spans are used by several threads.
struct span_maker : std::enable_shared_from_this<span_maker> {
  span_maker(const options& o, const otel_environment& env)
    : resource{resource_of(o, env)}, limits{env.limits}, is_encoded{o.traces == exporter::otlp
                                                                    && !env.traces.is_json},
      scope{sdk::instrumentationscope::InstrumentationScope::Create("portcullis", o.service_version)},
      sampler{make_sampler(env)}, ids{sdk::trace::RandomIdGeneratorFactory::Create()}, processor{make_processor(
                                                                                         o.traces, env)} {}

  /// For a trace that begins here, `r` is whether it is already known to be recorded.
  span start(std::string_view name, kind k, const context& parent, const relations& beside, root r);

  const sdk::resource::Resource resource;
  const span_limits limits;
  const bool is_encoded; // records are of encoded_span.hpp
  const nostd::unique_ptr<sdk::instrumentationscope::InstrumentationScope> scope;
  const std::unique_ptr<sdk::trace::Sampler> sampler;
  const std::unique_ptr<sdk::trace::IdGenerator> ids;
  const std::unique_ptr<sdk::trace::SpanProcessor> processor; // its thread ends before the others go
};

/// Without a record the span is not recorded, nor are its children.
struct span::impl {
  std::shared_ptr<span_maker> maker;
  api::SpanContext own;
  std::unique_ptr<sdk::trace::Recordable> record;
  steady_clock::time_point began;
  std::uint32_t attributes = 0; // that it was told, those that were dropped among them
  std::uint32_t links_dropped = 0;

  /// The record, if it takes one more attribute.
  sdk::trace::Recordable* with_room() noexcept {
    return record != nullptr && attributes++ < maker->limits.attributes_max ? record.get() : nullptr;
  }

  void tell_what_was_dropped() noexcept {
    const auto max = maker->limits.attributes_max;
    const auto attributes_dropped = attributes > max ? static_cast<std::uint32_t>(attributes - max) : 0;
    if (maker->is_encoded && (attributes_dropped > 0 || links_dropped > 0))
      static_cast<encoded_span&>(*record).set_dropped(attributes_dropped, links_dropped);
  }
};

namespace {

std::shared_ptr<span_maker> spans; // by std::atomic_load and the like

bool is_sampled(sdk::trace::Sampler& sampler, const api::SpanContext& parent, api::TraceId trace,
                std::string_view name, kind k, const relations& beside) {
  const opentelemetry::common::NoopKeyValueIterable no_attributes;
  auto result = sampler.ShouldSample(parent, trace, view(name), to_api(k), no_attributes, links{beside.links});
  return result.IsSampled();
}

} // namespace

span span_maker::start(std::string_view name, kind k, const context& parent, const relations& beside, root r) {
  const api::SpanContext above = parent.is_valid() ? to_api(parent) : api::SpanContext::GetInvalid();
  const api::TraceId trace = above.IsValid() ? above.trace_id() : ids->GenerateTraceId();
  const bool is_recorded = r == root::sampled || is_sampled(*sampler, above, trace, name, k, beside);
  const api::TraceFlags flags{is_recorded ? api::TraceFlags::kIsSampled : std::uint8_t{0}};
  span started;
  started.impl_ = new span::impl{shared_from_this(),
                                 {trace, ids->GenerateSpanId(), flags, false, above.trace_state()},
                                 nullptr,
                                 steady_clock::time_point{}};
  if (!is_recorded)
    return started;
  const auto times = times_of(beside.began);
  started.impl_->began = times.steady;
  auto& record = *(started.impl_->record = processor->MakeRecordable());
  record.SetIdentity(started.impl_->own, above.span_id());
  record.SetTraceFlags(flags);
  record.SetName(view(name));
  record.SetSpanKind(to_api(k));
  record.SetStartTime(opentelemetry::common::SystemTimestamp{times.system});
  record.SetResource(resource);
  record.SetInstrumentationScope(*scope);
  const opentelemetry::common::NoopKeyValueIterable no_attributes;
  const auto linked = std::min(beside.links.size(), limits.links_max);
  for (std::size_t i = 0; i < linked; ++i)
    record.AddLink(to_api(context_of(beside.links[i])), no_attributes);
  started.impl_->links_dropped = static_cast<std::uint32_t>(beside.links.size() - linked);
  return started;
}

std::atomic<bool> detail::is_recording{false};

void start_span_export(const options& o, const otel_environment& env) {
  recorded_roots.store(share_of_roots(env), std::memory_order_relaxed);
  std::atomic_store(&spans, std::make_shared<span_maker>(o, env));
  detail::is_recording.store(true, std::memory_order_release);
}

void stop_span_export() {
  detail::is_recording.store(false, std::memory_order_release);
  if (const auto maker = std::atomic_exchange(&spans, std::shared_ptr<span_maker>{}))
    maker->processor->Shutdown();
}

span start_recording(std::string_view name, kind k, const context& parent, const relations& beside) {
  const std::shared_ptr<span_maker> maker = std::atomic_load(&spans);
  return maker != nullptr ? maker->start(name, k, parent, beside, root::to_be_sampled) : span{};
}

bool samples_root() noexcept {
  const auto share = recorded_roots.load(std::memory_order_relaxed);
  if (share == all_roots)
    return true;
  thread_local std::uint64_t state = static_cast<std::uint64_t>(steady_clock::now().time_since_epoch().count());
  state += splitmix64_increment;
  return splitmix64_mix(state) < share;
}

span start_sampled_root(std::string_view name, kind k) {
  const bool is_ratio_ours = recorded_roots.load(std::memory_order_relaxed) != all_roots;
  const std::shared_ptr<span_maker> maker = std::atomic_load(&spans);
  return maker != nullptr ? maker->start(name, k, {}, {}, is_ratio_ours ? root::sampled : root::to_be_sampled)
                          : span{};
}

void span::set(std::string_view key, std::string_view value) noexcept {
  if (auto* record = impl_ != nullptr ? impl_->with_room() : nullptr)
    record->SetAttribute(view(key), view(cut_utf8(value, impl_->maker->limits.value_bytes_max)));
}

void span::set(std::string_view key, std::int64_t value) noexcept {
  if (auto* record = impl_ != nullptr ? impl_->with_room() : nullptr)
    record->SetAttribute(view(key), value);
}

void span::set(std::string_view key, bool value) noexcept {
  if (auto* record = impl_ != nullptr ? impl_->with_room() : nullptr)
    record->SetAttribute(view(key), value);
}

void span::fail(std::string_view reason) noexcept {
  if (impl_ != nullptr && impl_->record != nullptr)
    impl_->record->SetStatus(api::StatusCode::kError, view(reason));
}

void span::end() noexcept {
  const std::unique_ptr<impl> ending{std::exchange(impl_, nullptr)};
  if (ending == nullptr || ending->record == nullptr)
    return;
  ending->tell_what_was_dropped();
  ending->record->SetDuration(steady_clock::now() - ending->began);
  ending->maker->processor->OnEnd(std::move(ending->record));
}

context span::context() const {
  tracing::context c;
  if (impl_ == nullptr)
    return c;
  impl_->own.trace_id().CopyBytesTo(c.trace_id);
  impl_->own.span_id().CopyBytesTo(c.span_id);
  c.flags = impl_->own.trace_flags().flags();
  c.tracestate = impl_->own.trace_state()->ToHeader();
  return c;
}

} // namespace portcullis::tracing
