#include "telemetry/tracing.hpp"

#include "core/hex.hpp"
#include "core/splitmix64.hpp"
#include "core/token.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace portcullis::tracing {

namespace {

/// W3C Trace Context, 3.2: in lower case only.
template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) noexcept {
  return text.find_first_of("ABCDEF") == std::string_view::npos && hex::read(text, out.data(), N);
}

template <std::size_t N>
void write_hex(const std::array<std::uint8_t, N>& bytes, std::string& out) {
  std::array<char, 2 * N> text{};
  hex::write(bytes.data(), N, text.data());
  out.append(text.data(), text.size());
}

template <std::size_t N>
bool is_zero(const std::array<std::uint8_t, N>& bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

} // namespace

std::string_view to_string(exporter e) noexcept {
  switch (e) {
  case exporter::none:
    return "none";
  case exporter::standard_output:
    return "stdout";
  case exporter::otlp:
    return "otlp";
  }
  return "none";
}

std::optional<exporter> parse_exporter(std::string_view text) noexcept {
  for (const exporter e : {exporter::none, exporter::standard_output, exporter::otlp})
    if (text == to_string(e))
      return e;
  return std::nullopt;
}

bool context::is_valid() const noexcept {
  return !is_zero(trace_id) && !is_zero(span_id);
}

// W3C Trace Context, 3.2.2: `00-<32 hex>-<16 hex>-<2 hex>`. A later version may append `-…`; version ff is
// forbidden.
context parse_context(std::string_view traceparent, std::string_view tracestate) {
  constexpr std::size_t length = 55;
  if (traceparent.size() < length || traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-')
    return {};
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  context c;
  if (!read_hex(traceparent.substr(0, 2), version) || !read_hex(traceparent.substr(3, 32), c.trace_id)
      || !read_hex(traceparent.substr(36, 16), c.span_id) || !read_hex(traceparent.substr(53, 2), flags))
    return {};
  const bool is_longer = traceparent.size() > length;
  if (version[0] == 0xFF || (is_longer && (version[0] == 0 || traceparent[length] != '-')) || !c.is_valid())
    return {};
  c.flags = flags[0];
  if (tracestate.size() <= tracestate_bytes_max && !may_hold_secret(tracestate))
    c.tracestate = tracestate;
  return c;
}

std::string to_traceparent(const context& c) {
  std::string out = "00-";
  write_hex(c.trace_id, out);
  out += '-';
  write_hex(c.span_id, out);
  out += '-';
  write_hex(std::array<std::uint8_t, 1>{c.flags}, out);
  return out;
}

std::string trace_id_text(const context& c) {
  std::string out;
  write_hex(c.trace_id, out);
  return out;
}

std::string span_id_text(const context& c) {
  std::string out;
  write_hex(c.span_id, out);
  return out;
}

trace_point point_of(const span& s) {
  if (!s)
    return {};
  auto own = s.context();
  trace_point p{own.trace_id, own.span_id, (own.flags & 1) != 0};
  if (!own.tracestate.empty())
    p.tracestate = std::make_shared<const std::string>(std::move(own.tracestate));
  return p;
}

trace_point unrecorded_root() noexcept {
  thread_local std::uint64_t state =
    static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  const auto fill = [](auto& id) {
    for (std::size_t i = 0; i < id.size(); i += sizeof state) {
      state += splitmix64_increment;
      const auto bits = std::max<std::uint64_t>(splitmix64_mix(state), 1); // no id is zero
      std::memcpy(id.data() + i, &bits, sizeof bits);
    }
  };
  trace_point p;
  fill(p.trace_id);
  fill(p.span_id);
  return p;
}

context context_of(const trace_point& p) {
  return {p.trace_id, p.span_id, static_cast<std::uint8_t>(p.is_sampled ? 1 : 0),
          p.tracestate != nullptr ? *p.tracestate : std::string{}};
}

} // namespace portcullis::tracing
