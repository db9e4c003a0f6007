#include "caf/test/unit_test.hpp"

#include "db/renormalization.hpp"
#include "db/support.hpp"

#include <future>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

/// Lower case for one letter, and one address that is not acceptable any more.
std::optional<std::string> normalize(std::string_view external_id) {
  std::string out{external_id};
  if (out.find("\xE2\x80\x8B") != std::string::npos) // a zero-width space
    return std::nullopt;
  for (auto at = out.find("\xC3\x89"); at != std::string::npos; at = out.find("\xC3\x89"))
    out.replace(at, 2, "\xC3\xA9");
  return out;
}

struct fixture : migrated_database {
  fixture() : migrated_database("renormalization"), conn(connect()) {
    // nop
  }

  uuid stored(const std::string& external_id, identity_kind kind = identity_kind::email) {
    auto claim = new_claim(external_id);
    claim.key.kind = kind;
    return must(conn, store::find_or_create_account{claim}).account.account_id;
  }

  db::renormalization_report renormalize() {
    return db::renormalize_identities(conn, normalize, soon(),
                                      [this](std::string_view line) { collisions.emplace_back(line); });
  }

  std::string external_id_of(const uuid& account_id) {
    return must(conn, store::get_account{account_id}).identities.at(0).key.external_id;
  }

  db::connection conn;
  std::vector<std::string> collisions;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(renormalization_tests, fixture)

CAF_TEST(stored addresses get the normal form and nothing else changes) {
  auto jose = stored("JOS\xC3\x89@example.org");
  auto plain = stored("ann@example.org");
  auto number = stored("\xC3\x89", identity_kind::telegram);
  auto hidden = stored("bob\xE2\x80\x8B@example.org");
  auto report = renormalize();
  CAF_CHECK_EQUAL(report.error.detail, "");
  CAF_CHECK(!report.was_done_before);
  CAF_CHECK_EQUAL(report.looked_at, 4u);
  CAF_CHECK_EQUAL(report.updated, 1u);
  CAF_CHECK_EQUAL(report.refused, 1u);
  CAF_CHECK_EQUAL(report.collisions, 0u);
  CAF_CHECK_EQUAL(external_id_of(jose), "JOS\xC3\xA9@example.org");
  CAF_CHECK_EQUAL(external_id_of(plain), "ann@example.org");
  CAF_CHECK_EQUAL(external_id_of(number), "\xC3\x89");
  CAF_CHECK_EQUAL(external_id_of(hidden), "bob\xE2\x80\x8B@example.org");
}

CAF_TEST(two accounts that turn out to be one are reported by their ids and left alone) {
  auto upper = stored("\xC3\x89@example.org");
  auto lower = stored("\xC3\xA9@example.org");
  auto report = renormalize();
  CAF_CHECK_EQUAL(report.collisions, 1u);
  CAF_CHECK_EQUAL(report.updated, 0u);
  CAF_REQUIRE_EQUAL(collisions.size(), 1u);
  CAF_CHECK(collisions[0].find(to_string(upper)) != std::string::npos);
  CAF_CHECK(collisions[0].find(to_string(lower)) != std::string::npos);
  CAF_CHECK(collisions[0].find('@') == std::string::npos);
  CAF_CHECK_EQUAL(external_id_of(upper), "\xC3\x89@example.org");
  CAF_CHECK_EQUAL(external_id_of(lower), "\xC3\xA9@example.org");
}

CAF_TEST(it runs once) {
  renormalize();
  auto late = stored("\xC3\x89@example.org");
  auto report = renormalize();
  CAF_CHECK(report.was_done_before);
  CAF_CHECK_EQUAL(report.looked_at, 0u);
  CAF_CHECK_EQUAL(external_id_of(late), "\xC3\x89@example.org");
}

CAF_TEST(it goes batch by batch and processes that start together share the work) {
  run(conn,
      "insert into accounts (account_id, is_guest) select gen_random_uuid(), false from generate_series(1, 1200);"
      "insert into identities (identity_id, account_id, kind, external_id)"
      " select gen_random_uuid(), account_id, 'email', U&'\\00C9' || account_id from accounts");
  std::vector<std::future<db::renormalization_report>> starts;
  for (int i = 0; i < 3; ++i)
    starts.push_back(std::async(std::launch::async, [this] {
      auto mine = connect();
      return db::renormalize_identities(mine, normalize, soon(), [](std::string_view) {});
    }));
  std::size_t updated = 0;
  for (auto& start : starts) {
    auto report = start.get();
    CAF_CHECK_EQUAL(report.error.detail, "");
    updated += report.updated;
  }
  CAF_CHECK_EQUAL(updated, 1200u);
  CAF_CHECK_EQUAL(number(conn, "select count(*) from identities where external_id like U&'\\00C9%'"), 0);
}

CAF_TEST(what fails is told and is done the next time) {
  auto jose = stored("JOS\xC3\x89@example.org");
  auto other = connect();
  run(other, "alter table data_steps rename to elsewhere");
  CAF_CHECK(renormalize().error.code == errc::database_unavailable);
  run(other, "alter table elsewhere rename to data_steps");
  CAF_CHECK_EQUAL(renormalize().updated, 1u);
  CAF_CHECK_EQUAL(external_id_of(jose), "JOS\xC3\xA9@example.org");
}

CAF_TEST_FIXTURE_SCOPE_END()
