#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace portcullis {

/// Whose span asked for something, small enough to travel with what is asked. Made and read by telemetry alone.
struct trace_point {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  bool is_sampled = false;                         // false: nothing is recorded, so nothing below it is either
  std::shared_ptr<const std::string> tracestate{}; // what the caller's vendors pass on; mostly there is none
};

} // namespace portcullis
