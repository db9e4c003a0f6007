#include "core/environment.hpp"
#include "core/splitmix64.hpp"
#include "telemetry/collector_refusals.hpp"
#include "telemetry/exporters_otel.hpp"
#include "telemetry/log.hpp"
#include "telemetry/log_export.hpp"
#include "telemetry/otel_environment.hpp"
#include "telemetry/root_sampling.hpp"
#include "telemetry/tracing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <opentelemetry/sdk/common/global_log_handler.h>
#include <opentelemetry/sdk/instrumentationscope/instrumentation_scope.h>
#include <opentelemetry/sdk/metrics/export/metric_producer.h>
#include <opentelemetry/sdk/metrics/export/periodic_exporting_metric_reader_factory.h>
#include <opentelemetry/sdk/metrics/export/periodic_exporting_metric_reader_options.h>
#include <opentelemetry/sdk/metrics/metric_reader.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/samplers/always_off_factory.h>
#include <opentelemetry/sdk/trace/samplers/always_on_factory.h>
#include <opentelemetry/sdk/trace/samplers/parent_factory.h>
#include <opentelemetry/sdk/trace/samplers/trace_id_ratio_factory.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/sdk/trace/tracer_provider_factory.h>
#include <opentelemetry/trace/tracer.h>

/// The units `*_otel.cpp` alone see the SDK: its headers take seconds to compile.
namespace portcullis::tracing {

namespace {

namespace api = opentelemetry::trace;
namespace nostd = opentelemetry::nostd;
namespace sdk = opentelemetry::sdk;

using steady_clock = std::chrono::steady_clock;

nostd::string_view view(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

// The SDK's complaints, at most one per second: it complains of every span that it drops. They alone tell what a
// collector has answered.
class complaints final : public sdk::common::internal_log::LogHandler {
public:
  void Handle(sdk::common::internal_log::LogLevel, const char*, int, const char* message,
              const sdk::common::AttributeMap&) noexcept override {
    const std::string_view detail = message != nullptr ? message : "";
    if (const auto refused = parse_refusal(detail))
      refusals_of_the_collector().note(*refused);
    const steady_clock::rep now = steady_clock::now().time_since_epoch().count();
    steady_clock::rep next = next_.load(std::memory_order_relaxed);
    const steady_clock::rep after = now + steady_clock::duration{std::chrono::seconds{1}}.count();
    if (now < next || !next_.compare_exchange_strong(next, after, std::memory_order_relaxed)) {
      suppressed_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    log::warn(export_complaint,
              {{"detail", detail}, {"suppressed", suppressed_.exchange(0, std::memory_order_relaxed)}});
  }

private:
  std::atomic<steady_clock::rep> next_{steady_clock::time_point::min().time_since_epoch().count()};
  std::atomic<std::uint64_t> suppressed_{0};
};

/// Of traces that begin here, the share that is recorded, of 2^64; what `samples_root` has let through is.
constexpr std::uint64_t all_roots = std::numeric_limits<std::uint64_t>::max();
std::atomic<std::uint64_t> recorded_roots{all_roots};
thread_local bool is_root_decided = false;

std::uint64_t share_of_roots(const otel_environment& env) {
  const bool is_ours = env.sampler == root_sampler::ratio && env.follows_parent && env.ratio < 1;
  return is_ours ? static_cast<std::uint64_t>(std::ldexp(env.ratio, 64)) : all_roots;
}

/// The SDK's sampler by ratio, but for traces that were chosen before.
class chosen_or_ratio final : public sdk::trace::Sampler {
public:
  explicit chosen_or_ratio(double ratio) : ratio_{sdk::trace::TraceIdRatioBasedSamplerFactory::Create(ratio)} {}

  sdk::trace::SamplingResult ShouldSample(const api::SpanContext& parent, api::TraceId trace_id,
                                          nostd::string_view name, api::SpanKind kind,
                                          const opentelemetry::common::KeyValueIterable& attributes,
                                          const api::SpanContextKeyValueIterable& links) noexcept override {
    if (is_root_decided)
      return {sdk::trace::Decision::RECORD_AND_SAMPLE, nullptr, {}};
    return ratio_->ShouldSample(parent, trace_id, name, kind, attributes, links);
  }

  nostd::string_view GetDescription() const noexcept override {
    return ratio_->GetDescription();
  }

private:
  std::unique_ptr<sdk::trace::Sampler> ratio_;
};

std::unique_ptr<sdk::trace::Sampler> make_root_sampler(const otel_environment& env) {
  switch (env.sampler) {
  case root_sampler::always_on:
    return sdk::trace::AlwaysOnSamplerFactory::Create();
  case root_sampler::always_off:
    return sdk::trace::AlwaysOffSamplerFactory::Create();
  case root_sampler::ratio:
    return std::make_unique<chosen_or_ratio>(env.ratio);
  }
  return sdk::trace::AlwaysOnSamplerFactory::Create();
}

std::unique_ptr<sdk::trace::Sampler> make_sampler(const otel_environment& env) {
  if (!env.follows_parent)
    return make_root_sampler(env);
  return sdk::trace::ParentBasedSamplerFactory::Create(make_root_sampler(env));
}

std::shared_ptr<sdk::trace::TracerProvider> make_tracer_provider(exporter e,
                                                                 const sdk::resource::Resource& resource,
                                                                 const otel_environment& env) {
  sdk::trace::BatchSpanProcessorOptions batch;
  batch.max_queue_size = env.queue_spans_max;
  batch.max_export_batch_size = env.batch_spans_max;
  batch.schedule_delay_millis = env.schedule_delay;
  return sdk::trace::TracerProviderFactory::Create(
    sdk::trace::BatchSpanProcessorFactory::Create(make_span_exporter(e), batch), resource, make_sampler(env));
}

// -- metrics -------------------------------------------------------------------------------------------------

sdk::metrics::InstrumentType instrument_type(metrics::kind k) noexcept {
  switch (k) {
  case metrics::kind::counter:
    return sdk::metrics::InstrumentType::kObservableCounter;
  case metrics::kind::up_down:
    return sdk::metrics::InstrumentType::kObservableUpDownCounter;
  case metrics::kind::gauge:
    return sdk::metrics::InstrumentType::kObservableGauge;
  case metrics::kind::histogram:
    return sdk::metrics::InstrumentType::kHistogram;
  }
  return sdk::metrics::InstrumentType::kObservableGauge;
}

sdk::metrics::HistogramPointData to_point(const metrics::histogram& h) {
  sdk::metrics::HistogramPointData point;
  for (std::size_t i = 0; i + 1 < h.counts().size(); ++i)
    point.boundaries_.push_back(h.bound(i));
  point.counts_.assign(h.counts().begin(), h.counts().end());
  point.count_ = h.count();
  point.sum_ = h.sum();
  point.record_min_max_ = false;
  return point;
}

sdk::metrics::PointType to_point(const metrics::sample& s, metrics::kind k,
                                 opentelemetry::common::SystemTimestamp now) {
  if (k == metrics::kind::histogram)
    return to_point(s.distribution);
  if (k == metrics::kind::counter || k == metrics::kind::up_down) {
    sdk::metrics::SumPointData sum;
    sum.value_ = s.value;
    sum.is_monotonic_ = k == metrics::kind::counter;
    return sum;
  }
  sdk::metrics::LastValuePointData last;
  last.value_ = s.value;
  last.is_lastvalue_valid_ = true;
  last.sample_ts_ = now;
  return last;
}

// Hands our snapshots to the SDK's reader in the place of its own instruments.
class producer final : public sdk::metrics::MetricProducer {
public:
  producer(std::function<metrics::snapshot()> collect, const sdk::resource::Resource& resource,
           const std::string& version)
    : collect_{std::move(collect)}, resource_{resource}, scope_{
                                                           sdk::instrumentationscope::InstrumentationScope::Create(
                                                             "portcullis", version)} {}

  Result Produce() noexcept override {
    const opentelemetry::common::SystemTimestamp now{std::chrono::system_clock::now()};
    std::vector<sdk::metrics::MetricData> data;
    const metrics::snapshot taken = collect_();
    for (const metrics::family& f : taken.families())
      if (f.what->instead.empty())
        data.push_back(to_data(f, now));
    sdk::metrics::ResourceMetrics all;
    all.resource_ = &resource_;
    all.scope_metric_data_.emplace_back(scope_.get(), std::move(data));
    return {std::move(all), Status::kSuccess};
  }

private:
  sdk::metrics::MetricData to_data(const metrics::family& f, opentelemetry::common::SystemTimestamp now) const {
    sdk::metrics::MetricData data;
    data.instrument_descriptor = {metrics::otlp_name(*f.what), std::string{f.what->help},
                                  std::string{f.what->unit}, instrument_type(f.what->kind),
                                  sdk::metrics::InstrumentValueType::kDouble};
    data.aggregation_temporality = sdk::metrics::AggregationTemporality::kCumulative;
    data.start_ts = started_;
    data.end_ts = now;
    for (const metrics::sample& s : f.samples) {
      sdk::metrics::PointAttributes attributes;
      for (const auto& [name, value] : s.labels)
        attributes.SetAttribute(name, view(value));
      data.point_data_attr_.push_back({std::move(attributes), to_point(s, f.what->kind, now)});
    }
    return data;
  }

  const std::function<metrics::snapshot()> collect_;
  const sdk::resource::Resource resource_;
  const nostd::unique_ptr<sdk::instrumentationscope::InstrumentationScope> scope_;
  const opentelemetry::common::SystemTimestamp started_{std::chrono::system_clock::now()};
};

std::unique_ptr<sdk::metrics::MetricReader> make_reader(const options& o, producer* source,
                                                        const otel_environment& env) {
  sdk::metrics::PeriodicExportingMetricReaderOptions reader;
  reader.export_interval_millis = std::max(env.metrics_interval, 2 * export_timeout);
  reader.export_timeout_millis = export_timeout;
  auto made = sdk::metrics::PeriodicExportingMetricReaderFactory::Create(make_metric_exporter(o.metrics), reader);
  made->SetMetricProducer(source); // starts its thread
  return made;
}

// -- what runs -----------------------------------------------------------------------------------------------

struct running {
  std::shared_ptr<sdk::trace::TracerProvider> provider;
  nostd::shared_ptr<api::Tracer> tracer;
  std::unique_ptr<producer> source; // outlives the reader
  std::unique_ptr<sdk::metrics::MetricReader> reader;
};

std::shared_ptr<running> current; // by std::atomic_load and the like

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

/// By both clocks of the SDK, as long ago as it is by ours.
void set_start(api::StartSpanOptions& how, instant began) {
  if (began == instant::min())
    return;
  const auto age = boot_clock::now() - began;
  how.start_steady_time = opentelemetry::common::SteadyTimestamp{steady_clock::now() - age};
  how.start_system_time = opentelemetry::common::SystemTimestamp{
    std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(age)};
}

} // namespace

struct span::impl {
  nostd::shared_ptr<api::Span> recorded;
};

std::atomic<bool> detail::is_recording{false};

bool is_available() noexcept {
  return true;
}

failure start(options o) {
  stop();
  if (o.traces == exporter::none && o.metrics == exporter::none && o.logs == exporter::none)
    return {};
  const otel_environment env = read_otel_environment(environment_variable);
  for (const std::string& name : env.unusable)
    log::warn("unusable variable", {{"name", name}});
  if (env.is_disabled) {
    log::info("telemetry is not exported: OTEL_SDK_DISABLED");
    return {};
  }
  refusals_of_the_collector().begin();
  sdk::common::internal_log::GlobalLogHandler::SetLogHandler(
    nostd::shared_ptr<sdk::common::internal_log::LogHandler>{new complaints});
  const auto resource =
    sdk::resource::Resource::Create({{"service.name", o.service_name}, {"service.version", o.service_version}});
  auto next = std::make_shared<running>();
  if (o.traces != exporter::none) {
    next->provider = make_tracer_provider(o.traces, resource, env);
    next->tracer = next->provider->GetTracer("portcullis", o.service_version);
  }
  if (o.metrics != exporter::none && o.collect) {
    next->source = std::make_unique<producer>(std::move(o.collect), resource, o.service_version);
    next->reader = make_reader(o, next->source.get(), env);
  }
  if (o.logs != exporter::none)
    start_log_export(o, env);
  recorded_roots.store(share_of_roots(env), std::memory_order_relaxed);
  const bool has_traces = next->provider != nullptr;
  std::atomic_store(&current, std::move(next));
  detail::is_recording.store(has_traces, std::memory_order_release);
  return {};
}

void stop() {
  detail::is_recording.store(false, std::memory_order_release);
  refusals_of_the_collector().end();
  stop_log_export();
  const std::shared_ptr<running> ending = std::atomic_exchange(&current, std::shared_ptr<running>{});
  if (ending == nullptr)
    return;
  if (ending->provider != nullptr)
    ending->provider->Shutdown();
  if (ending->reader != nullptr) {
    ending->reader->ForceFlush(export_timeout);
    ending->reader->Shutdown(export_timeout);
  }
}

span start_recording(std::string_view name, kind k, const context& parent, const relations& beside) {
  span started;
  const std::shared_ptr<running> now = std::atomic_load(&current);
  if (now == nullptr || now->provider == nullptr) // stopped since the caller looked
    return started;
  api::StartSpanOptions how;
  how.kind = to_api(k);
  if (parent.is_valid())
    how.parent = to_api(parent);
  set_start(how, beside.began);
  const opentelemetry::common::NoopKeyValueIterable no_attributes;
  started.impl_ = new span::impl{now->tracer->StartSpan(view(name), no_attributes, links{beside.links}, how)};
  return started;
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
  is_root_decided = true;
  auto started = start_recording(name, k, {});
  is_root_decided = false;
  return started;
}

void span::set(std::string_view key, std::string_view value) noexcept {
  if (impl_ != nullptr)
    impl_->recorded->SetAttribute(view(key), view(value));
}

void span::set(std::string_view key, std::int64_t value) noexcept {
  if (impl_ != nullptr)
    impl_->recorded->SetAttribute(view(key), value);
}

void span::set(std::string_view key, bool value) noexcept {
  if (impl_ != nullptr)
    impl_->recorded->SetAttribute(view(key), value);
}

void span::fail(std::string_view reason) noexcept {
  if (impl_ != nullptr)
    impl_->recorded->SetStatus(api::StatusCode::kError, view(reason));
}

void span::end() noexcept {
  if (impl_ == nullptr)
    return;
  impl_->recorded->End();
  delete std::exchange(impl_, nullptr);
}

context span::context() const {
  tracing::context c;
  if (impl_ == nullptr)
    return c;
  const api::SpanContext own = impl_->recorded->GetContext();
  own.trace_id().CopyBytesTo(c.trace_id);
  own.span_id().CopyBytesTo(c.span_id);
  c.flags = own.trace_flags().flags();
  c.tracestate = own.trace_state()->ToHeader();
  return c;
}

} // namespace portcullis::tracing
