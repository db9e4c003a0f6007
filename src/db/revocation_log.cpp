#include "db/revocation_log.hpp"

#include "db/copy_stream.hpp"
#include "db/exchange.hpp"
#include "db/log_statements.hpp"
#include "db/model_rows.hpp"
#include "db/pipeline.hpp"
#include "db/sql.hpp"
#include "db/wire.hpp"

#include <libpq-fe.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

namespace portcullis::db {

namespace {

// The channel is the schema's own name for it, in quotes nowhere: lower case and underscores only.
const std::string listen_sql = "listen backend_revocations";
const std::string verify_listen_sql =
  "select count(*) from pg_listening_channels() c where c = 'backend_revocations'";
const std::string notify_sql = "notify backend_revocations";
const std::string position_sql = "select feed_epoch(), feed_end()";

failure unavailable(std::string detail) {
  return {errc::database_unavailable, std::move(detail)};
}

// What `session_expires_at` adds to a time of creation, once for all rows: it reads a setting and makes an
// interval of it, which took longer than all else of a row. In seconds, since a difference in days would be added
// by the calendar.
constexpr std::string_view ages =
  "(select make_interval(secs => extract(epoch from session_expires_at(at, true) - at)::float8) as of_guest,"
  " make_interval(secs => extract(epoch from session_expires_at(at, false) - at)::float8) as of_full_account"
  " from (values (timestamptz 'epoch')) as v(at) offset 0) ages";

std::string copy_sql(std::size_t limit) {
  constexpr std::string_view expires_at =
    "s.created_at + case when a.is_guest then ages.of_guest else ages.of_full_account end";
  return sql::join(
    {"copy (select s.token_hash, s.session_id, s.account_id, s.created_at, s.generation, a.is_guest, ", expires_at,
     " from ", ages, " cross join sessions s join accounts a using (account_id) where ", sql::is_active,
     " and coalesce(", expires_at, " > clock_timestamp(), true)", " order by s.session_id desc limit ",
     std::to_string(limit), ") to stdout (format binary)"});
}

template <std::size_t Size>
bool copy_bytes(std::string_view from, std::array<std::uint8_t, Size>& to) {
  if (from.size() != Size)
    return false;
  std::memcpy(to.data(), from.data(), Size);
  return true;
}

bool read_entry(const std::vector<std::string_view>& fields, warm_session& out) {
  if (fields.size() != 7 || fields[3].size() != 8 || fields[4].size() != 4 || fields[5].size() != 1)
    return false;
  out.record.created_at = wire::read_timestamp(fields[3].data());
  out.record.generation = wire::read_integer<std::int32_t>(fields[4].data());
  out.record.is_guest = fields[5][0] != 0;
  if (fields[6].size() == 8) // empty: null
    out.record.expires_at = wire::read_timestamp(fields[6].data());
  return copy_bytes(fields[0], out.hash.bytes) && copy_bytes(fields[1], out.record.session_id.bytes)
         && copy_bytes(fields[2], out.record.account_id.bytes);
}

/// Takes the rows of a COPY that runs as they come, and hands them over in chunks.
class warm_stream {
public:
  using sink = std::function<bool(std::vector<warm_session>&&)>;

  warm_stream(std::size_t chunk, const sink& to) : chunk_max_(chunk == 0 ? 1 : chunk), to_(to) {}

  /// Empty, or why the stream broke off.
  std::string read(pg_conn* conn, instant deadline) {
    while (true) {
      char* data = nullptr;
      auto size = PQgetCopyData(conn, &data, 1);
      if (size == -1)
        return finish();
      if (size < -1)
        return first_line(PQerrorMessage(conn));
      if (size > 0) {
        bool is_sane = take(data, static_cast<std::size_t>(size));
        PQfreemem(data);
        if (!is_sane)
          return "a COPY stream of an unexpected shape";
      } else if (!wait_for_socket(PQsocket(conn), interest::read, deadline)) {
        return "the sessions did not arrive within the deadline";
      } else if (PQconsumeInput(conn) == 0) {
        return first_line(PQerrorMessage(conn));
      }
    }
  }

private:
  bool take(const char* data, std::size_t size) {
    stream_.append(data, size);
    while (true) {
      switch (stream_.next()) {
      case copy_stream::state::more:
      case copy_stream::state::done:
        return true;
      case copy_stream::state::malformed:
        return false;
      case copy_stream::state::tuple:
        chunk_.emplace_back();
        if (!read_entry(stream_.fields(), chunk_.back()))
          return false;
        if (chunk_.size() == chunk_max_)
          hand_over();
      }
    }
  }

  // Once the sink has had enough, the rest is read and dropped: to break a COPY off takes a second connection.
  void hand_over() {
    if (!has_enough_)
      has_enough_ = !to_(std::exchange(chunk_, {}));
    chunk_.clear();
  }

  std::string finish() {
    if (stream_.next() != copy_stream::state::done)
      return "a COPY stream that ends early";
    if (!chunk_.empty())
      hand_over();
    return {};
  }

  std::size_t chunk_max_;
  const sink& to_;
  copy_stream stream_;
  std::vector<warm_session> chunk_;
  bool has_enough_ = false;
};

} // namespace

failure revocation_log::open(const connect_options& options, instant deadline) {
  if (auto error = conn_.open(options, deadline); error.code != errc::none)
    return error;
  if (auto done = run_script(conn_, listen_sql, deadline); !done.ok())
    return fail(std::move(done.error));
  auto heard = ask(conn_, verify_listen_sql, {}, deadline);
  if (!heard.ok())
    return fail(std::move(heard.error));
  return (*heard.rows)[0].next<std::int64_t>() > 0 ? failure{}
                                                   : fail("the server forgot what this session listens to");
}

bool revocation_log::is_open() const noexcept {
  return conn_.is_open();
}

void revocation_log::close() noexcept {
  conn_.close();
}

int revocation_log::socket() const noexcept {
  return conn_.socket();
}

failure revocation_log::position(cursor* out, instant deadline) {
  auto found = ask(conn_, position_sql, {}, deadline);
  if (!found.ok())
    return fail(std::move(found.error));
  auto one = (*found.rows)[0];
  *out = read_cursor(one);
  return found.rows->is_malformed() ? fail("a position of an unexpected shape") : failure{};
}

failure revocation_log::read(cursor after, std::size_t limit, log_page* out, instant deadline) {
  // Prepared, as all that runs many times a second: planning it anew took longer than running it. One event more
  // than asked for tells whether there is more.
  std::string error;
  const auto began = boot_clock::now();
  auto done = run_transaction(conn_, {select_events_after(after, limit + 1)}, deadline, &error);
  if (done.what != transaction_report::state::committed)
    return fail(error.empty() ? "the log could not be read: SQLSTATE " + done.sqlstate : std::move(error));
  auto heard = boot_clock::now();
  auto& rows = done.results[0];
  auto found_page = read_log_rows(rows);
  if (rows.is_malformed())
    return fail("events of an unexpected shape");
  for (std::size_t i = 0; i < found_page.events.size(); ++i)
    found_page.events[i].happened = began - found_page.ages[i];
  *out = {};
  out->clock = clock_reading{found_page.now, heard};
  out->reset = found_page.reset;
  out->has_more = found_page.events.size() > limit;
  if (out->has_more)
    found_page.events.pop_back();
  out->last = found_page.reset ? found_page.end : after;
  if (!found_page.events.empty())
    out->last.seq = found_page.events.back().seq;
  out->events = std::move(found_page.events);
  return {};
}

failure revocation_log::stream_active(std::size_t limit, std::size_t chunk,
                                      const std::function<bool(std::vector<warm_session>&&)>& sink,
                                      instant deadline) {
  // The one long statement on this connection: `deadline` bounds it here, not the statement time-out there, and it
  // wants a plan of its own.
  auto begun = run_script(conn_,
                          "begin read only; set local statement_timeout = 0;"
                          " select set_config('transaction_timeout', '0', true)"
                          " where current_setting('server_version_num')::integer >= 170000",
                          deadline);
  if (!begun.ok())
    return fail(std::move(begun.error));
  if (PQsendQuery(conn_.native(), copy_sql(limit).c_str()) == 0)
    return fail(first_line(PQerrorMessage(conn_.native())));
  bool lost = false;
  auto started = next_result(conn_, deadline, &lost);
  if (lost || PQresultStatus(started.get()) != PGRES_COPY_OUT)
    return fail("the sessions could not be read: " + first_line(PQerrorMessage(conn_.native())));
  if (auto why = warm_stream{chunk, sink}.read(conn_.native(), deadline); !why.empty())
    return fail(std::move(why));
  for (auto rest = next_result(conn_, deadline, &lost); rest; rest = next_result(conn_, deadline, &lost))
    lost = lost || PQresultStatus(rest.get()) != PGRES_COMMAND_OK;
  if (lost)
    return fail("the sessions could not be read: " + first_line(PQerrorMessage(conn_.native())));
  auto ended = run_script(conn_, "commit", deadline);
  return ended.ok() ? failure{} : fail(std::move(ended.error));
}

failure revocation_log::notify(instant deadline) {
  auto done = run_script(conn_, notify_sql, deadline);
  return done.ok() ? failure{} : fail(std::move(done.error));
}

bool revocation_log::drain_hints() {
  if (!conn_.is_open())
    return false;
  if (PQconsumeInput(conn_.native()) == 0) {
    conn_.close();
    return false;
  }
  bool is_hinted = false;
  while (auto* hint = PQnotifies(conn_.native())) {
    PQfreemem(hint);
    is_hinted = true;
  }
  return is_hinted;
}

failure revocation_log::fail(std::string why) {
  conn_.close();
  return unavailable(std::move(why));
}

} // namespace portcullis::db
