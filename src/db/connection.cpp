#include "db/connection.hpp"

#include "core/failpoint.hpp"
#include "db/dsn.hpp"
#include "db/exchange.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::db {

namespace {

using handle = std::unique_ptr<pg_conn, void (*)(pg_conn*)>;

/// To tell a pooler that lends backends to transactions from one that lends them to sessions: one that has no
/// backend left for a second session for so long lends to sessions. A busy machine is not to be mistaken for that.
constexpr std::chrono::seconds pooler_patience{3};
constexpr int pooler_probes = 4;

constexpr int server_version_min = 150000;

constexpr std::string_view too_many_connections = "53300";

/// As `session_expires_at` and the mints read it (see migrations/). What has no bound is not set.
std::string policy_settings(const session_policy& policy) {
  std::string out;
  for (const auto& [name, age] :
       {std::pair{"session_max_age", policy.max_age}, std::pair{"guest_session_max_age", policy.guest_max_age}})
    if (age.count() > 0)
      out += std::string{" -c portcullis."} + name + "=" + std::to_string(age.count()) + "ms";
  if (policy.per_account_max > 0)
    out += " -c portcullis.sessions_per_account_max=" + std::to_string(policy.per_account_max);
  return out;
}

/// Settings of every session, in the startup packet, so that they outrank what is set for the role or the
/// database.
///
/// What a promise rests on comes first: a commit is durable before it is told (`synchronous_commit` follows once
/// it is known whether something stronger is set, see `pin_session`), each statement has a snapshot of its own,
/// and times and texts mean the same everywhere.
///
/// Statements are short, named and prepared once per connection, often while the tables are still empty. So their
/// plans are generic (planning anew for each batch costs more than the batch) and bound to the indexes, which
/// every one of them is written for: a plan made over empty tables would otherwise scan them for as long as it
/// lives. The compiler is off because a scan that is switched off is merely given a huge cost, and a huge cost
/// asks for it.
///
/// The rest has the server end a backend by itself, within seconds, whose client is frozen or cut off: it may hold
/// locks that others wait for.
std::string session_settings(const connect_options& options) {
  auto timeout_ms = std::max<std::int64_t>(options.operation_timeout.count(), 2);
  auto lock_ms = options.lock_timeout.count() > 0 ? options.lock_timeout.count() : timeout_ms / 2;
  auto check_ms = std::clamp<std::int64_t>(timeout_ms / 2, 100, 1000);
  std::string out = "-c TimeZone=UTC -c default_transaction_isolation=read\\ committed"
                    " -c default_transaction_deferrable=off -c standard_conforming_strings=on"
                    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off"
                    " -c idle_session_timeout=0"
                    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3";
  for (const auto& [name, ms] :
       {std::pair{"lock_timeout", lock_ms}, std::pair{"statement_timeout", timeout_ms},
        std::pair{"idle_in_transaction_session_timeout", timeout_ms}, std::pair{"tcp_user_timeout", timeout_ms},
        std::pair{"client_connection_check_interval", check_ms}})
    out += std::string{" -c "} + name + "=" + std::to_string(ms);
  return out + policy_settings(options.policy);
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
  auto settings = session_settings(options);
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

/// The code that the server gave with its refusal of a connection. libpq tells it only as a part of the message,
/// and only when that is verbose: `FATAL:  28P01: password …`, the first word in the server's language.
std::string_view sqlstate_in(std::string_view message) {
  constexpr std::string_view mark = ":  ";
  constexpr std::size_t length = 5;
  for (auto at = message.find(mark); at != std::string_view::npos; at = message.find(mark, at + 1)) {
    auto code = message.substr(at + mark.size(), length);
    bool is_code = code.size() == length && std::all_of(code.begin(), code.end(), [](unsigned char c) {
                     return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
                   });
    if (is_code && message.substr(at + mark.size() + length, 2) == ": ")
      return code;
  }
  return {};
}

// A server in recovery is on no timeline of its own: 0.
//
// `synchronous_commit` is set here, to what it is if that is stronger than `on`: what is set for the session can
// be weakened by nobody else. A time-out that older servers do not know cannot stand in the startup packet.
std::string pin_session(std::chrono::milliseconds operation_timeout) {
  return "select current_setting('search_path'), (select system_identifier from pg_control_system()),"
         " case when pg_is_in_recovery() then 0"
         " else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint end,"
         " pg_backend_pid(), current_setting('server_encoding'), current_setting('session_replication_role') <> "
         "'replica',"
         " set_config('synchronous_commit', "
         + std::string{!fails(failpoint::synchronous_commit) ? "case current_setting('synchronous_commit') when "
                                                               "'remote_apply' then 'remote_apply' else 'on' end"
                                                             : "'off'"}
         + ", false), case when current_setting('server_version_num')::integer >= 170000"
           " then set_config('transaction_timeout', '"
         + std::to_string(std::max<std::int64_t>(operation_timeout.count(), 2)) + "', false) end";
}

/// What the next transaction must find as the one before has left it: `$1` is the backend.
const std::string verify_session =
  "select pg_backend_pid(), current_setting('synchronous_commit') in ('on', 'remote_apply'),"
  " current_setting('transaction_isolation') = 'read committed' and current_setting('TimeZone') = 'UTC'"
  " and current_setting('standard_conforming_strings') = 'on' and current_setting('client_encoding') = 'UTF8'";

constexpr std::string_view pooled =
  "there is a pooler between here and the server that gives each transaction another backend: prepared statements,"
  " LISTEN and session locks do not work there; connect directly, or let it pool sessions";

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
  operation_timeout_ = options.operation_timeout;
  const auto* password = find_parameter(*parameters, "password");
  auto hosts = per_host(*parameters);
  std::string error;
  bool all_refuse = true;
  is_full_ = false;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    auto now = boot_clock::now();
    auto share = (deadline - now) / static_cast<std::int64_t>(hosts.size() - i);
    auto why = open_one(hosts[i], now + share);
    if (why.empty())
      return {};
    all_refuse = all_refuse && is_refused_for_good_;
    close();
    error += (error.empty() ? "" : "; ") + without(std::move(why), password);
  }
  is_refused_for_good_ = all_refuse;
  if (is_full_ && options.on_full)
    options.on_full();
  return {errc::database_unavailable, std::move(error)};
}

std::string connection::open_one(const conninfo_parameters& parameters, instant deadline) {
  server_ = {};
  is_refused_for_good_ = false;
  if (auto why = connect(parameters, deadline); !why.empty())
    return why;
  if (auto why = check_server(parameters, deadline); !why.empty())
    return why;
  opened_at_ = boot_clock::now();
  return {};
}

std::string connection::connect(const conninfo_parameters& parameters, instant deadline) {
  conn_ = start(parameters);
  if (!conn_)
    return "no memory for a connection";
  PQsetNoticeProcessor(conn_.get(), ignore_notice, nullptr);
  PQsetErrorVerbosity(conn_.get(), PQERRORS_VERBOSE);
  if (auto why = establish(conn_.get(), deadline); !why.empty()) {
    auto code = sqlstate_in(why);
    bool is_denied = code.substr(0, 2) == "28" || code == "3D000"; // authentication; no such database
    is_refused_for_good_ = is_denied || PQconnectionNeedsPassword(conn_.get()) != 0;
    is_full_ = is_full_ || code == too_many_connections;
    return why;
  }
  PQsetErrorVerbosity(conn_.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(conn_.get(), 1) != 0)
    return first_line(PQerrorMessage(conn_.get()));
  return {};
}

std::string connection::refuse_for_good(std::string why) {
  is_refused_for_good_ = true;
  return why;
}

std::string connection::check_server(const conninfo_parameters& parameters, instant deadline) {
  if (auto version = PQserverVersion(conn_.get()); version < server_version_min)
    return refuse_for_good("the server is PostgreSQL " + std::to_string(version / 10000)
                           + ", and 15 is the oldest that will do");
  auto found = ask(*this, pin_session(operation_timeout_), {}, deadline);
  if (!found.ok())
    return found.error;
  auto said = (*found.rows)[0];
  // A pooler between here and the server may drop startup options, and then every name would mean something else.
  if (said.next<std::string>() != "backend")
    return refuse_for_good("the server did not take search_path=backend from the connection string");
  server_history server;
  server.system = static_cast<std::uint64_t>(said.next<std::int64_t>());
  server.timeline = static_cast<std::uint32_t>(said.next<std::int64_t>());
  auto backend = said.next<std::int32_t>();
  auto encoding = said.next<std::string>();
  auto fires_triggers = said.next<bool>();
  if (found.rows->is_malformed())
    return "the server's description of itself has an unexpected shape";
  if (encoding != "UTF8")
    return refuse_for_good("the database's encoding is " + encoding + ", and it must be UTF8");
  if (!fires_triggers) // only a superuser may set it, so it is asked for instead of pinned
    return refuse_for_good(
      "session_replication_role is replica: no trigger would fire, no foreign key would hold");
  if (auto why = check_session(parameters, backend, deadline); !why.empty())
    return why;
  if (server.timeline == 0 || met_ == nullptr || fails(failpoint::newest_timeline))
    return {};
  server_ = server;
  if (!met_->meet(server))
    return "the server is an old primary: its timeline is " + std::to_string(server.timeline)
           + ", and one of a newer was met";
  return {};
}

std::string connection::check_session(const conninfo_parameters& parameters, int backend, instant deadline) {
  if (auto why = verify(backend, deadline); !why.empty() || PQbackendPID(conn_.get()) == backend)
    return why;
  // Something in between told us another backend than the one that answers. If it keeps a backend for as long as
  // the session lasts, a second session cannot get this one's, nor take it away.
  connection second;
  if (auto why = second.connect(parameters, deadline); !why.empty())
    return "the second connection that tells whether a pooler is in between failed: " + why;
  for (int i = 0; i < pooler_probes; ++i)
    if (auto why = probe(second, backend, deadline); !why.empty() || !second.is_open())
      return why;
  return {};
}

/// A session that has a backend of its own keeps it, whatever a second one does. If it is lent one for each
/// transaction, the second may get this one's, and give back another, which is then lent to this one.
std::string connection::probe(connection& second, int backend, instant deadline) {
  second.ask_to_hold();
  auto held = second.backend_held(std::min(deadline, boot_clock::now() + pooler_patience));
  // No answer yet may be the fault of a machine that stood still: what lets these questions through has let
  // through what was sent before them.
  for (int i = 0; i < (held ? 1 : pooler_probes); ++i)
    if (auto why = verify(backend, deadline); !why.empty())
      return why;
  if (!held && second.is_open())
    held = second.backend_held(boot_clock::now());
  if (second.is_refused_for_good_ || held == backend)
    return refuse_for_good(std::string{pooled});
  if (!held) { // none is left for a second session, so sessions keep theirs
    second.close();
    return {};
  }
  run_script(second, "rollback", deadline);
  return verify(backend, deadline);
}

std::string connection::verify(int backend, instant deadline) {
  auto found = ask(*this, verify_session, {}, deadline);
  if (!found.ok())
    return found.error;
  auto said = (*found.rows)[0];
  if (said.next<std::int32_t>() != backend)
    return refuse_for_good(std::string{pooled});
  bool is_durable = said.next<bool>() || fails(failpoint::synchronous_commit);
  bool is_as_asked = said.next<bool>();
  if (found.rows->is_malformed())
    return "the server's settings have an unexpected shape";
  if (!is_durable || !is_as_asked)
    return refuse_for_good(
      "the session's settings did not arrive, or did not last: is there a pooler in between?");
  return {};
}

/// Begins a transaction and leaves it open, so that its backend is this session's until it closes.
void connection::ask_to_hold() {
  PQsendQuery(conn_.get(), "begin; select pg_backend_pid()");
}

/// What the answer to `ask_to_hold` tells; nothing if it is not there by `deadline`, and then it may come later. A
/// pooler that lends backends to statements refuses, and ends the connection.
std::optional<int> connection::backend_held(instant deadline) {
  std::optional<int> backend;
  PQconsumeInput(conn_.get()); // what is there counts, however late it is
  while (true) {
    bool is_missing = false;
    auto result = next_result(*this, deadline, &is_missing);
    auto status = PQresultStatus(result.get());
    is_refused_for_good_ = !is_open() || (result && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK);
    if (is_missing || is_refused_for_good_)
      return std::nullopt;
    if (!result)
      return backend;
    if (status == PGRES_TUPLES_OK)
      backend = std::atoi(PQgetvalue(result.get(), 0, 0));
  }
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
