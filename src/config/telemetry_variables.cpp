#include "config/variable_kinds.hpp"

/// What the service and an edge tell of themselves, and where.
namespace portcullis::config {

std::vector<variable> log_variables(const variable_maker& make) {
  return {
    make.choice("LOG_LEVEL", in(&settings::telemetry, &telemetry_settings::log_level), log::parse_level,
                "debug, info, warn or error", "least severity that is logged"),
    make.choice("LOG_FORMAT", in(&settings::telemetry, &telemetry_settings::log_form), log::parse_form,
                "logfmt or json", "how a line of the log looks"),
    make.choice("ACCESS_LOG", in(&settings::http, &http_settings::access_log), http::parse_access_mode,
                "off, sampled or full",
                "which answers have a line at info, beside changes and failures: none, one a second, or all"),
  };
}

std::vector<variable> exporter_variables(const variable_maker& make) {
  return {
    make.service_name("service.name in logs and OpenTelemetry"),
    make.choice("OTEL_TRACES_EXPORTER", in(&settings::telemetry, &telemetry_settings::traces),
                tracing::parse_exporter, "none, stdout or otlp",
                "where traces go; otlp follows the standard OTEL_EXPORTER_OTLP_* variables"),
    make.choice("OTEL_METRICS_EXPORTER", in(&settings::telemetry, &telemetry_settings::metrics),
                tracing::parse_exporter, "none, stdout or otlp",
                "where metrics are pushed; GET /metrics works always"),
    make.choice("OTEL_LOGS_EXPORTER", in(&settings::telemetry, &telemetry_settings::logs), tracing::parse_exporter,
                "none, stdout or otlp", "where the log goes beside standard error"),
  };
}

} // namespace portcullis::config
