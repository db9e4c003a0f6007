#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <future>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

/// What an operation answers whose outcome was lost with the connection, so that it was run again: the same as the
/// first time, whatever happened in between, and nothing is done twice.
namespace {

const store::revocation_cause cause{"lost phone", "user"};

struct fixture : migrated_database {
  fixture() : migrated_database("reruns"), conn(connect()), other(connect()) {
    // nop
  }

  std::int64_t events() {
    return number(other, "select count(*) from revocation_events");
  }

  bool is_active(const store::minted& made) {
    return must(conn, store::get_session{made.session.session_id}).is_active;
  }

  uuid new_person(const std::string& external_id) {
    return must(conn, store::find_or_create_account{new_claim(external_id)}).account.account_id;
  }

  db::connection conn;
  db::connection other; // for looking on
};

void check_same(const store::revoke_session::result& again, const store::revoke_session::result& first) {
  CAF_CHECK_EQUAL(again.revoked, first.revoked);
  CAF_CHECK(again.session_id == first.session_id);
  CAF_CHECK(again.account_id == first.account_id);
  CAF_CHECK(again.position == first.position);
}

void check_same(const store::revoke_account::result& again, const store::revoke_account::result& first) {
  CAF_CHECK_EQUAL(again.revoked, first.revoked);
  CAF_CHECK_EQUAL(again.generation, first.generation);
  CAF_CHECK(again.position == first.position);
}

void check_same(const store::delete_account::result& again, const store::delete_account::result& first) {
  CAF_CHECK_EQUAL(again.generation, first.generation);
  CAF_CHECK(again.position == first.position);
}

store::link_identity linking(const uuid& account_id, const std::string& external_id) {
  return {account_id, {identity_kind::email, external_id}, new_id(), {}, cause};
}

store::unlink_identity unlinking(const uuid& account_id, const std::string& external_id) {
  return {account_id, {identity_kind::email, external_id}, new_id()};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(rerun_tests, fixture)

// -- the end of a session
// -----------------------------------------------------------------------------------------

CAF_TEST(a revocation that is run again says that it ended the session and where) {
  auto owner = new_account(conn);
  auto draft = new_draft();
  must(conn, store::mint_session{draft, owner});
  store::revoke_session by_id{new_session(conn, owner).session.session_id, {}, cause, new_id()};
  store::revoke_session by_token{draft.hash, owner, cause, new_id()};
  auto first = must(conn, by_id);
  auto second = must(conn, by_token); // the end of the log moves on
  CAF_CHECK(first.revoked);
  CAF_CHECK(second.revoked);
  must(conn, store::revoke_account{owner, {}, cause, new_id()});
  check_same(must(conn, by_id), first);
  check_same(must(conn, by_token), second);
  CAF_CHECK_EQUAL(events(), 3);
}

CAF_TEST(a revocation that is run again says so even when the account has gone) {
  auto made = new_session(conn, new_account(conn));
  store::revoke_session op{made.session.session_id, made.session.account_id, cause, new_id()};
  auto first = must(conn, op);
  must(conn, store::delete_account{made.session.account_id, cause, new_id()});
  check_same(must(conn, op), first);
  CAF_CHECK_EQUAL(events(), 2);
}

CAF_TEST(who found a session dead finds it dead again) {
  auto made = new_session(conn, new_account(conn));
  store::revoke_session late{made.session.session_id, {}, cause, new_id()};
  must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()});
  CAF_CHECK(!must(conn, late).revoked);
  CAF_CHECK(!must(conn, late).revoked);
  CAF_CHECK_EQUAL(events(), 1);
}

CAF_TEST(a batch that is run again in part and in another order answers each the same) {
  auto owner = new_account(conn);
  auto one = new_session(conn, owner);
  auto two = new_session(conn, owner);
  auto fresh = new_session(conn, owner);
  std::vector<store::operation> batch{
    store::revoke_session{one.session.session_id, {}, cause, new_id()},
    store::revoke_session{one.session.session_id, {}, cause, new_id()}, // finds it dead
    store::revoke_session{two.session.session_id, {}, cause, new_id()},
  };
  auto first = db::execute(conn, batch, soon());
  std::vector<store::operation> rest{store::revoke_session{fresh.session.session_id, {}, cause, new_id()},
                                     batch[2], batch[1], batch[0]};
  auto again = db::execute(conn, rest, soon());
  using result = store::revoke_session::result;
  CAF_CHECK(std::get<result>(again.outcomes[0]).revoked);
  CAF_CHECK(!std::get<result>(again.outcomes[2]).revoked);
  check_same(std::get<result>(again.outcomes[1]), std::get<result>(first.outcomes[2]));
  check_same(std::get<result>(again.outcomes[3]), std::get<result>(first.outcomes[0]));
  CAF_CHECK_EQUAL(events(), 3);
}

CAF_TEST(a second run waits for the first and answers the same) {
  // The first is still at work when its connection is cut: the server does not know of it yet.
  auto made = new_session(conn, new_account(conn));
  auto owner = made.session.account_id;
  store::revoke_account op{owner, {}, cause, new_id()};
  auto watcher = connect();
  run(other, "begin; select from accounts for update");
  auto both = [&] {
    auto mine = connect();
    return must(mine, op);
  };
  auto one = std::async(std::launch::async, both);
  auto two = std::async(std::launch::async, both);
  wait_until_blocked(watcher, 2);
  run(other, "commit");
  auto first = one.get();
  CAF_CHECK_EQUAL(first.revoked, 1u);
  CAF_CHECK_EQUAL(first.generation, 1);
  check_same(two.get(), first);
  CAF_CHECK_EQUAL(events(), 1);
}

// -- the end of all of an account
// ---------------------------------------------------------------------------------

CAF_TEST(the end of all that is run again spares what was minted since) {
  auto owner = new_account(conn);
  auto kept = new_session(conn, owner);
  new_session(conn, owner);
  new_session(conn, owner);
  store::revoke_account op{owner, kept.session.session_id, cause, new_id()};
  auto first = must(conn, op);
  CAF_CHECK_EQUAL(first.revoked, 2u);
  auto later = new_session(conn, owner);
  check_same(must(conn, op), first);
  CAF_CHECK(is_active(later));
  CAF_CHECK(is_active(kept));
  CAF_CHECK_EQUAL(events(), 1);
  CAF_CHECK_EQUAL(new_session(conn, owner).generation, 1);
}

CAF_TEST(the end of all that is run again tells its own count and not that of another) {
  auto owner = new_account(conn);
  new_session(conn, owner);
  new_session(conn, owner);
  store::revoke_account op{owner, {}, cause, new_id()};
  auto first = must(conn, op);
  new_session(conn, owner);
  CAF_CHECK_EQUAL(must(conn, store::revoke_account{owner, {}, cause, new_id()}).revoked, 1u);
  check_same(must(conn, op), first);
  must(conn, store::delete_account{owner, cause, new_id()});
  check_same(must(conn, op), first); // and nothing is left to count
}

CAF_TEST(of several that end all in one batch each answers the same again) {
  auto owner = new_account(conn);
  auto bystander = new_account(conn);
  new_session(conn, owner);
  new_session(conn, bystander);
  std::vector<store::operation> batch{store::revoke_account{owner, {}, cause, new_id()},
                                      store::revoke_account{owner, {}, cause, new_id()}};
  auto first = db::execute(conn, batch, soon());
  auto later = new_session(conn, owner);
  batch.push_back(store::revoke_account{bystander, {}, cause, new_id()}); // was never on its way
  auto again = db::execute(conn, batch, soon());
  using result = store::revoke_account::result;
  for (std::size_t i = 0; i < 2; ++i)
    check_same(std::get<result>(again.outcomes[i]), std::get<result>(first.outcomes[i]));
  CAF_CHECK_EQUAL(std::get<result>(again.outcomes[2]).revoked, 1u);
  CAF_CHECK(is_active(later));
  CAF_CHECK_EQUAL(events(), 3);
}

// -- the end of an account
// ----------------------------------------------------------------------------------------

CAF_TEST(a deletion that is run again has deleted the account) {
  auto owner = new_account(conn); // without a session: it has its event all the same
  store::delete_account op{owner, cause, new_id()};
  auto first = must(conn, op);
  CAF_CHECK_EQUAL(first.generation, 1);
  must(conn, store::delete_account{new_account(conn), cause, new_id()});
  check_same(must(conn, op), first);
  CAF_CHECK_EQUAL(events(), 2);
  CAF_CHECK(code_of(run_one(conn, store::delete_account{owner, cause, new_id()})) == errc::account_not_found);
}

CAF_TEST(a deletion that was refused is tried again) {
  auto owner = new_account(conn);
  seat(other, owner);
  store::delete_account op{owner, cause, new_id()};
  CAF_CHECK(code_of(run_one(conn, op)) == errc::account_seated);
  run(other, "delete from game_players");
  CAF_CHECK_EQUAL(must(conn, op).generation, 1);
}

// -- identities
// ---------------------------------------------------------------------------------------------------

CAF_TEST(an identity that was unlinked is unlinked when that is run again) {
  auto ann = new_person("ann@example.org");
  must(conn, linking(ann, "ann@work.example"));
  auto op = unlinking(ann, "ann@example.org");
  auto first = must(conn, op);
  CAF_CHECK(must(conn, op) == first);
  // Linked anew meanwhile: the second run leaves it alone.
  must(conn, linking(ann, "ann@example.org"));
  CAF_CHECK_EQUAL(must(conn, op).identities.size(), 2u);
  CAF_CHECK(code_of(run_one(conn, unlinking(ann, "nobody@example.org"))) == errc::identity_not_found);
}

CAF_TEST(a link that is run again links nothing that was unlinked since) {
  auto guest = new_account(conn);
  auto op = linking(guest, "ann@example.org");
  auto first = must(conn, op);
  CAF_CHECK(first.was_upgraded);
  auto again = must(conn, op);
  CAF_CHECK(again.was_upgraded);
  CAF_CHECK(!again.was_linked);
  CAF_CHECK(again.account == first.account);

  must(conn, linking(guest, "ann@work.example"));
  must(conn, unlinking(guest, "ann@example.org"));
  auto late = must(conn, op);
  CAF_CHECK(!late.was_linked);
  CAF_CHECK_EQUAL(late.account.identities.size(), 1u);
  new_person("ann@example.org"); // somebody else's by now
  CAF_CHECK(!must(conn, op).was_linked);
  CAF_CHECK_EQUAL(events(), 1);
}

CAF_TEST(a rotation that is run again has happened whoever holds the identity by now) {
  auto ann = new_person("ann@example.org");
  must(conn, linking(ann, "ann@work.example"));
  auto old = new_draft("old");
  must(conn, store::mint_session{old, ann});
  auto op = linking(ann, "ann@example.org");
  op.rotation = store::link_identity::token_rotation{old.hash, new_draft("new")};
  auto first = must(conn, op);
  CAF_CHECK(first.was_linked);
  must(conn, unlinking(ann, "ann@example.org"));
  new_person("ann@example.org");
  auto again = must(conn, op);
  CAF_CHECK(again.was_linked);
  CAF_REQUIRE(again.rotated.has_value());
  CAF_CHECK(again.rotated->session == first.rotated->session);
  CAF_CHECK_EQUAL(events(), 1);
}

// -- names and seats
// ----------------------------------------------------------------------------------------------

CAF_TEST(a name that is set again leaves what somebody else has set since) {
  auto ann = new_account(conn);
  store::set_display_name op{ann, "Ann", new_id()};
  CAF_CHECK_EQUAL(must(conn, op).display_name.value_or("none"), "Ann");
  must(conn, store::set_display_name{ann, "Ann Lee", new_id()});
  CAF_CHECK_EQUAL(must(conn, op).display_name.value_or("none"), "Ann Lee");
  // Together with one that was not on its way before.
  auto bob = new_account(conn);
  auto report = db::execute(conn, {op, store::set_display_name{bob, "Bob", new_id()}}, soon());
  CAF_CHECK_EQUAL(std::get<account>(report.outcomes[0]).display_name.value_or("none"), "Ann Lee");
  CAF_CHECK_EQUAL(std::get<account>(report.outcomes[1]).display_name.value_or("none"), "Bob");
  store::set_display_name nobodys{new_id(), "Nobody", new_id()};
  CAF_CHECK(code_of(run_one(conn, nobodys)) == errc::account_not_found);
  CAF_CHECK(code_of(run_one(conn, nobodys)) == errc::account_not_found);
}

CAF_TEST(a seat that is set again leaves what somebody else has set since) {
  auto game = new_id();
  auto player = new_account(conn);
  store::seat_player op{game, player, 3, new_id()};
  must(conn, op);
  must(conn, store::seat_player{game, player, 4, new_id()});
  must(conn, op);
  CAF_CHECK_EQUAL(number(other, "select seat from game_players"), 4);
  run(other, "delete from game_players"); // a game that has ended
  must(conn, op);
  CAF_CHECK_EQUAL(number(other, "select count(*) from game_players"), 0);
}

CAF_TEST(what was done long ago is forgotten as more is done) {
  auto guest = new_account(conn);
  run(other, "insert into done_operations select gen_random_uuid(), now() - interval '2 hours'"
             " from generate_series(1, 20)");
  for (int i = 0; i < 5; ++i)
    must(conn, linking(guest, std::to_string(i) + "@example.org"));
  CAF_CHECK_EQUAL(number(other, "select count(*) from done_operations"), 5);
}

CAF_TEST_FIXTURE_SCOPE_END()
