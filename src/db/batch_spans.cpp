#include "db/batch_spans.hpp"

#include "db/pool_numbers.hpp"

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace portcullis::db {

namespace {

constexpr std::string_view wait_span = "db pool wait";

template <class Operation, class = void>
struct has_origin : std::false_type {};
template <class Operation>
struct has_origin<Operation, std::void_t<decltype(std::declval<Operation&>().origin)>> : std::true_type {};

template <class Operation, class = void>
struct has_asked_by : std::false_type {};
template <class Operation>
struct has_asked_by<Operation, std::void_t<decltype(std::declval<Operation&>().asked_by)>> : std::true_type {};

trace_point asked_by(const store::operation& op) {
  return std::visit(
    [](const auto& what) -> trace_point {
      using kind = std::decay_t<decltype(what)>;
      if constexpr (has_origin<kind>::value)
        return what.origin.asked_by;
      else if constexpr (has_asked_by<kind>::value)
        return what.asked_by;
      else
        return {};
    },
    op);
}

/// `mint_session`, `BATCH mint_session` of several of a kind, `BATCH` of several kinds: as the conventions for
/// database spans have it.
std::string batch_name(const operation_queue::operations& batch) {
  const auto& first = batch.front().operation;
  if (batch.size() == 1)
    return std::string{name_of(first)};
  const bool is_uniform = std::all_of(
    batch.begin(), batch.end(), [&](const queued_operation& op) { return op.operation.index() == first.index(); });
  return is_uniform ? "BATCH " + std::string{name_of(first)} : "BATCH";
}

tracing::span start_wait_span(const queued_operation& op, const trace_point& asker,
                              std::vector<trace_point> links) {
  auto wait = tracing::start_child(wait_span, tracing::kind::internal, asker, {std::move(links), op.enqueued});
  wait.set("db.client.connection.pool.name", "main");
  return wait;
}

} // namespace

tracing::span start_batch_span(const operation_queue::operations& batch, instant now) {
  if (!tracing::is_on())
    return {};
  std::vector<trace_point> askers;
  for (const auto& op : batch)
    if (const auto asker = asked_by(op.operation); asker.is_sampled)
      askers.push_back(asker);
  if (askers.empty())
    return {};
  const auto name = batch_name(batch);
  auto span = tracing::start_child(name, tracing::kind::client, askers.front(), {askers, now});
  span.set("db.system.name", "postgresql");
  span.set("db.operation.name", name);
  if (batch.size() > 1)
    span.set("db.operation.batch.size", static_cast<std::int64_t>(batch.size()));
  const auto point = tracing::point_of(span);
  for (const auto& op : batch)
    if (const auto asker = asked_by(op.operation); asker.is_sampled)
      start_wait_span(op, asker, {point}).end();
  return span;
}

void end_batch_span(tracing::span& batch, const db_batch_result& result) {
  if (!batch)
    return;
  if (!result.connected || !result.lost.empty()) {
    batch.set("error.type", to_string(errc::database_unavailable));
    batch.fail("the connection was lost");
  }
  batch.end();
}

void record_vain_wait(const queued_operation& op) {
  if (!tracing::is_on())
    return;
  auto wait = start_wait_span(op, asked_by(op.operation), {});
  wait.set("error.type", to_string(errc::database_unavailable));
  wait.fail("no connection in time");
}

} // namespace portcullis::db
