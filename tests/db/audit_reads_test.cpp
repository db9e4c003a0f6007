#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

/// Searches in an audit that nobody wants to be read from end to end, and whose newest entries are not like the
/// others.
namespace {

/// 200 000 entries. Of the first half each account has one, a tenth are deletions and the console asked for a
/// tenth; the second half are mints of one account by the gateway. So what was frequent once is not among the
/// newest.
const std::string fill = R"(
insert into audit_events (event_id, occurred_at, action, actor, account_id, caller)
  select audit_event_id(at, n), at, case when n % 10 = 0 and n <= 100000 then 'account.deleted' else 'session.minted' end,
         'internal', ('01700000-0000-7000-8000-' || lpad(to_hex(least(n, 100000)), 12, '0'))::uuid,
         case when n % 10 = 1 and n <= 100000 then 'console' else 'gateway' end
  from (select n, '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 s' as at from generate_series(1, 200000) n) t;
)";

/// One for all of the tests, which only read. `analyze` comes between two rounds of them: the plans must be good
/// with statistics and without.
const migrated_database& filled() {
  static const migrated_database filled{"audit_reads"};
  static bool is_filled = false;
  if (!std::exchange(is_filled, true)) {
    auto conn = filled.connect();
    run(conn, fill);
    report_statistics(conn);
  }
  return filled;
}

struct fixture {
  /// Rows of the table that this connection and those that have reported took from it, by whatever way.
  std::int64_t rows_read() {
    report_statistics(conn);
    return number(other, "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables"
                         " where relname = 'audit_events'");
  }

  /// A page that is found without looking at more than a few pages' rows.
  std::vector<audit_event> must_be_near(const store::list_audit& op) {
    const std::int64_t rows_max = 15 * static_cast<std::int64_t>(op.limit + 1);
    auto before = rows_read();
    auto found = must(conn, op).events;
    CAF_CHECK_LESS_OR_EQUAL(rows_read() - before, rows_max);
    return found;
  }

  static uuid nth(std::int64_t n) {
    char text[37];
    std::snprintf(text, sizeof text, "01700000-0000-7000-8000-%012llx", static_cast<unsigned long long>(n));
    return *uuid::parse(text);
  }

  static timestamp second(std::int64_t n) {
    return *parse_rfc3339("2026-01-01T00:00:00Z") + std::chrono::seconds{n};
  }

  void check_all();

  db::connection conn = filled().connect();
  db::connection other = filled().connect(); // for looking on
};

void fixture::check_all() {
  store::list_audit op;
  op.limit = 20;
  CAF_CHECK_EQUAL(must_be_near(op).size(), 20u);
  op.account_id = nth(4711);
  CAF_CHECK_EQUAL(must_be_near(op).size(), 1u);
  op.account_id = nth(100'000);
  CAF_CHECK_EQUAL(must_be_near(op).size(), 20u);
  op.account_id = {};

  // What is far from the newest.
  op.action = audit_action::account_deleted;
  auto deleted = must_be_near(op);
  CAF_CHECK_EQUAL(deleted.size(), 20u);
  CAF_CHECK(deleted[0].occurred_at == second(100'000));
  op.action = {};
  op.caller = "console";
  auto asked = must_be_near(op);
  CAF_CHECK_EQUAL(asked.size(), 20u);
  CAF_CHECK(asked[0].occurred_at == second(99'991));
  op.after = asked.back().event_id;
  CAF_CHECK(must_be_near(op)[0].occurred_at == second(99'791));
  op.after = {};

  // What is frequent each for itself and never together, or never at all.
  op.action = audit_action::account_deleted;
  CAF_CHECK(must_be_near(op).empty());
  op.action = {};
  op.caller = "nobody";
  CAF_CHECK(must_be_near(op).empty());
  op.caller = {};

  op.since = second(50'000);
  op.until = second(50'003);
  CAF_CHECK_EQUAL(must_be_near(op).size(), 3u);
  op.caller = "gateway";
  CAF_CHECK_EQUAL(must_be_near(op).size(), 2u);
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(audit_reads_tests, fixture)

CAF_TEST(each search goes by an index that fits without statistics) {
  check_all();
}

CAF_TEST(each search goes by an index that fits with statistics) {
  run(other, "analyze audit_events");
  check_all();
}

CAF_TEST(old entries are found by an index) {
  auto before = rows_read();
  CAF_CHECK_EQUAL(must(conn, store::prune_audit{second(1), 100}).rows, 0u);
  CAF_CHECK_EQUAL(must(conn, store::prune_audit{second(11), 100}).rows, 10u);
  CAF_CHECK_LESS_OR_EQUAL(rows_read() - before, 40);
}

CAF_TEST_FIXTURE_SCOPE_END()
