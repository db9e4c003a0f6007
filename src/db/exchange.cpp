#include "db/exchange.hpp"

#include <libpq-fe.h>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>

namespace portcullis::db {

namespace {

constexpr std::chrono::milliseconds poll_slice_max{60'000};
constexpr std::string_view out_of_time = "no answer within the deadline";

bool is_refusal(const PGresult* result) {
  auto status = PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

answer lost(connection& conn) {
  answer out;
  out.error = PQstatus(conn.native()) == CONNECTION_BAD ? first_line(PQerrorMessage(conn.native())) : out_of_time;
  conn.close();
  return out;
}

// Allowed whenever nothing is in flight.
bool leave_pipeline(connection& conn) {
  return PQpipelineStatus(conn.native()) == PQ_PIPELINE_OFF || PQexitPipelineMode(conn.native()) != 0;
}

answer collect(connection& conn, instant deadline) {
  answer out;
  while (true) {
    bool is_lost = false;
    auto result = next_result(conn, deadline, &is_lost);
    if (is_lost)
      return lost(conn);
    if (!result)
      return conn.check_primary() ? std::move(out) : answer{std::nullopt, {}, no_primary};
    if (is_refusal(result.get())) {
      const auto* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      out.sqlstate = state != nullptr ? state : "";
      out.error = first_line(PQresultErrorMessage(result.get()));
      out.rows.reset();
    } else if (out.error.empty()) {
      out.rows.emplace(std::move(result));
    }
  }
}

} // namespace

bool wait_for_socket(int socket, interest what, instant deadline) {
  auto events = what == interest::read ? POLLIN : what == interest::write ? POLLOUT : POLLIN | POLLOUT;
  pollfd watched{socket, static_cast<short>(events), 0};
  while (true) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - boot_clock::now());
    if (left.count() <= 0)
      return false;
    auto ready = ::poll(&watched, 1, static_cast<int>(std::min(left, poll_slice_max).count()));
    if (ready > 0)
      return true;
    if (ready < 0 && errno != EINTR)
      return false;
  }
}

std::string first_line(const char* message) {
  std::string_view text = message;
  return std::string{text.substr(0, text.find('\n'))};
}

result_ptr next_result(connection& conn, instant deadline, bool* lost) {
  auto* native = conn.native();
  while (true) {
    auto unsent = PQflush(native);
    if (unsent < 0)
      break;
    if (PQisBusy(native) == 0) {
      result_ptr result{PQgetResult(native)};
      *lost = PQstatus(native) == CONNECTION_BAD;
      return result;
    }
    auto what = unsent > 0 ? interest::read_or_write : interest::read;
    if (!wait_for_socket(PQsocket(native), what, deadline) || PQconsumeInput(native) == 0)
      break;
  }
  *lost = true;
  return nullptr;
}

answer ask(connection& conn, const std::string& sql, const parameters& arguments, instant deadline) {
  if (!conn.is_open())
    return {std::nullopt, {}, "not connected"};
  auto view = arguments.to_libpq();
  if (!leave_pipeline(conn)
      || PQsendQueryParams(conn.native(), sql.c_str(), static_cast<int>(view.values.size()), nullptr,
                           view.values.data(), view.lengths.data(), view.formats.data(), 1)
           == 0)
    return lost(conn);
  return collect(conn, deadline);
}

answer run_script(connection& conn, const std::string& sql, instant deadline) {
  if (!conn.is_open())
    return {std::nullopt, {}, "not connected"};
  if (!leave_pipeline(conn) || PQsendQuery(conn.native(), sql.c_str()) == 0)
    return lost(conn);
  return collect(conn, deadline);
}

} // namespace portcullis::db
