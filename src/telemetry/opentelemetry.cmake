# OpenTelemetry's SDK: Debian 13 has it, Debian 12 in its backports (opentelemetry-cpp-dev and libabsl-dev). Debian's own
# CMake config also asks for gRPC and protobuf, which the libraries named here do not need. Defines OpenTelemetry::sdk, or
# nothing when a part is missing.
find_path(OTEL_INCLUDE_DIR opentelemetry/sdk/version/version.h)
find_path(ABSEIL_INCLUDE_DIR absl/types/variant.h)
find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_writer.hpp) # headers alone: writes protobuf's encoding
find_package(ZLIB)
mark_as_advanced(OTEL_INCLUDE_DIR ABSEIL_INCLUDE_DIR PROTOZERO_INCLUDE_DIR)

set(otel_parts "${OTEL_INCLUDE_DIR};${ABSEIL_INCLUDE_DIR};${PROTOZERO_INCLUDE_DIR}")
set(otel_libraries Threads::Threads CURL::libcurl ZLIB::ZLIB)
foreach(name
    opentelemetry_exporter_ostream_span opentelemetry_exporter_ostream_metrics
    opentelemetry_exporter_ostream_logs opentelemetry_exporter_otlp_http_log opentelemetry_logs
    opentelemetry_exporter_otlp_http opentelemetry_exporter_otlp_http_metric opentelemetry_exporter_otlp_http_client
    opentelemetry_metrics opentelemetry_trace opentelemetry_resources opentelemetry_common absl_bad_variant_access)
  find_library(OTEL_LIBRARY_${name} ${name})
  mark_as_advanced(OTEL_LIBRARY_${name})
  list(APPEND otel_parts "${OTEL_LIBRARY_${name}}")
  list(APPEND otel_libraries "${OTEL_LIBRARY_${name}}")
endforeach()

if(NOT otel_parts MATCHES "-NOTFOUND" AND ZLIB_FOUND)
  add_library(OpenTelemetry::sdk INTERFACE IMPORTED GLOBAL)
  # How Debian builds the libraries: the C++ standard library's variant would link, and crash.
  target_compile_definitions(OpenTelemetry::sdk INTERFACE HAVE_ABSEIL OPENTELEMETRY_ABI_VERSION_NO=1)
  target_include_directories(OpenTelemetry::sdk SYSTEM INTERFACE ${OTEL_INCLUDE_DIR} ${ABSEIL_INCLUDE_DIR} ${PROTOZERO_INCLUDE_DIR})
  target_link_libraries(OpenTelemetry::sdk INTERFACE ${otel_libraries})
endif()
