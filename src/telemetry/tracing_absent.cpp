#include "telemetry/root_sampling.hpp"

/// The build without OpenTelemetry: spans are nothing, and `start` takes `none` alone.
namespace portcullis::tracing {

struct span::impl {};

std::atomic<bool> detail::is_recording{false};

bool is_available() noexcept {
  return false;
}

failure start(options o) {
  if (o.traces == exporter::none && o.metrics == exporter::none && o.logs == exporter::none)
    return {};
  return {errc::value_unacceptable, "this build has no OpenTelemetry"};
}

void stop() {}

span start_recording(std::string_view, kind, const context&, const relations&) {
  return {};
}

bool samples_root() noexcept {
  return false;
}

span start_sampled_root(std::string_view, kind) {
  return {};
}

void span::set(std::string_view, std::string_view) noexcept {}
void span::set(std::string_view, std::int64_t) noexcept {}
void span::set(std::string_view, bool) noexcept {}
void span::fail(std::string_view) noexcept {}
void span::end() noexcept {}

context span::context() const {
  return {};
}

} // namespace portcullis::tracing
