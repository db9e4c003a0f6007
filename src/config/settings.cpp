#include "config/settings.hpp"

#include "config/secret_files.hpp"
#include "config/variables.hpp"
#include "core/time.hpp"
#include "db/connection.hpp"
#include "telemetry/logfmt.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>
#include <utility>

namespace portcullis::config {

namespace {

constexpr std::array<std::string_view, 2> prefixes{"BACKEND_", "GATEWAY_"};

bool is_ours(std::string_view name) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.substr(0, prefix.size()) == prefix; });
}

/// A path, or what was put in its place by mistake, without a password.
std::string shown_path(std::string_view text) {
  const bool may_be_secret =
    text.find("://") != std::string_view::npos || text.find('=') != std::string_view::npos;
  return may_be_secret ? db::mask_dsn(text) : std::string{text};
}

/// Reads a secret that comes in a file. Returns whether it is said where it is, rightly or not.
bool read_from_file(const variable& v, const environment& env, settings* out, std::vector<problem>* problems) {
  const std::string name = file_variable(v);
  auto text = read_secret_file(v, env);
  if (text && text->empty())
    return false;
  if (std::string complaint = text ? v.set(*out, *text) : text.error().detail; !complaint.empty())
    problems->push_back({name, shown_path(value_of(env, name)), std::move(complaint)});
  return true;
}

bool is_known(role whose, std::string_view name) {
  return find_variable(whose, name) != nullptr || is_file_variable(whose, name);
}

std::vector<problem> read(const environment& env, settings* out) {
  std::vector<problem> problems;
  for (const variable& v : variables(out->role)) {
    const std::string& name = v.name;
    if (v.is_secret && read_from_file(v, env, out, &problems))
      continue;
    const std::string_view text = value_of(env, name);
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
  auto& pool = s->postgres.pool;
  pool.workers_idle_max = std::min(pool.workers_idle_max, pool.workers_max);
  auto& http = s->http;
  http.feed.subscribers_max = std::min(http.feed.subscribers_max, http.limits.connections_max);
  s->service.attempt_timeout = std::min(s->service.attempt_timeout, s->service.operation_timeout);
  s->service.connect_timeout = std::min(s->service.connect_timeout, s->service.attempt_timeout);
}

/// What each value allows but the values together do not. A variable that is wrong by itself is not judged again.
class cross_check {
public:
  cross_check(const settings& s, std::vector<problem>* problems)
    : s_(s), prefix_(prefix_of(s.role)), problems_(problems) {}

  void exporters() {
    for (const auto& [suffix, exporter] : {std::pair{"OTEL_TRACES_EXPORTER", s_.telemetry.traces},
                                           std::pair{"OTEL_METRICS_EXPORTER", s_.telemetry.metrics},
                                           std::pair{"OTEL_LOGS_EXPORTER", s_.telemetry.logs}})
      if (exporter != tracing::exporter::none)
        refuse(suffix, "takes none: this build has no OpenTelemetry");
  }

  // One read that fails or is late must not make the memory useless.
  void staleness() {
    if (are_sound({poll, staleness_max}) && s_.staleness_max() < 2 * s_.revocation.poll_interval)
      refuse(staleness_max, "takes at least twice " + name_of(poll) + ", which is "
                              + to_go_duration(s_.revocation.poll_interval));
  }

  // A replica within its bound must find in the log everything since it last read it.
  void retention() {
    constexpr std::string_view kept = "REVOCATION_RETENTION";
    if (are_sound({kept, staleness_max}) && s_.revocation.retention <= s_.staleness_max())
      refuse(kept,
             "takes more than " + name_of(staleness_max) + ", which is " + to_go_duration(s_.staleness_max()));
  }

  void listeners() {
    constexpr std::string_view certificate = "TLS_CERT_FILE";
    constexpr std::string_view key = "TLS_KEY_FILE";
    constexpr std::string_view authorities = "TLS_CLIENT_CA_FILE";
    const auto& listen = s_.http.listen;
    const bool has_tls = std::any_of(listen.begin(), listen.end(), [](const auto& a) { return a.is_tls; });
    if (has_tls && are_sound({certificate}) && s_.tls.certificate.empty())
      refuse(certificate, "takes the path of a file, since a listener has TLS");
    if (has_tls && are_sound({key}) && s_.tls.key.empty())
      refuse(key, "takes the path of a file, since a listener has TLS");
    if (are_sound({authorities}) && s_.tls.clients != net::client_certificates::none && s_.tls.client_ca.empty())
      refuse(authorities, "takes the path of a file, since certificates of clients are asked for");
  }

  void callers() {
    constexpr std::string_view file = "CALLERS_FILE";
    if (are_sound({file}) && s_.access.callers_required && s_.access.callers_file.empty())
      refuse(file, "takes the path of a file, since callers are required");
  }

  void certificate() {
    constexpr std::string_view certificate = "BACKEND_CERT_FILE";
    constexpr std::string_view key = "BACKEND_KEY_FILE";
    bool has_certificate = !s_.service.certificate_file.empty();
    if (are_sound({certificate, key}) && has_certificate == s_.service.key_file.empty())
      refuse(has_certificate ? certificate : key,
             "takes " + name_of(has_certificate ? key : certificate) + " beside it");
  }

private:
  static constexpr std::string_view poll = "REVOCATION_POLL_INTERVAL";
  static constexpr std::string_view staleness_max = "REVOCATION_MAX_STALENESS";

  std::string name_of(std::string_view suffix) const {
    return std::string{prefix_} + std::string{suffix};
  }

  bool are_sound(std::initializer_list<std::string_view> suffixes) const {
    return std::none_of(problems_->begin(), problems_->end(), [&](const problem& p) {
      return std::any_of(suffixes.begin(), suffixes.end(),
                         [&](std::string_view suffix) { return p.variable == name_of(suffix); });
    });
  }

  void refuse(std::string_view suffix, std::string complaint) {
    const std::string name = name_of(suffix);
    problems_->push_back({name, find_variable(s_.role, name)->show(s_), std::move(complaint)});
  }

  const settings& s_;
  std::string_view prefix_;
  std::vector<problem>* problems_;
};

void check_together(const settings& s, bool can_trace, std::vector<problem>* problems) {
  cross_check check{s, problems};
  if (!can_trace)
    check.exporters();
  check.staleness();
  check.listeners();
  check.callers();
  switch (s.role) {
  case role::service:
    check.retention();
    break;
  case role::edge:
    check.certificate();
    break;
  }
}

} // namespace

std::string_view without_outer_spaces(std::string_view text) noexcept {
  constexpr std::string_view spaces = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(spaces);
  return begin == std::string_view::npos ? std::string_view{}
                                         : text.substr(begin, text.find_last_not_of(spaces) + 1 - begin);
}

std::string_view value_of(const environment& env, std::string_view name) {
  const auto found = env.find(name);
  return found == env.end() ? std::string_view{} : without_outer_spaces(found->second);
}

environment process_environment() {
  environment env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && is_ours(text))
      env.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return env;
}

std::string problem::to_string() const {
  return variable + (value.empty() ? " is not set: " : '=' + log::quoted(value) + ": ") + takes;
}

settings defaults_of(role whose) {
  settings s;
  s.role = whose;
  if (whose == role::service)
    return s;
  s.http.listen[0].port = 8081;
  auto& memory = s.session_cache.limits.memory;
  memory.index.entries_max = 50'000;
  memory.index.entry_ttl = std::chrono::minutes{10};
  memory.staleness_max = std::chrono::seconds{60};
  s.revocation.poll_interval = std::chrono::seconds{1};
  s.telemetry.service_name = "portcullis-edge";
  return s;
}

std::variant<settings, std::vector<problem>> load(role whose, const environment& env, bool can_trace) {
  settings s = defaults_of(whose);
  std::vector<problem> problems = read(env, &s);
  fit(&s);
  check_together(s, can_trace, &problems);
  if (!problems.empty())
    return problems;
  return s;
}

std::vector<std::string> unknown_variables(const environment& env) {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : env)
    if (is_ours(name) && !is_known(role::service, name) && !is_known(role::edge, name))
      unknown.push_back(name);
  return unknown;
}

} // namespace portcullis::config
