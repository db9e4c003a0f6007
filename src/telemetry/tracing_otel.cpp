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
  return sdk::trace::BatchSpanProcessorFactory::Create(make_span_exporter(e, env.queue_spans_max), batch);
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
/// second record and a list of processors for each span, which costs a resolve as much again as the rest of the
/// export does.
struct span_maker : std::enable_shared_from_this<span_maker> {
  span_maker(exporter e, const sdk::resource::Resource& made_in, const std::string& version,
             const otel_environment& env)
    : resource{made_in}, scope{sdk::instrumentationscope::InstrumentationScope::Create("portcullis", version)},
      sampler{make_sampler(env)}, ids{sdk::trace::RandomIdGeneratorFactory::Create()}, processor{
                                                                                         make_processor(e, env)} {}

  /// For a trace that begins here, `r` is whether it is already known to be recorded.
  span start(std::string_view name, kind k, const context& parent, const relations& beside, root r);

  const sdk::resource::Resource resource;
  const nostd::unique_ptr<sdk::instrumentationscope::InstrumentationScope> scope;
  const std::unique_ptr<sdk::trace::Sampler> sampler;
  const std::unique_ptr<sdk::trace::IdGenerator> ids;
  const std::unique_ptr<sdk::trace::SpanProcessor> processor; // its thread ends before the others go
};

/// Without a record it is not recorded, and its children are not either.
struct span::impl {
  std::shared_ptr<span_maker> maker;
  api::SpanContext own;
  std::unique_ptr<sdk::trace::Recordable> record;
  steady_clock::time_point began;
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
  for (const trace_point& one : beside.links)
    record.AddLink(to_api(context_of(one)), no_attributes);
  return started;
}

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
    std::atomic_store(&spans, std::make_shared<span_maker>(o.traces, resource, o.service_version, env));
  }
  if (o.metrics != exporter::none && o.collect) {
    next->source = std::make_unique<producer>(std::move(o.collect), resource, o.service_version);
    next->reader = make_reader(o, next->source.get(), env);
  }
  if (o.logs != exporter::none)
    start_log_export(o, env);
  recorded_roots.store(share_of_roots(env), std::memory_order_relaxed);
  std::atomic_store(&current, std::move(next));
  detail::is_recording.store(o.traces != exporter::none, std::memory_order_release);
  return {};
}

void stop() {
  detail::is_recording.store(false, std::memory_order_release);
  refusals_of_the_collector().end();
  stop_log_export();
  const std::shared_ptr<running> ending = std::atomic_exchange(&current, std::shared_ptr<running>{});
  if (const auto maker = std::atomic_exchange(&spans, std::shared_ptr<span_maker>{}))
    maker->processor->Shutdown();
  if (ending != nullptr && ending->reader != nullptr) {
    ending->reader->ForceFlush(export_timeout);
    ending->reader->Shutdown(export_timeout);
  }
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
  if (impl_ != nullptr && impl_->record != nullptr)
    impl_->record->SetAttribute(view(key), view(value));
}

void span::set(std::string_view key, std::int64_t value) noexcept {
  if (impl_ != nullptr && impl_->record != nullptr)
    impl_->record->SetAttribute(view(key), value);
}

void span::set(std::string_view key, bool value) noexcept {
  if (impl_ != nullptr && impl_->record != nullptr)
    impl_->record->SetAttribute(view(key), value);
}

void span::fail(std::string_view reason) noexcept {
  if (impl_ != nullptr && impl_->record != nullptr)
    impl_->record->SetStatus(api::StatusCode::kError, view(reason));
}

void span::end() noexcept {
  const std::unique_ptr<impl> ending{std::exchange(impl_, nullptr)};
  if (ending == nullptr || ending->record == nullptr)
    return;
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
