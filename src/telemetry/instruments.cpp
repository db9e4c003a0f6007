#include "telemetry/instruments.hpp"

#include <algorithm>
#include <array>

namespace portcullis::metrics {

namespace {

constexpr auto counter = kind::counter;
constexpr auto up_down = kind::up_down;
constexpr auto gauge = kind::gauge;
constexpr auto histogram_ = kind::histogram;

constexpr std::array table{
  // -- requests
  instrument{"http_server_request_duration_seconds", "http.server.request.duration", histogram_, "s",
             "From the request's last byte to its answer.", ""},
  instrument{"http_server_active_requests", "http.server.active_requests", up_down, "{request}",
             "Requests that are not answered yet.", ""},
  instrument{"portcullis_http_connections", "", up_down, "{connection}", "Open connections.", ""},
  instrument{"portcullis_http_connections_accepted_total", "", counter, "{connection}", "Connections accepted.",
             ""},
  instrument{"portcullis_http_connections_refused_total", "", counter, "{connection}",
             "Connections turned away at the limit.", ""},
  instrument{"portcullis_http_requests_refused_total", "", counter, "{request}",
             "Requests that were no valid HTTP or came too slowly.", ""},
  instrument{"portcullis_http_held_bytes", "", gauge, "By", "Input and output held in memory for connections.",
             ""},
  instrument{"portcullis_http_requests_short_of_memory_total", "", counter, "{request}",
             "Requests turned away because connections held more than they may.", ""},
  instrument{"portcullis_tls_handshakes_total", "", counter, "{handshake}",
             "TLS handshakes by outcome: ok, failed.", ""},
  instrument{"portcullis_io_turn_duration_seconds", "", histogram_, "s",
             "How long one turn of the I/O thread took: what comes meanwhile waits for it.", ""},
  // -- callers
  instrument{"portcullis_callers", "", gauge, "{caller}", "Callers in the file that is in force.", ""},
  instrument{"portcullis_callers_refused_total", "", counter, "{request}",
             "Requests of callers who are unknown or may not ask what they asked.", ""},
  instrument{"portcullis_rate_limited_total", "", counter, "{request}",
             "Requests refused because a limit was used up.", ""},
  instrument{"portcullis_rate_limit_evictions_total", "", counter, "{bucket}",
             "Buckets that lost their place to another client.", ""},
  // -- sessions and accounts
  instrument{
    "portcullis_sessions_resolved_total", "", counter, "{lookup}",
    "Tokens looked up, by outcome (active, revoked, expired, unknown, error) and by source: memory; "
    "load, of one that "
    "memory did not hold; read_through, of one that it held without a lease. Look-ups by hash are counted "
    "by the edge that asks.",
    ""},
  instrument{"portcullis_sessions_minted_total", "", counter, "{session}",
             "Sessions minted, by whose: account, identity, guest, rotation.", ""},
  instrument{
    "portcullis_sessions_ended_total", "", counter, "{session}",
    "Sessions ended, by cause: revoked, revoked_all, rotated, superseded, bulk; accounts whose sessions ended "
    "with them: account_deleted, guest_reaped.",
    ""},
  instrument{"portcullis_accounts_created_total", "", counter, "{account}",
             "Accounts made, by kind: account, guest.", ""},
  instrument{"portcullis_accounts_deleted_total", "", counter, "{account}", "Accounts deleted on request.", ""},
  instrument{"portcullis_identities_linked_total", "", counter, "{identity}", "Identities linked to accounts.",
             ""},
  instrument{"portcullis_guests_upgraded_total", "", counter, "{account}",
             "Guests that became full accounts by linking an identity.", ""},
  instrument{"portcullis_swept_rows_total", "", counter, "{row}",
             "Rows that sweeps removed, by what they were: guests, sessions, events, audit.", ""},
  // -- the cache
  instrument{"portcullis_session_cache_entries", "", gauge, "{session}",
             "Sessions held in memory, the revoked ones included.", ""},
  instrument{"portcullis_session_cache_active_entries", "", gauge, "{session}", "Active sessions held in memory.",
             ""},
  instrument{"portcullis_session_cache_bytes", "", gauge, "By", "Memory held by the session index.", ""},
  instrument{"portcullis_session_cache_unknown_entries", "", gauge, "{token}",
             "Tokens remembered as never minted.", ""},
  instrument{"portcullis_session_cache_hits_total", "", counter, "{lookup}", "Look-ups answered from memory.", ""},
  instrument{"portcullis_session_cache_misses_total", "", counter, "{lookup}",
             "Look-ups of tokens that were not held.", ""},
  instrument{
    "portcullis_session_cache_read_throughs_total", "", counter, "{lookup}",
    "Look-ups of held tokens that went to the database because the log was not read recently enough, or not as "
    "far as the caller wants.",
    ""},
  instrument{"portcullis_session_cache_loads_total", "", counter, "{load}", "Loads begun.", ""},
  instrument{"portcullis_session_cache_loads_shared_total", "", counter, "{lookup}",
             "Look-ups that joined a load that had begun.", ""},
  instrument{"portcullis_session_cache_loads_refused_total", "", counter, "{lookup}",
             "Look-ups turned away because too many loads were in flight.", ""},
  instrument{"portcullis_session_cache_loads_in_flight", "", gauge, "{load}",
             "Sessions being read from the database.", ""},
  instrument{"portcullis_session_cache_loads_dropped_total", "", counter, "{load}",
             "Loads that a revocation overtook.", ""},
  instrument{"portcullis_session_cache_evictions_total", "", counter, "{session}", "Entries dropped at the bound.",
             ""},
  // -- revocations
  instrument{"portcullis_revocation_log_age_seconds", "", gauge, "s",
             "Since the last successful read of the revocation log began; -1 before the first.", ""},
  instrument{"portcullis_revocation_lease_remaining_seconds", "", gauge, "s",
             "How long memory may still be answered from if the log is not read again; 0 without a lease.", ""},
  instrument{"portcullis_revocation_log_position", "", gauge, "{event}",
             "The last entry of the revocation log that was read.", ""},
  instrument{"portcullis_revocation_events_total", "", counter, "{event}",
             "Revocations read from the log, by kind: session, account.", ""},
  instrument{
    "portcullis_revocation_delay_seconds", "", histogram_, "s",
    "From a revocation's transaction, by the database's clock, until this process honoured it (applied) and "
    "until it was on its way to subscribers (delivered).",
    ""},
  instrument{"portcullis_canary_delay_seconds", "", histogram_, "s",
             "How long after the acknowledgement of a canary's revocation this process knew of it.", ""},
  instrument{"portcullis_canary_breaches_total", "", counter, "{canary}",
             "Canaries whose end was known later than the bound on staleness allows.", ""},
  instrument{"portcullis_canary_rounds_total", "", counter, "{round}",
             "Canaries that this replica has sent, by outcome: ok, failed.", ""},
  instrument{"portcullis_revocation_subscribers", "", gauge, "{stream}", "Streams that follow the feed.", ""},
  instrument{"portcullis_revocation_long_polls", "", gauge, "{request}", "Long polls that wait for an event.", ""},
  instrument{"portcullis_revocation_subscribers_cut_total", "", counter, "{stream}",
             "Streams cut off because they did not keep up.", ""},
  instrument{"portcullis_revocation_events_delivered_total", "", counter, "{event}", "Events written to streams.",
             ""},
  // -- the database
  instrument{"db_client_operation_duration_seconds", "db.client.operation.duration", histogram_, "s",
             "From an operation's batch being handed to a connection to the operation's outcome.", ""},
  instrument{"db_client_connections", "db.client.connection.count", up_down, "{connection}",
             "Connections by state: idle, used. Not called _count, which the linter keeps for histograms.", ""},
  instrument{"db_client_connection_max", "db.client.connection.max", up_down, "{connection}",
             "Connections that the pool may have.", ""},
  instrument{"db_client_connection_idle_max", "db.client.connection.idle.max", up_down, "{connection}",
             "Connections that the pool keeps when idle.", ""},
  instrument{"db_client_connection_pending_requests", "db.client.connection.pending_requests", up_down,
             "{request}", "Operations that wait for a connection.", ""},
  instrument{"db_client_connection_wait_time_seconds", "db.client.connection.wait_time", histogram_, "s",
             "How long an operation waited for a connection.", ""},
  instrument{"portcullis_db_batch_operations", "", histogram_, "{operation}", "Operations in one round trip.", ""},
  instrument{"portcullis_db_workers", "", gauge, "{thread}", "Database workers.", ""},
  instrument{"portcullis_db_operations_total", "", counter, "{operation}", "Operations taken in.", ""},
  instrument{"portcullis_db_batches_total", "", counter, "{batch}", "Round trips.", ""},
  instrument{"portcullis_db_operations_refused_total", "", counter, "{operation}",
             "Operations turned away: the queue was full or the database away.", ""},
  instrument{"portcullis_db_operations_expired_total", "", counter, "{operation}",
             "Operations not answered within the operation time-out.", ""},
  instrument{"portcullis_db_operations_retried_total", "", counter, "{operation}",
             "Operations run again after a lost connection.", ""},
  instrument{"portcullis_db_operations_blocked_total", "", counter, "{operation}",
             "Operations put aside because somebody else held a lock that they need.", ""},
  // -- an edge's way to the service
  instrument{"portcullis_edge_requests_total", "", counter, "{request}", "Requests to the service.", ""},
  instrument{"portcullis_edge_requests_failed_total", "", counter, "{request}",
             "Requests that ended without an answer.", ""},
  instrument{"portcullis_edge_failovers_total", "", counter, "{attempt}",
             "Attempts at another address than the first that was tried.", ""},
  instrument{"portcullis_edge_requests_refused_total", "", counter, "{request}",
             "Requests turned away because too many waited.", ""},
  instrument{"portcullis_edge_addresses_usable", "", gauge, "{address}",
             "Addresses of the service that are not known to have failed.", ""},
  // -- the process
  instrument{"portcullis_build_info", "", gauge, "1", "The version that runs, as a label; always 1.", ""},
  instrument{"portcullis_mailbox_messages", "", gauge, "{message}", "Messages that wait for an actor.", ""},
  instrument{"portcullis_log_lines_dropped_total", "", counter, "{line}",
             "Log lines dropped because nobody read standard error.", ""},
  instrument{"portcullis_metrics_series", "", gauge, "{series}", "Series of this answer.", ""},
  instrument{"process_cpu_seconds_total", "process.cpu.time", counter, "s", "CPU time used, user and system.", ""},
  instrument{"process_resident_memory_bytes", "process.memory.usage", up_down, "By", "Resident memory size.", ""},
  instrument{"process_virtual_memory_bytes", "process.memory.virtual", up_down, "By", "Virtual memory size.", ""},
  instrument{"process_threads", "process.thread.count", up_down, "{thread}", "Threads of the process.", ""},
  instrument{"process_open_fds", "process.unix.file_descriptor.count", up_down, "{file_descriptor}",
             "Open file descriptors.", ""},
  instrument{"process_max_fds", "", gauge, "{file_descriptor}",
             "Greatest possible number of open file descriptors.", ""},
  instrument{"process_start_time_seconds", "", gauge, "s",
             "Start of the process, in seconds since the Unix epoch.", ""},
  // -- old names
  instrument{"portcullis_http_requests_total", "", counter, "{request}", "Requests answered.",
             "http_server_request_duration_seconds_count"},
  instrument{"portcullis_http_request_duration_seconds", "", histogram_, "s",
             "From the request's last byte to its answer.", "http_server_request_duration_seconds"},
  instrument{"portcullis_http_connections_total", "", counter, "{connection}", "Connections accepted.",
             "portcullis_http_connections_accepted_total"},
  instrument{"portcullis_db_connections", "", gauge, "{connection}", "Database workers with a connection.",
             "db_client_connections"},
  instrument{"portcullis_db_workers_busy", "", gauge, "{connection}", "Database workers with a batch on its way.",
             "db_client_connections"},
  instrument{"portcullis_db_queue", "", gauge, "{operation}", "Operations waiting for a worker.",
             "db_client_connection_pending_requests"},
};

bool drop_ending(std::string& text, std::string_view ending) {
  const bool has_it =
    text.size() > ending.size() && std::string_view{text}.substr(text.size() - ending.size()) == ending;
  if (has_it)
    text.resize(text.size() - ending.size());
  return has_it;
}

} // namespace

std::string_view type_of(kind k) noexcept {
  switch (k) {
  case kind::counter:
    return "counter";
  case kind::up_down:
  case kind::gauge:
    return "gauge";
  case kind::histogram:
    return "histogram";
  }
  return "gauge";
}

const std::vector<instrument>& instruments() {
  static const std::vector<instrument> all{table.begin(), table.end()};
  return all;
}

const instrument* find_instrument(std::string_view name) noexcept {
  const auto found =
    std::find_if(table.begin(), table.end(), [&](const instrument& one) { return one.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string otlp_name(const instrument& what) {
  if (!what.standard.empty())
    return std::string{what.standard};
  std::string name{what.name};
  drop_ending(name, "_total");
  drop_ending(name, "_seconds");
  const auto prefix_end = name.find('_');
  if (prefix_end != std::string::npos)
    name[prefix_end] = '.';
  return name;
}

std::string help_of(const instrument& what) {
  if (what.instead.empty())
    return std::string{what.help};
  return "Deprecated, gone with the next release: use " + std::string{what.instead} + ". "
         + std::string{what.help};
}

std::string instruments_markdown() {
  std::string out = "| name | kind | unit | over OTLP | what it is |\n|---|---|---|---|---|\n";
  for (const instrument& one : instruments()) {
    const std::string otlp = one.instead.empty() ? '`' + otlp_name(one) + '`' : "–";
    out += "| `" + std::string{one.name} + "` | " + std::string{type_of(one.kind)} + " | `" + std::string{one.unit}
           + "` | " + otlp + " | " + help_of(one) + " |\n";
  }
  return out;
}

} // namespace portcullis::metrics
