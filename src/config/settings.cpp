#include "config/settings.hpp"

#include "config/variables.hpp"
#include "core/time.hpp"
#include "db/connection.hpp"
#include "telemetry/logfmt.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace portcullis::config {

namespace {

constexpr std::string_view prefix = "BACKEND_";

// Without white space at the ends: values from files end in a newline.
std::string_view find(const environment& env, std::string_view name) {
  constexpr std::string_view spaces = " \t\r\n";
  const auto found = env.find(name);
  if (found == env.end())
    return {};
  const std::string_view text = found->second;
  const std::size_t begin = text.find_first_not_of(spaces);
  return begin == std::string_view::npos ? std::string_view{}
                                         : text.substr(begin, text.find_last_not_of(spaces) + 1 - begin);
}

std::vector<problem> read(const environment& env, settings* out) {
  std::vector<problem> problems;
  for (const variable& v : variables()) {
    const std::string name{v.name};
    const std::string_view text = find(env, name);
    if (text.empty()) {
      if (v.is_required)
        problems.push_back({name, "", "takes " + v.takes});
      continue;
    }
    if (std::string complaint = v.set(*out, text); !complaint.empty())
      problems.push_back({name, v.is_secret ? db::mask_dsn(text) : std::string{text}, std::move(complaint)});
  }
  return problems;
}

// A bound inside another bound is never greater than it.
void fit(settings* s) {
  s->postgres.idle_conns_max = std::min(s->postgres.idle_conns_max, s->postgres.open_conns_max);
  s->http.subscribers_max = std::min(s->http.subscribers_max, s->http.connections_max);
}

// What each value allows but the values together do not. A variable that is wrong by itself is not judged again.
void cross_check(const settings& s, bool can_trace, std::vector<problem>* problems) {
  const auto is_sound = [&](std::string_view name) {
    return std::none_of(problems->begin(), problems->end(), [&](const problem& p) { return p.variable == name; });
  };
  const auto refuse = [&](std::string_view name, std::string complaint) {
    problems->push_back({std::string{name}, find_variable(name)->show(s), std::move(complaint)});
  };

  for (const auto& [name, exporter] : {std::pair{"BACKEND_OTEL_TRACES_EXPORTER", s.telemetry.traces},
                                       std::pair{"BACKEND_OTEL_METRICS_EXPORTER", s.telemetry.metrics}})
    if (exporter != tracing::exporter::none && !can_trace)
      refuse(name, "takes none: this build has no OpenTelemetry");

  // One read that fails or is late must not make the memory useless.
  constexpr std::string_view poll = "BACKEND_REVOCATION_POLL_INTERVAL";
  constexpr std::string_view staleness = "BACKEND_REVOCATION_MAX_STALENESS";
  if (is_sound(poll) && is_sound(staleness) && s.revocation.staleness_max < 2 * s.revocation.poll_interval)
    refuse(staleness, "takes at least twice " + std::string{poll} + ", which is "
                        + to_go_duration(s.revocation.poll_interval));

  // A replica within its bound must find in the log everything since it last read it.
  constexpr std::string_view retention = "BACKEND_REVOCATION_RETENTION";
  if (is_sound(retention) && is_sound(staleness) && s.revocation.retention <= s.revocation.staleness_max)
    refuse(retention, "takes more than " + std::string{staleness} + ", which is "
                        + to_go_duration(s.revocation.staleness_max));
}

} // namespace

environment process_environment() {
  environment env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && text.substr(0, prefix.size()) == prefix)
      env.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return env;
}

std::string problem::to_string() const {
  return variable + (value.empty() ? " is not set: " : '=' + log::quoted(value) + ": ") + takes;
}

std::variant<settings, std::vector<problem>> load(const environment& env, bool can_trace) {
  settings s;
  std::vector<problem> problems = read(env, &s);
  fit(&s);
  cross_check(s, can_trace, &problems);
  if (!problems.empty())
    return problems;
  return s;
}

std::vector<std::string> unknown_variables(const environment& env) {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : env)
    if (name.compare(0, prefix.size(), prefix) == 0 && find_variable(name) == nullptr)
      unknown.push_back(name);
  return unknown;
}

} // namespace portcullis::config
