#include "ctl/doctor.hpp"

#include <boost/json.hpp>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>

namespace portcullis::ctl {

namespace {

constexpr double lag_s_max = 5;              // of the revocation log; it is mostly some milliseconds
constexpr double open_files_min = 4'096;     // of a service that many connections come to
constexpr double open_files_share_max = 0.8; // in use

bool is_loopback(const std::string& address) {
  static constexpr std::array hosts{"://127.", "://localhost", "://[::1]"};
  return std::any_of(hosts.begin(), hosts.end(),
                     [&](const char* host) { return address.find(host) != std::string::npos; });
}

void check_transport(const std::string& address, findings& to) {
  if (address.compare(0, 8, "https://") == 0)
    to.push_back({health::good, "tls", "the server's certificate is valid and for this name", ""});
  else if (is_loopback(address))
    to.push_back({health::good, "tls", "none, and the address is this machine's", ""});
  else
    to.push_back(
      {health::doubtful, "tls", "keys and tokens travel in the clear to " + address,
       "set BACKEND_TLS_CERT_FILE and BACKEND_TLS_KEY_FILE, or keep to a network that nobody else is on"});
}

void check_clock(const std::string& date, findings& to) {
  const auto there = curl_getdate(date.c_str(), nullptr);
  if (date.empty() || there < 0) {
    to.push_back({health::skipped, "clock", "the answer had no date", ""});
    return;
  }
  const auto difference = std::abs(static_cast<long>(std::time(nullptr) - there));
  const auto sentence = "the service's clock and this one are " + std::to_string(difference) + " s apart";
  if (difference <= clock_difference_s_max)
    to.push_back({health::good, "clock", sentence, ""});
  else
    to.push_back({health::doubtful, "clock", sentence, "synchronize both (chrony, systemd-timesyncd)"});
}

void check_readiness(const context& with, findings& to) {
  const auto answer = with.ask(verb::get, "/readyz");
  if (!answer) {
    to.push_back({health::bad, "ready", answer.error().detail, "see the service's log"});
    return;
  }
  const auto body = context::parse(answer->body);
  std::string checks;
  if (body && body->is_object())
    if (const auto* list = body->get_object().if_contains("checks"); list != nullptr && list->is_object())
      for (const auto& one : list->get_object())
        checks += (checks.empty() ? "" : ", ") + std::string{one.key().data(), one.key().size()} + " "
                  + text_at(*list, std::string{one.key().data(), one.key().size()});
  if (answer->status == 200)
    to.push_back({health::good, "ready", checks, ""});
  else
    to.push_back({health::bad, "ready", checks.empty() ? "status " + std::to_string(answer->status) : checks,
                  "the check that is not ok says what is missing; docs/operations.md, \"Probes\""});
}

void check_lag(const boost::json::value& stats, findings& to) {
  const auto text = text_at(stats, "feed.lag_s");
  const auto lag_s = std::strtod(text.c_str(), nullptr);
  if (text.empty()) {
    to.push_back({health::skipped, "lag", "the service does not tell", ""});
  } else if (lag_s < 0) {
    to.push_back({health::bad, "lag", "the revocation log was never read",
                  "see its log for `revocation log cannot be read`"});
  } else if (lag_s > lag_s_max) {
    to.push_back({health::doubtful, "lag", "the revocation log was read " + text + " s ago",
                  "see its log for `revocation log cannot be read`, and the database's load"});
  } else {
    to.push_back({health::good, "lag", "the revocation log was read " + text + " s ago", ""});
  }
}

/// Also whether the caller is known and may read.
void check_caller(const context& with, findings& to) {
  const auto answer = with.ask(verb::get, "/api/v1/admin/stats");
  const int status = answer ? answer->status : 0;
  const auto stats = answer ? context::parse(answer->body) : std::nullopt;
  if (status == 200 && stats) {
    to.push_back({health::good, "caller", "may read what operators read", ""});
    check_lag(*stats, to);
  } else if (status == 401) {
    to.push_back({health::bad, "caller", "is not known to the service",
                  "give a key (--caller-key-file) or a certificate that its callers' file has"});
  } else if (status == 403) {
    to.push_back({health::doubtful, "caller", "has no right `admin:read`",
                  "add it in the callers' file, or use the key of an operator"});
  } else if (status == 404) {
    to.push_back({health::doubtful, "caller", "operators' routes are not served at this address",
                  "use a listener of the audience `admin`"});
  } else {
    to.push_back({health::bad, "caller", answer ? "status " + std::to_string(status) : answer.error().detail,
                  "see the service's log"});
  }
}

/// The value of a metric without labels.
double number_in(const std::string& exposition, const std::string& name) {
  const auto at = exposition.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::strtod(exposition.c_str() + at + name.size() + 2, nullptr);
}

void check_descriptors(const context& with, findings& to) {
  const auto answer = with.ask(verb::get, "/metrics");
  const auto most = answer && answer->status == 200 ? number_in(answer->body, "process_max_fds") : -1;
  const auto open = answer && answer->status == 200 ? number_in(answer->body, "process_open_fds") : -1;
  if (most < 0 || open < 0) {
    to.push_back({health::skipped, "open-files", "the service's metrics are not for this caller", ""});
    return;
  }
  const auto sentence =
    std::to_string(static_cast<long>(open)) + " of " + std::to_string(static_cast<long>(most)) + " in use";
  if (most < open_files_min || open > most * open_files_share_max)
    to.push_back({health::doubtful, "open-files", sentence,
                  "raise the limit (LimitNOFILE= of the unit, ulimit -n): each connection takes one"});
  else
    to.push_back({health::good, "open-files", sentence, ""});
}

} // namespace

void check_service(const context& with, findings& to) {
  const auto& address = with.given().service.address;
  const auto answer = with.ask(verb::get, "/healthz");
  if (!answer) {
    to.push_back({health::bad, "reachable", answer.error().detail,
                  "is it running, is --address right, and does the certificate match --ca-file?"});
    return;
  }
  if (answer->status != 200) {
    to.push_back({health::bad, "reachable", address + " answers " + std::to_string(answer->status),
                  "is --address the service's own, and not a gateway's?"});
    return;
  }
  to.push_back({health::good, "reachable", address + " answers", ""});
  check_transport(address, to);
  check_clock(answer->date, to);
  check_readiness(with, to);
  check_caller(with, to);
  check_descriptors(with, to);
}

} // namespace portcullis::ctl
