#include "telemetry/exposition.hpp"

#include "core/hex.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace portcullis::metrics {

namespace {

constexpr std::string_view total = "_total";

bool ends_with(std::string_view text, std::string_view end) noexcept {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

void append_escaped(std::string& out, std::string_view text, bool with_quotes) {
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && with_quotes)
      out += "\\\"";
    else
      out += c;
  }
}

void append_number(std::string& out, double value) {
  constexpr double exact_integers_end = 9'007'199'254'740'992.0; // 2^53
  if (std::isnan(value) || std::isinf(value)) {
    out += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    return;
  }
  std::array<char, 32> text{};
  char* const end = text.data() + text.size();
  const bool is_whole = value == std::floor(value) && std::fabs(value) < exact_integers_end;
  const auto done = is_whole ? std::to_chars(text.data(), end, static_cast<std::int64_t>(value))
                             : std::to_chars(text.data(), end, value);
  out.append(text.data(), done.ptr);
}

template <std::size_t Size>
std::string hex_text(const std::array<std::uint8_t, Size>& bytes) {
  std::string text(2 * Size, '0');
  hex::write(bytes.data(), Size, text.data());
  return text;
}

/// A bound in the one form that OpenMetrics has for it, as a label is compared by its text: `1.0`, and an exponent
/// below 0.0001 alone.
std::string bound_text(double bound) {
  constexpr double exponents_end = 0.0001;
  std::array<char, 32> text{};
  const auto form = bound < exponents_end ? std::chars_format::scientific : std::chars_format::fixed;
  const auto done = std::to_chars(text.data(), text.data() + text.size(), bound, form);
  std::string told{text.data(), done.ptr};
  return told.find_first_of(".e") == std::string::npos ? told + ".0" : told;
}

class writer {
public:
  writer(const snapshot& s, exposition form) : all_{s}, is_open_{form == exposition::open_metrics} {}

  std::string text() {
    for (const family& f : all_.families())
      write(f);
    if (is_open_)
      out_ += "# EOF\n";
    return std::move(out_);
  }

private:
  /// Two families of OpenMetrics may not have one name, and a counter's has no `_total`.
  bool clashes(std::string_view bare) const {
    return std::any_of(all_.families().begin(), all_.families().end(),
                       [&](const family& f) { return f.what->name == bare; });
  }

  void write(const family& f) {
    std::string_view name = f.what->name;
    std::string_view type = type_of(f.what->kind);
    if (is_open_ && f.what->kind == kind::counter) {
      const auto bare = name.substr(0, name.size() - (ends_with(name, total) ? total.size() : 0));
      if (clashes(bare))
        type = "unknown";
      else
        name = bare;
    }
    line("# HELP ", name, "");
    append_escaped(out_, help_of(*f.what), is_open_);
    out_ += '\n';
    line("# TYPE ", name, type);
    out_ += '\n';
    if (is_open_)
      write_unit(name);
    for (const sample& s : f.samples)
      f.what->kind == kind::histogram ? write_histogram(f.what->name, s) : write_value(f.what->name, s);
  }

  void line(std::string_view keyword, std::string_view name, std::string_view rest) {
    out_ += keyword;
    out_ += name;
    out_ += ' ';
    out_ += rest;
  }

  void write_unit(std::string_view name) {
    for (const std::string_view unit : {"seconds", "bytes"})
      if (ends_with(name, "_" + std::string{unit})) {
        line("# UNIT ", name, unit);
        out_ += '\n';
      }
  }

  void write_value(std::string_view name, const sample& s) {
    begin_sample(name, "", s.labels, {});
    append_number(out_, s.value);
    out_ += '\n';
  }

  void write_histogram(std::string_view name, const sample& s) {
    const histogram& h = s.distribution;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < h.counts().size(); ++i) {
      cumulative += h.counts()[i];
      const bool is_last = i + 1 == h.counts().size();
      begin_sample(name, "_bucket", s.labels, is_last ? std::string{"+Inf"} : bound_text(h.bound(i)));
      append_number(out_, static_cast<double>(cumulative));
      if (is_open_ && i < s.exemplars.size())
        write_exemplar(s.exemplars[i]);
      out_ += '\n';
    }
    begin_sample(name, "_sum", s.labels, {});
    append_number(out_, h.sum());
    out_ += '\n';
    begin_sample(name, "_count", s.labels, {});
    append_number(out_, static_cast<double>(cumulative));
    out_ += '\n';
  }

  void write_exemplar(const exemplar& e) {
    if (e.at == timestamp{})
      return;
    out_ += " # {trace_id=\"" + hex_text(e.trace_id) + "\",span_id=\"" + hex_text(e.span_id) + "\"} ";
    append_number(out_, e.value);
    out_ += ' ';
    append_number(out_, std::chrono::duration<double>(e.at.time_since_epoch()).count());
  }

  /// Up to the space before the value.
  void begin_sample(std::string_view name, std::string_view suffix, const labels& l, const std::string& bound) {
    out_ += name;
    out_ += suffix;
    char separator = '{';
    const auto label = [&](std::string_view key, std::string_view value) {
      out_ += separator;
      separator = ',';
      for (const char c : key)
        out_ += c == '.' ? '_' : c;
      out_ += "=\"";
      append_escaped(out_, value, true);
      out_ += '"';
    };
    for (const auto& [key, value] : l)
      label(key, value);
    if (!bound.empty())
      label("le", bound);
    out_ += separator == ',' ? "} " : " ";
  }

  const snapshot& all_;
  const bool is_open_;
  std::string out_;
};

} // namespace

std::string_view content_type(exposition form) noexcept {
  switch (form) {
  case exposition::prometheus:
    return "text/plain; version=0.0.4; charset=utf-8";
  case exposition::open_metrics:
    return "application/openmetrics-text; version=1.0.0; charset=utf-8";
  }
  return "";
}

std::string render(const snapshot& s, exposition form) {
  return writer{s, form}.text();
}

} // namespace portcullis::metrics
