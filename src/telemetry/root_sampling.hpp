#pragma once

#include "telemetry/tracing.hpp"

#include <string_view>

/// Traces that begin here, of which a ratio is recorded.
namespace portcullis::tracing {

/// Whether the next one is: decided before there is a span, which costs far more than the decision. True wherever
/// the SDK's sampler has to decide, by the trace's id or by what is configured.
bool samples_root() noexcept;

/// Begins a trace for which that was true.
span start_sampled_root(std::string_view name, kind k);

} // namespace portcullis::tracing
