#include "db/connection.hpp"

#include "core/failpoint.hpp"
#include "db/dsn.hpp"
#include "db/exchange.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace portcullis::db {

namespace {

using handle = std::unique_ptr<pg_conn, void (*)(pg_conn*)>;

/// Settings of every session, in the startup packet to save a round trip.
///
/// Statements are short, named and prepared once per connection, often while the tables are still empty. So their
/// plans are generic (planning anew for each batch costs more than the batch) and bound to the indexes, which
/// every one of them is written for: a plan made over empty tables would otherwise scan them for as long as it
/// lives. The compiler is off because a scan that is switched off is merely given a huge cost, and a huge cost
/// asks for it.
///
/// A row lock is waited for half as long as a statement may take, so that a blocked transaction fails alone, in
/// time for the rest of its batch to be answered on this connection.
std::string session_settings(std::chrono::milliseconds operation_timeout) {
  auto timeout_ms = std::max<std::int64_t>(operation_timeout.count(), 2);
  return "-c TimeZone=UTC -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off -c lock_timeout="
         + std::to_string(timeout_ms / 2) + " -c statement_timeout=" + std::to_string(timeout_ms)
         + " -c idle_in_transaction_session_timeout=" + std::to_string(timeout_ms);
}

void complete(conninfo_parameters& parameters, const connect_options& options) {
  // Whatever was given (see parse_dsn): the service has no use for a server that takes no writes.
  set_parameter(parameters, "target_session_attrs", !fails(failpoint::read_write_only) ? "read-write" : "any");
  set_default(parameters, "application_name", options.application_name);
  set_parameter(parameters, "client_encoding", "UTF8");
  // A dead peer is noticed within half a minute while idle, within the operation time-out while sending.
  set_default(parameters, "keepalives_idle", "15");
  set_default(parameters, "keepalives_interval", "5");
  set_default(parameters, "keepalives_count", "3");
  set_default(parameters, "tcp_user_timeout", std::to_string(options.operation_timeout.count()));
  const auto* given = find_parameter(parameters, "options");
  auto settings = session_settings(options.operation_timeout);
  set_parameter(parameters, "options", given == nullptr ? settings : *given + " " + settings);
}

std::vector<std::string> split_list(const std::string* list) {
  std::vector<std::string> parts;
  if (list == nullptr)
    return parts;
  std::size_t begin = 0;
  for (auto comma = list->find(','); comma != std::string::npos; comma = list->find(',', begin)) {
    parts.push_back(list->substr(begin, comma - begin));
    begin = comma + 1;
  }
  parts.push_back(list->substr(begin));
  return parts;
}

/// One set of parameters per host. libpq would try them in turn by itself, but it leaves a host that swallows
/// packets only when connect_timeout says so, which its asynchronous interface ignores.
std::vector<conninfo_parameters> per_host(const conninfo_parameters& parameters) {
  constexpr std::string_view lists[] = {"host", "hostaddr", "port"};
  std::size_t hosts = 1;
  for (auto key : {lists[0], lists[1]})
    hosts = std::max(hosts, split_list(find_parameter(parameters, key)).size());
  std::vector<conninfo_parameters> out(hosts, parameters);
  for (auto key : lists) {
    auto parts = split_list(find_parameter(parameters, key));
    for (std::size_t i = 0; i < hosts && parts.size() > 1; ++i)
      set_parameter(out[i], key, i < parts.size() ? parts[i] : std::string{});
  }
  return out;
}

std::string without(std::string text, const std::string* secret) {
  constexpr std::string_view mask = "***";
  if (secret == nullptr || secret->empty())
    return text;
  for (auto at = text.find(*secret); at != std::string::npos; at = text.find(*secret, at + mask.size()))
    text.replace(at, secret->size(), mask);
  return text;
}

handle start(const conninfo_parameters& parameters) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  return handle{PQconnectStartParams(keys.data(), values.data(), 0), PQfinish};
}

/// Follows libpq through its states until the connection stands; else says why it does not.
std::string establish(pg_conn* conn, instant deadline) {
  auto state = PGRES_POLLING_WRITING;
  while (PQstatus(conn) != CONNECTION_BAD) {
    auto what = state == PGRES_POLLING_WRITING ? interest::write : interest::read;
    if (!wait_for_socket(PQsocket(conn), what, deadline))
      return "no connection within the deadline";
    state = PQconnectPoll(conn);
    if (state == PGRES_POLLING_OK)
      return {};
  }
  return first_line(PQerrorMessage(conn));
}

void ignore_notice(void*, const char*) {}

// A server in recovery is on no timeline of its own: 0.
const std::string describe_server =
  "select current_setting('search_path'), (select system_identifier from pg_control_system()),"
  " case when pg_is_in_recovery() then 0"
  " else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint end";

} // namespace

connection::~connection() = default;
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;

failure connection::open(const connect_options& options, instant deadline) {
  close();
  auto parameters = parse_conninfo(options.conninfo);
  if (!parameters)
    return {errc::database_unavailable, "the connection string cannot be parsed"};
  complete(*parameters, options);
  met_ = options.met;
  const auto* password = find_parameter(*parameters, "password");
  auto hosts = per_host(*parameters);
  std::string trouble;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    auto now = boot_clock::now();
    auto share = (deadline - now) / static_cast<std::int64_t>(hosts.size() - i);
    auto why = open_one(hosts[i], now + share);
    if (why.empty())
      return {};
    close();
    trouble += (trouble.empty() ? "" : "; ") + without(std::move(why), password);
  }
  return {errc::database_unavailable, std::move(trouble)};
}

std::string connection::open_one(const conninfo_parameters& parameters, instant deadline) {
  server_ = {};
  conn_ = start(parameters);
  if (!conn_)
    return "no memory for a connection";
  PQsetNoticeProcessor(conn_.get(), ignore_notice, nullptr);
  if (auto why = establish(conn_.get(), deadline); !why.empty())
    return why;
  if (PQsetnonblocking(conn_.get(), 1) != 0)
    return first_line(PQerrorMessage(conn_.get()));
  if (auto why = check_server(deadline); !why.empty())
    return why;
  opened_at_ = boot_clock::now();
  return {};
}

std::string connection::check_server(instant deadline) {
  auto found = ask(*this, describe_server, {}, deadline);
  if (!found.ok())
    return found.trouble;
  auto said = (*found.rows)[0];
  // A pooler between here and the server may drop startup options, and then every name would mean something else.
  if (said.next<std::string>() != "backend")
    return "the server did not take search_path=backend from the connection string";
  server_history server;
  server.system = static_cast<std::uint64_t>(said.next<std::int64_t>());
  server.timeline = static_cast<std::uint32_t>(said.next<std::int64_t>());
  if (found.rows->is_malformed())
    return "the server's description of itself has an unexpected shape";
  if (server.timeline == 0 || met_ == nullptr || fails(failpoint::newest_timeline))
    return {};
  server_ = server;
  if (!met_->meet(server))
    return "the server is an old primary: its timeline is " + std::to_string(server.timeline)
           + ", and one of a newer was met";
  return {};
}

bool connection::is_open() const noexcept {
  return conn_ != nullptr && PQstatus(conn_.get()) == CONNECTION_OK;
}

void connection::close() noexcept {
  conn_.reset();
  prepared_.clear();
}

bool connection::check_alive() noexcept {
  // A farewell and the end of the stream may come in one after the other; what else an idle server sends is short.
  for (int reads = 0; reads < 8 && is_open(); ++reads) {
    pollfd watched{socket(), POLLIN, 0};
    if (::poll(&watched, 1, 0) <= 0)
      break;
    if (PQconsumeInput(conn_.get()) == 0 || !is_open())
      close();
    else
      PQisBusy(conn_.get()); // takes apart what has come
  }
  return is_open() && check_primary();
}

bool connection::check_primary() noexcept {
  auto is_on = [this](const char* name) {
    const auto* value = PQparameterStatus(conn_.get(), name);
    return value != nullptr && std::string_view{value} == "on";
  };
  bool takes_writes = !is_on("in_hot_standby") && !is_on("default_transaction_read_only");
  bool has_successor = met_ != nullptr && !met_->is_newest(server_);
  if ((takes_writes || fails(failpoint::read_write_only)) && !has_successor)
    return true;
  close();
  return false;
}

instant connection::opened_at() const noexcept {
  return opened_at_;
}

int connection::socket() const noexcept {
  return conn_ == nullptr ? -1 : PQsocket(conn_.get());
}

pg_conn* connection::native() const noexcept {
  return conn_.get();
}

bool connection::is_prepared(std::string_view name) const {
  return prepared_.count(name) != 0;
}

void connection::mark_prepared(std::string_view name) {
  prepared_.insert(name);
}

} // namespace portcullis::db
