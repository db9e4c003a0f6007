#include "telemetry/metrics_export.hpp"

#include "telemetry/collector_refusals.hpp"
#include "telemetry/otlp_options.hpp"
#include "telemetry/resource.hpp"
#include "telemetry/sdk_view.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <opentelemetry/exporters/ostream/metric_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_metric_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_metric_exporter_options.h>
#include <opentelemetry/sdk/instrumentationscope/instrumentation_scope.h>
#include <opentelemetry/sdk/metrics/export/metric_producer.h>
#include <opentelemetry/sdk/metrics/export/periodic_exporting_metric_reader_factory.h>
#include <opentelemetry/sdk/metrics/export/periodic_exporting_metric_reader_options.h>
#include <opentelemetry/sdk/metrics/metric_reader.h>
#include <opentelemetry/sdk/metrics/push_metric_exporter.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <string>
#include <utility>
#include <vector>

namespace portcullis::tracing {

namespace {

namespace nostd = opentelemetry::nostd;
namespace otlp = opentelemetry::exporter::otlp;
namespace sdk = opentelemetry::sdk;

/// Leaves a collector alone that refuses; the numbers of the next interval hold those of this one.
class patient_metric_exporter final : public sdk::metrics::PushMetricExporter {
public:
  patient_metric_exporter(std::unique_ptr<sdk::metrics::PushMetricExporter> inner, collector_refusals& refusals)
    : inner_{std::move(inner)}, refusals_{refusals} {}

  sdk::common::ExportResult Export(const sdk::metrics::ResourceMetrics& data) noexcept override {
    auto result = sdk::common::ExportResult::kFailure;
    if (!refusals_.is_waiting() && refusals_.refuses([&] { result = inner_->Export(data); }))
      result = sdk::common::ExportResult::kFailure;
    return result;
  }

  sdk::metrics::AggregationTemporality GetAggregationTemporality(
    sdk::metrics::InstrumentType type) const noexcept override {
    return inner_->GetAggregationTemporality(type);
  }

  bool ForceFlush(std::chrono::microseconds timeout) noexcept override {
    return inner_->ForceFlush(timeout);
  }

  bool Shutdown(std::chrono::microseconds timeout) noexcept override {
    return inner_->Shutdown(timeout);
  }

private:
  const std::unique_ptr<sdk::metrics::PushMetricExporter> inner_;
  collector_refusals& refusals_;
};

std::unique_ptr<sdk::metrics::PushMetricExporter> make_metric_exporter(exporter e, const otel_environment& env) {
  if (e != exporter::otlp)
    return opentelemetry::exporter::metrics::OStreamMetricExporterFactory::Create();
  return std::make_unique<patient_metric_exporter>(
    otlp::OtlpHttpMetricExporterFactory::Create(
      sdk_otlp_options<otlp::OtlpHttpMetricExporterOptions>(env.metrics)),
    refusals_of_the_collector());
}

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

/// The conventions have a status as a number; all else of ours is text.
void set_attribute(sdk::metrics::PointAttributes& of, const std::string& name, const std::string& value) {
  std::int64_t number = 0;
  const char* const end = value.data() + value.size();
  if (name == "http.response.status_code" && std::from_chars(value.data(), end, number).ptr == end)
    of.SetAttribute(name, number);
  else
    of.SetAttribute(name, view(value));
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
        set_attribute(attributes, name, value);
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
  auto made =
    sdk::metrics::PeriodicExportingMetricReaderFactory::Create(make_metric_exporter(o.metrics, env), reader);
  made->SetMetricProducer(source); // starts its thread
  return made;
}

struct running {
  std::unique_ptr<producer> source; // outlives the reader
  std::unique_ptr<sdk::metrics::MetricReader> reader;
};

std::unique_ptr<running> current;

} // namespace

void start_metrics_export(options o, const otel_environment& env) {
  auto next = std::make_unique<running>();
  next->source = std::make_unique<producer>(std::move(o.collect), resource_of(o, env), o.service_version);
  next->reader = make_reader(o, next->source.get(), env);
  current = std::move(next);
}

void stop_metrics_export() {
  const auto ending = std::move(current);
  if (ending == nullptr)
    return;
  ending->reader->ForceFlush(export_timeout);
  ending->reader->Shutdown(export_timeout);
}

} // namespace portcullis::tracing
