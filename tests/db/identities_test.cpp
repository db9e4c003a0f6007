#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <future>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

const store::revocation_cause cause{"token rotated", "user"};

struct fixture : migrated_database {
  fixture() : migrated_database("identities"), conn(connect()), other(connect()) {
    // nop
  }

  /// A full account with one identity of kind e-mail.
  uuid new_person(const std::string& external_id) {
    return must(conn, store::find_or_create_account{new_claim(external_id)}).account.account_id;
  }

  static store::link_identity linking(const uuid& account_id, const std::string& external_id) {
    return {account_id, {identity_kind::email, external_id}, new_id(), {}, cause};
  }

  /// `linking`, which replaces the session of `old_hash`.
  static store::link_identity rotating(const uuid& account_id, const std::string& external_id,
                                       const token_hash& old_hash) {
    auto op = linking(account_id, external_id);
    op.rotation = store::link_identity::token_rotation{old_hash, new_draft("new")};
    return op;
  }

  store::unlink_identity unlinking(const uuid& account_id, const std::string& external_id) {
    return {account_id, {identity_kind::email, external_id}, new_id()};
  }

  std::vector<revocation_event> log() {
    cursor start{static_cast<std::uint64_t>(number(other, "select feed_epoch()")), 0};
    return must(conn, store::read_events{start, 1000}).events;
  }

  /// All that a refused operation must leave as it was.
  std::string state() {
    auto said = db::ask(other,
                        "select concat((select json_agg(a order by account_id) from accounts a),"
                        " (select json_agg(i order by identity_id) from identities i),"
                        " (select json_agg(s order by session_id) from sessions s),"
                        " (select json_agg(p order by game_id, account_id) from game_players p),"
                        " (select json_agg(e order by seq) from revocation_events e))",
                        {}, soon());
    CAF_REQUIRE(said.ok());
    return (*said.rows)[0].next<std::string>();
  }

  void check_refused(store::operation op, errc code) {
    auto before = state();
    CAF_CHECK_EQUAL(to_string(code_of(run_one(conn, std::move(op)))), to_string(code));
    CAF_CHECK_EQUAL(state(), before);
  }

  db::connection conn;
  db::connection other; // for looking on
};

std::vector<uuid> ids_of(const store::list_accounts::result& page) {
  std::vector<uuid> out;
  for (const auto& one : page.accounts)
    out.push_back(one.account_id);
  return out;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(identity_tests, fixture)

CAF_TEST(a second identity is linked and the first stays) {
  auto ann = new_person("ann@example.org");
  auto done = must(conn, linking(ann, "ann@work.example"));
  CAF_CHECK(!done.was_linked);
  CAF_CHECK(!done.was_upgraded);
  CAF_CHECK(!done.rotated);
  CAF_REQUIRE_EQUAL(done.account.identities.size(), 2u);
  CAF_CHECK_EQUAL(done.account.identities[0].key.external_id, "ann@example.org");
  CAF_CHECK_EQUAL(done.account.identities[1].key.external_id, "ann@work.example");
  CAF_CHECK(must(conn, store::find_account{{identity_kind::email, "ann@work.example"}}) == done.account);
  CAF_CHECK(log().empty()); // nobody's session is another one for it
}

CAF_TEST(an identity that is linked already stays one) {
  auto ann = new_person("ann@example.org");
  auto before = state();
  auto done = must(conn, linking(ann, "ann@example.org"));
  CAF_CHECK(done.was_linked);
  CAF_CHECK_EQUAL(done.account.identities.size(), 1u);
  CAF_CHECK_EQUAL(state(), before);
}

CAF_TEST(a taken identity changes neither account nor the session of the one that asks) {
  new_person("bob@example.org");
  auto guest = new_account(conn);
  auto draft = new_draft();
  must(conn, store::mint_session{draft, guest});
  check_refused(linking(guest, "bob@example.org"), errc::identity_taken);
  check_refused(rotating(guest, "bob@example.org", draft.hash), errc::identity_taken);
  CAF_CHECK(status_of(conn, draft.hash) == session_status::active);
}

CAF_TEST(who is not there links names and sits nowhere) {
  check_refused(linking(new_id(), "ann@example.org"), errc::account_not_found);
  check_refused(rotating(new_id(), "ann@example.org", new_hash()), errc::account_not_found);
  check_refused(unlinking(new_id(), "ann@example.org"), errc::account_not_found);
  check_refused(store::set_display_name{new_id(), "Ann", new_id()}, errc::account_not_found);
  check_refused(store::seat_player{new_id(), new_id(), 1, new_id()}, errc::account_not_found);
}

CAF_TEST(a guest that links grows up under its id and the log says so) {
  auto guest = new_account(conn);
  auto made = new_session(conn, guest);
  auto done = must(conn, linking(guest, "ann@example.org"));
  CAF_CHECK(done.was_upgraded);
  CAF_CHECK(done.account.account_id == guest);
  CAF_CHECK(!done.account.is_guest);
  CAF_CHECK_EQUAL(done.generation, 0);
  CAF_CHECK(must(conn, store::get_session{made.session.session_id}).is_active);

  auto entries = log();
  CAF_REQUIRE_EQUAL(entries.size(), 1u);
  CAF_CHECK(entries[0].kind == revocation_kind::account);
  CAF_CHECK(entries[0].account_id == guest);
  CAF_CHECK_EQUAL(entries[0].generation, 0); // no session is below it
  CAF_CHECK_EQUAL(entries[0].seq, done.position.seq);

  CAF_CHECK(!must(conn, linking(guest, "ann@work.example")).was_upgraded);
  CAF_CHECK_EQUAL(log().size(), 1u);
}

CAF_TEST(a rotation ends one session and mints another in one transaction) {
  auto guest = new_account(conn);
  auto old = new_draft("old");
  must(conn, store::mint_session{old, guest});
  auto op = rotating(guest, "ann@example.org", old.hash);
  auto done = must(conn, op);
  CAF_CHECK(done.was_upgraded);
  CAF_CHECK(done.ended_session_id == old.session_id);
  CAF_REQUIRE(done.rotated.has_value());
  CAF_CHECK(done.rotated->session.session_id == op.rotation->draft.session_id);
  CAF_CHECK_EQUAL(done.rotated->session.device.label, "new");
  CAF_CHECK(!done.rotated->session.is_guest);
  CAF_CHECK(status_of(conn, op.rotation->draft.hash) == session_status::active);
  CAF_CHECK(status_of(conn, old.hash) == session_status::revoked);
  CAF_CHECK_EQUAL(must(conn, store::get_session{old.session_id}).revoke_reason, "token rotated");

  auto entries = log();
  CAF_REQUIRE_EQUAL(entries.size(), 2u);
  CAF_CHECK(entries[0].kind == revocation_kind::account);
  CAF_CHECK(entries[1].kind == revocation_kind::session);
  CAF_CHECK(entries[1].session_id == old.session_id);
  CAF_CHECK(entries[1].account_id == guest);
  CAF_CHECK_EQUAL(entries[1].reason, "token rotated");
  CAF_CHECK_EQUAL(entries[1].actor, "user");
  CAF_CHECK_EQUAL(entries[1].seq, done.position.seq);
  CAF_CHECK_EQUAL(number(other, "select count(distinct xmin::text) from (select xmin from sessions union all"
                                " select xmin from identities union all select xmin from revocation_events) t"),
                  1);
}

CAF_TEST(an identity that is linked already still rotates the token) {
  auto ann = new_person("ann@example.org");
  auto old = new_draft("old");
  must(conn, store::mint_session{old, ann});
  auto done = must(conn, rotating(ann, "ann@example.org", old.hash));
  CAF_CHECK(done.was_linked);
  CAF_CHECK(done.rotated.has_value());
  CAF_CHECK(status_of(conn, old.hash) == session_status::revoked);
}

CAF_TEST(a dead or foreign or unknown token rotates nothing and links nothing) {
  auto guest = new_account(conn);
  auto revoked = new_draft();
  must(conn, store::mint_session{revoked, guest});
  must(conn, store::revoke_session{revoked.hash, {}, cause, new_id()});
  auto outlived = new_draft();
  must(conn, store::mint_session{outlived, guest});
  must(conn, store::revoke_account{guest, {}, cause, new_id()});
  auto foreign = new_draft();
  must(conn, store::mint_session{foreign, new_account(conn)});
  for (const auto& hash : {revoked.hash, outlived.hash, foreign.hash, new_hash()}) {
    check_refused(rotating(guest, "ann@example.org", hash), errc::session_unknown);
  }
  CAF_CHECK(status_of(conn, foreign.hash) == session_status::active);
}

CAF_TEST(a rotation whose outcome was lost answers the same when it is run again) {
  auto guest = new_account(conn);
  auto old = new_draft("old");
  must(conn, store::mint_session{old, guest});
  auto op = rotating(guest, "ann@example.org", old.hash);
  auto first = must(conn, op);
  auto before = state();
  auto again = must(conn, op);
  CAF_CHECK_EQUAL(state(), before);
  CAF_CHECK(again.account == first.account);
  CAF_CHECK_EQUAL(again.was_linked, first.was_linked);
  CAF_REQUIRE(again.rotated.has_value());
  CAF_CHECK(again.rotated->session == first.rotated->session);
  CAF_CHECK(again.ended_session_id == first.ended_session_id);
  CAF_CHECK_EQUAL(again.generation, first.generation);
  CAF_CHECK(again.position == first.position);
}

CAF_TEST(a link whose outcome was lost is not one that was there before) {
  auto op = linking(new_account(conn), "ann@example.org");
  CAF_CHECK(!must(conn, op).was_linked);
  CAF_CHECK(!must(conn, op).was_linked);
  CAF_CHECK_EQUAL(log().size(), 1u);
}

CAF_TEST(the loser of two links waits for the winner and is told) {
  auto winner = new_person("bob@example.org");
  auto loser = new_account(conn);
  db::parameters p;
  p.add(new_id()).add(winner);
  run(other, "begin");
  CAF_REQUIRE(db::ask(other,
                      "insert into identities (identity_id, account_id, kind, external_id)"
                      " values ($1::uuid, $2::uuid, 'email', 'raced@example.org')",
                      p, soon())
                .ok());
  auto asked = std::async(std::launch::async, [&] { return run_one(conn, linking(loser, "raced@example.org")); });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  run(other, "commit");
  CAF_CHECK(code_of(asked.get()) == errc::identity_taken);
  CAF_CHECK(must(conn, store::get_account{loser}).is_guest);
}

CAF_TEST(an identity that is let go between the statements of a link is linked after all) {
  // The trigger is the other account's unlink, in the one moment in which it matters: the link found the identity
  // taken, and the report finds it free.
  auto holder = new_person("raced@example.org");
  run(other, "create function let_go() returns trigger language plpgsql as $$ begin"
             " delete from identities where external_id = 'raced@example.org' and account_id = '"
               + to_string(holder)
               + "'; return null; end $$;"
                 " create trigger let_go after insert on identities for each statement execute function let_go()");
  auto guest = new_account(conn);
  auto done = run_one(conn, linking(guest, "raced@example.org"));
  CAF_CHECK_EQUAL(to_string(code_of(done)), to_string(errc::none));
  CAF_CHECK(!must(conn, store::get_account{guest}).is_guest);
}

CAF_TEST(an identity is unlinked but not the last of a full account) {
  auto ann = new_person("ann@example.org");
  check_refused(unlinking(ann, "ann@example.org"), errc::identity_last);
  must(conn, linking(ann, "ann@work.example"));
  auto left = must(conn, unlinking(ann, "ann@example.org"));
  CAF_CHECK(left.account_id == ann);
  CAF_REQUIRE_EQUAL(left.identities.size(), 1u);
  CAF_CHECK_EQUAL(left.identities[0].key.external_id, "ann@work.example");
  check_refused(unlinking(ann, "ann@work.example"), errc::identity_last);
  CAF_CHECK(new_person("ann@example.org") != ann); // free for somebody else
}

CAF_TEST(the identity of somebody else is not found) {
  auto ann = new_person("ann@example.org");
  must(conn, linking(ann, "ann@work.example"));
  new_person("bob@example.org");
  check_refused(unlinking(ann, "bob@example.org"), errc::identity_not_found);
  check_refused(unlinking(ann, "nobody@example.org"), errc::identity_not_found);
  auto other_kind = unlinking(ann, "ann@example.org");
  other_kind.key.kind = identity_kind::telegram;
  check_refused(other_kind, errc::identity_not_found);
}

CAF_TEST(of two identities that are unlinked at once one stays) {
  auto ann = new_person("ann@example.org");
  must(conn, linking(ann, "ann@work.example"));
  run(other,
      "begin; select from accounts for update; delete from identities where external_id = 'ann@example.org'");
  auto asked = std::async(std::launch::async, [&] { return run_one(conn, unlinking(ann, "ann@work.example")); });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  run(other, "commit");
  CAF_CHECK(code_of(asked.get()) == errc::identity_last);
  CAF_CHECK_EQUAL(must(conn, store::get_account{ann}).identities.size(), 1u);
}

CAF_TEST(a name is set changed and cleared) {
  auto ann = new_person("ann@example.org");
  auto bystander = new_person("bob@example.org");
  for (const auto& name : {std::optional<std::string>{"Ann"}, std::optional<std::string>{"Ann \xC3\xA9"},
                           std::optional<std::string>{}}) {
    auto done = must(conn, store::set_display_name{ann, name, new_id()});
    CAF_CHECK(done.account_id == ann);
    CAF_CHECK(done.display_name == name);
    CAF_CHECK(must(conn, store::get_account{ann}) == done);
  }
  CAF_CHECK(!must(conn, store::get_account{bystander}).display_name);
}

CAF_TEST(of several names in one batch the last one stays) {
  auto ann = new_person("ann@example.org");
  auto report = db::execute(
    conn, {store::set_display_name{ann, "Ann", new_id()}, store::set_display_name{ann, "Ann Lee", new_id()}},
    soon());
  CAF_CHECK_EQUAL(std::get<account>(report.outcomes[0]).display_name.value_or("none"), "Ann");
  CAF_CHECK_EQUAL(std::get<account>(report.outcomes[1]).display_name.value_or("none"), "Ann Lee");
  CAF_CHECK_EQUAL(must(conn, store::get_account{ann}).display_name.value_or("none"), "Ann Lee");
}

CAF_TEST(a player is seated and moved and may have no number) {
  auto game = new_id();
  auto player = new_account(conn);
  const std::string seat = "select coalesce((select seat from game_players), -1)";
  must(conn, store::seat_player{game, player, 3, new_id()});
  CAF_CHECK_EQUAL(number(other, seat), 3);
  must(conn, store::seat_player{game, player, 4, new_id()});
  CAF_CHECK_EQUAL(number(other, seat), 4);
  must(conn, store::seat_player{game, player, {}, new_id()});
  CAF_CHECK_EQUAL(number(other, seat), -1);
  CAF_CHECK_EQUAL(number(other, "select count(*) from game_players"), 1);
  CAF_CHECK(code_of(run_one(conn, store::delete_account{player, cause, new_id()})) == errc::account_seated);
}

CAF_TEST(one missing player leaves the others of the batch their seats) {
  auto game = new_id();
  auto player = new_account(conn);
  auto report =
    db::execute(conn,
                {store::seat_player{game, new_id(), 1, new_id()}, store::seat_player{game, player, 2, new_id()},
                 store::seat_player{game, player, 3, new_id()}},
                soon());
  CAF_CHECK(code_of(report.outcomes[0]) == errc::account_not_found);
  CAF_CHECK(code_of(report.outcomes[1]) == errc::none);
  CAF_CHECK(code_of(report.outcomes[2]) == errc::none);
  CAF_CHECK_EQUAL(number(other, "select seat from game_players"), 3);
}

CAF_TEST(a seat is taken back and its cursor is the end of the log) {
  auto game = new_id();
  auto player = new_account(conn);
  auto other_player = new_account(conn);
  for (const auto& one : {player, other_player})
    must(conn, store::seat_player{game, one, 1, new_id()});
  must(conn, store::seat_player{new_id(), player, 1, new_id()}); // another game's
  auto made = new_session(conn, other_player);
  auto end = must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()}).position;
  CAF_CHECK(must(conn, store::unseat_player{game, player, new_id()}).position == end);
  CAF_CHECK_EQUAL(number(other, "select count(*) from game_players"), 2);
  must(conn, store::unseat_player{game, player, new_id()});
  must(conn, store::unseat_player{game, new_id(), new_id()}); // nobody's: no error either
  CAF_CHECK_EQUAL(number(other, "select count(*) from game_players"), 2);
  must(conn, store::unseat_player{game, other_player, new_id()});
  CAF_CHECK(code_of(run_one(conn, store::delete_account{other_player, cause, new_id()})) == errc::none);
}

CAF_TEST(a game gives all of its seats back) {
  auto game = new_id();
  auto player = new_account(conn);
  must(conn, store::seat_player{game, player, 1, new_id()});
  must(conn, store::seat_player{game, new_account(conn), 2, new_id()});
  must(conn, store::seat_player{new_id(), player, 1, new_id()});
  auto done = must(conn, store::unseat_game{game, new_id()});
  CAF_CHECK_EQUAL(done.position.epoch, static_cast<std::uint64_t>(number(other, "select feed_epoch()")));
  CAF_CHECK_EQUAL(number(other, "select count(*) from game_players"), 1);
  must(conn, store::unseat_game{game, new_id()});
  CAF_CHECK_EQUAL(number(other, "select count(*) from game_players"), 1);
}

CAF_TEST(unseating that is run again leaves the seat that somebody has taken since) {
  auto game = new_id();
  auto player = new_account(conn);
  must(conn, store::seat_player{game, player, 1, new_id()});
  store::unseat_player one{game, player, new_id()};
  store::unseat_game all{game, new_id()};
  must(conn, one);
  must(conn, all);
  must(conn, store::seat_player{game, player, 2, new_id()});
  must(conn, one);
  must(conn, all);
  CAF_CHECK_EQUAL(number(other, "select count(*) from game_players"), 1);
}

CAF_TEST(accounts come page by page in the order of their ids) {
  std::vector<uuid> made;
  for (int i = 0; i < 5; ++i)
    made.push_back(new_account(conn));
  store::list_accounts op;
  op.limit = 2;
  std::vector<uuid> seen;
  for (std::size_t size : {2u, 2u, 1u}) {
    auto page = must(conn, op);
    CAF_CHECK_EQUAL(page.accounts.size(), size);
    CAF_CHECK_EQUAL(page.has_more, size == 2);
    for (const auto& id : ids_of(page))
      seen.push_back(id);
    op.after = seen.back();
  }
  CAF_CHECK(seen == made);
  CAF_CHECK(must(conn, op).accounts.empty());
  op.after = made[2];
  CAF_CHECK(!must(conn, op).has_more); // two are left, and two were asked for
}

CAF_TEST(accounts are filtered by each condition and by all) {
  auto guest = new_account(conn);
  auto ann = new_person("ann@example.org");
  auto bob = new_person("bob@example.org");
  must(conn, linking(bob, "bobby@work.example"));
  auto claim = new_claim("4100");
  claim.key.kind = identity_kind::telegram;
  auto tom = must(conn, store::find_or_create_account{claim}).account.account_id;
  run(other, "update accounts set created_at = '2026-01-01T00:00:00Z' where not is_guest");
  run(other, "update accounts set created_at = '2026-01-03T00:00:00Z' where is_guest");

  auto check = [&](const store::list_accounts& op, const std::vector<uuid>& expected) {
    CAF_CHECK(ids_of(must(conn, op)) == expected);
  };
  store::list_accounts all;
  check(all, {guest, ann, bob, tom});
  auto op = all;
  op.kind = identity_kind::email;
  check(op, {ann, bob});
  op.external_id_prefix = "bob";
  check(op, {bob}); // once, by two identities
  op.kind = identity_kind::telegram;
  check(op, {}); // one identity has to match both
  op = all;
  op.external_id_prefix = "%"; // a prefix, not a pattern
  check(op, {});
  op.external_id_prefix = "41";
  check(op, {tom});
  op = all;
  op.is_guest = true;
  check(op, {guest});
  op.is_guest = false;
  check(op, {ann, bob, tom});
  op = all;
  op.created_before = parse_rfc3339("2026-01-03T00:00:00Z"); // exclusive
  check(op, {ann, bob, tom});
  op = all;
  op.created_after = parse_rfc3339("2026-01-03T00:00:00Z"); // inclusive
  check(op, {guest});
  op.is_guest = false;
  check(op, {});
  CAF_CHECK_EQUAL(must(conn, all).accounts.at(2).identities.size(), 2u); // all of them, whichever matched
}

CAF_TEST(everything is counted) {
  auto before = must(conn, store::count_all{});
  CAF_CHECK_EQUAL(before.accounts + before.guests + before.active_sessions, 0u);
  auto guest = new_account(conn);
  auto ann = new_person("ann@example.org");
  new_person("bob@example.org");
  new_session(conn, guest);
  auto revoked = new_session(conn, guest);
  must(conn, store::revoke_session{revoked.session.session_id, {}, cause, new_id()});
  new_session(conn, ann);
  must(conn, store::revoke_account{ann, {}, cause, new_id()});
  auto now = must(conn, store::count_all{});
  CAF_CHECK_EQUAL(now.accounts, 3u);
  CAF_CHECK_EQUAL(now.guests, 1u);
  CAF_CHECK_EQUAL(now.active_sessions, 1u);
  CAF_CHECK(!now.is_estimated);
}

CAF_TEST_FIXTURE_SCOPE_END()
