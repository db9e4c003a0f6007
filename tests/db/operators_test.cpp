#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <cstdlib>
#include <string>
#include <utility>

using namespace portcullis;
using namespace portcullis::test;

/// What operators read, in tables that nobody wants to be read from end to end.
namespace {

constexpr std::int64_t accounts_filled = 100'000;

/// Each fourth account is a full one with an e-mail address; each account has two sessions, one of four is over.
const std::string fill = R"(
insert into accounts (account_id, is_guest, created_at)
  select ('01700000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n % 4 <> 0,
         '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 s' from generate_series(1, 100000) n;
insert into identities (identity_id, account_id, kind, external_id)
  select gen_random_uuid(), account_id, 'email', 'p' || row_number() over (order by account_id) || '@example.org'
  from accounts where not is_guest;
insert into sessions (session_id, account_id, token_hash, generation, revoked_at)
  select gen_random_uuid(), account_id, sha256((account_id::text || n)::bytea), 0,
         case when n = 1 and right(account_id::text, 1) in ('0', '2', '4', '6', '8', 'a', 'c', 'e') then now() end
  from accounts cross join generate_series(1, 2) n;
)";

/// One for all of the tests, which only read. Not analyzed: the plans must be good without.
const migrated_database& filled() {
  static const migrated_database filled{"operators"};
  static bool is_filled = false;
  if (!std::exchange(is_filled, true)) {
    auto conn = filled.connect();
    run(conn, fill);
    report_statistics(conn);
  }
  return filled;
}

struct fixture {

  /// How often a table was read from end to end by this connection and those that have reported.
  std::int64_t sequential_scans() {
    report_statistics(conn);
    return number(other, "select sum(seq_scan) from pg_stat_user_tables"
                         " where relname in ('accounts', 'identities', 'sessions')");
  }

  template <class Op>
  typename Op::result must_by_index(const Op& op) {
    auto before = sequential_scans();
    auto done = must(conn, op);
    CAF_CHECK_EQUAL(sequential_scans(), before);
    return done;
  }

  static uuid nth(std::int64_t n) {
    char text[37];
    std::snprintf(text, sizeof text, "01700000-0000-7000-8000-%012llx", static_cast<unsigned long long>(n));
    return *uuid::parse(text);
  }

  static void check_near(std::uint64_t estimate, std::int64_t truth, double part) {
    auto off = std::abs(static_cast<double>(estimate) - static_cast<double>(truth));
    CAF_CHECK_LESS(off, static_cast<double>(truth) * part);
  }

  db::connection conn = filled().connect();
  db::connection other = filled().connect(); // for looking on
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(operators_tests, fixture)

CAF_TEST(large tables are not counted but estimated and it is said so) {
  auto told = must_by_index(store::count_all{});
  CAF_CHECK(told.is_estimated);
  check_near(told.accounts, accounts_filled, 0.1);
  check_near(told.guests, accounts_filled * 3 / 4, 0.1);
  check_near(told.active_sessions, accounts_filled * 3 / 2, 0.1);
}

CAF_TEST(a search by the beginning of an identity goes by an index) {
  store::list_accounts op;
  op.external_id_prefix = "p2499";
  op.limit = 20;
  auto page = must_by_index(op); // p2499 and p24990 to p24999
  CAF_CHECK_EQUAL(page.accounts.size(), 11u);
  CAF_CHECK(!page.has_more);
  op.kind = identity_kind::email;
  CAF_CHECK_EQUAL(must_by_index(op).accounts.size(), 11u);
  op.kind = identity_kind::telegram;
  CAF_CHECK(must_by_index(op).accounts.empty());
  op = {};
  op.kind = identity_kind::email;
  op.limit = 2;
  auto first = must_by_index(op);
  CAF_CHECK(first.accounts.at(1).account_id == nth(8));
  op.after = nth(50'000);
  CAF_CHECK(must_by_index(op).accounts.at(0).account_id == nth(50'004));
}

CAF_TEST(a page in the middle goes by an index whatever the filter) {
  store::list_accounts op;
  op.limit = 2;
  op.after = nth(50'000);
  auto check = [&](std::int64_t first, std::int64_t second) {
    auto page = must_by_index(op);
    CAF_REQUIRE_EQUAL(page.accounts.size(), 2u);
    CAF_CHECK(page.accounts[0].account_id == nth(first));
    CAF_CHECK(page.accounts[1].account_id == nth(second));
    CAF_CHECK(page.has_more);
  };
  check(50'001, 50'002);
  op.is_guest = true;
  check(50'001, 50'002);
  op.is_guest = false;
  check(50'004, 50'008);
  op.created_after = parse_rfc3339("2026-01-02T00:00:00Z"); // n = 86400
  check(86'400, 86'404);
  op.after = nth(86'400);
  check(86'404, 86'408);
  op.is_guest.reset();
  check(86'401, 86'402);
  op.created_before = parse_rfc3339("2026-01-02T00:00:03Z");
  auto last = must_by_index(op);
  CAF_CHECK_EQUAL(last.accounts.size(), 2u);
  CAF_CHECK(!last.has_more);
}

// The time in its id is where the page begins then: 2020-07, before all of these.
CAF_TEST(a page by time goes on although the account before it is gone) {
  store::list_accounts op;
  op.limit = 1;
  op.created_after = parse_rfc3339("2026-01-02T00:00:00Z");
  op.after = *uuid::parse("01700000-0000-7000-8000-0000000fffff");
  CAF_CHECK(must_by_index(op).accounts.at(0).account_id == nth(86'400));
}

// Many that match are not sorted: they are walked in order instead.
CAF_TEST(many matches and few are paged alike) {
  auto page = [&](const std::string& conditions, std::int64_t matches_max) {
    return number(other, "select hashtext(string_agg(f.account_id::text, ',' order by f.n)) from search_accounts("
                           + conditions + ", '01700000-0000-7000-8000-000000000777', 40, "
                           + std::to_string(matches_max) + ") with ordinality as f(account_id, n)");
  };
  for (const auto* conditions :
       {"'email', 'p1', null, null, null", "null, 'p1', false, null, null", "'email', null, null, null, null",
        "'email', 'p1', null, null, '2026-01-01T06:00:00Z'", "'email', 'p1', null, '2026-01-02T00:00:00Z', null"})
    CAF_CHECK_EQUAL(page(conditions, 50'000), page(conditions, 10));
}

CAF_TEST_FIXTURE_SCOPE_END()
