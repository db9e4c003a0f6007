#pragma once

#include <opentelemetry/nostd/string_view.h>
#include <string_view>

namespace portcullis::tracing {

/// The same text for the SDK.
inline opentelemetry::nostd::string_view view(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

} // namespace portcullis::tracing
