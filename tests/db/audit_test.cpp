#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <future>
#include <string>
#include <utility>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

/// What changes is in the audit, by the same commit: once, and only what has in fact happened.
namespace {

using namespace std::chrono_literals;

const store::revocation_cause cause{"lost phone", "user"};

audit_origin origin_of(std::string actor, std::string caller = "gateway") {
  audit_origin out;
  out.actor = std::move(actor);
  out.caller = std::move(caller);
  out.request_id = "request-1";
  out.trace_id[15] = 7;
  out.address = "192.0.2.7";
  return out;
}

struct fixture : migrated_database {
  fixture() : migrated_database("audit"), conn(connect()), other(connect()) {
    // nop
  }

  std::vector<audit_event> entries(const store::list_audit& op = {}) {
    return must(conn, op).events;
  }

  /// The actions, oldest first.
  std::string told() {
    std::string out;
    for (const auto& e : entries())
      out = e.action + (out.empty() ? "" : " ") + out;
    return out;
  }

  void forget() {
    run(other, "delete from audit_events");
  }

  uuid person(const std::string& external_id) {
    auto id = must(conn, store::find_or_create_account{new_claim(external_id)}).account.account_id;
    forget();
    return id;
  }

  uuid guest() {
    auto id = new_account(conn);
    forget();
    return id;
  }

  store::minted session_of(const uuid& account_id) {
    auto made = new_session(conn, account_id);
    forget();
    return made;
  }

  /// Runs it twice, as after an outcome that was lost: the entries are those of one run.
  template <class Op>
  void check_told(const Op& op, const std::string& expected) {
    run_one(conn, op);
    CAF_CHECK_EQUAL(told(), expected);
    run_one(conn, op);
    CAF_CHECK_EQUAL(told(), expected);
  }

  db::connection conn;
  db::connection other; // for looking on
};

store::link_identity linking(const uuid& account_id, const std::string& external_id) {
  return {account_id, {identity_kind::email, external_id}, new_id(), {}, cause};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(audit_tests, fixture)

// -- what is told ------------------------------------------------------------------------------------------

CAF_TEST(an entry says who did what to whom when and why) {
  auto owner = guest();
  auto made = session_of(owner);
  auto before = must(conn, store::read_clock{}).now;
  store::revoke_session op{made.session.session_id, owner, cause, new_id(), origin_of("user")};
  op.origin.user_id = owner;
  must(conn, op);
  auto all = entries();
  CAF_REQUIRE_EQUAL(all.size(), 1u);
  const auto& e = all[0];
  CAF_CHECK_EQUAL(e.action, "session.revoked");
  CAF_CHECK(e.account_id == owner);
  CAF_CHECK(e.session_id == made.session.session_id);
  CAF_CHECK(!e.game_id);
  CAF_CHECK_EQUAL(e.reason, "lost phone");
  CAF_CHECK_EQUAL(e.origin.actor, "user");
  CAF_CHECK_EQUAL(e.origin.caller, "gateway");
  CAF_CHECK(e.origin.user_id == owner);
  CAF_CHECK_EQUAL(e.origin.request_id, "request-1");
  CAF_CHECK(e.origin.trace_id == op.origin.trace_id);
  CAF_CHECK_EQUAL(e.origin.address, "192.0.2.7");
  CAF_CHECK(e.occurred_at >= before);
  CAF_CHECK(e.occurred_at <= must(conn, store::read_clock{}).now);
  // The id is the time, to the microsecond.
  CAF_CHECK(first_audit_id(e.occurred_at) < e.event_id);
  CAF_CHECK(e.event_id < first_audit_id(e.occurred_at + 1us));
}

CAF_TEST(what is not known is left out) {
  must(conn, store::create_guest{new_id()});
  auto all = entries();
  CAF_REQUIRE_EQUAL(all.size(), 1u);
  CAF_CHECK_EQUAL(all[0].action, "account.created");
  CAF_CHECK(!all[0].session_id && !all[0].origin.user_id);
  CAF_CHECK(all[0].reason.empty() && all[0].origin.caller.empty() && all[0].origin.address.empty());
  CAF_CHECK_EQUAL(number(other, "select count(*) from audit_events where trace_id is null and request_id is null"
                                " and caller is null and address is null and reason is null"),
                  1);
}

CAF_TEST(no secret and no address that somebody wrote into a reason or an id is kept) {
  auto owner = guest();
  auto secret = std::string{token::from_random({{1, 2, 3}}).reveal()};
  store::revoke_account op{
    owner, {}, {"ann@example.org lost " + secret, "internal"}, new_id(), origin_of("internal")};
  op.origin.request_id = "r-" + secret;
  must(conn, op);
  store::delete_account gone{owner, {"ann@example.org " + secret, "internal"}, new_id(), op.origin};
  must(conn, gone);
  CAF_CHECK_EQUAL(number(other, "select count(*) from audit_events e where e::text like '%pcs\\_%'"
                                " or e::text like '%@%'"),
                  0);
  const auto all = entries();
  CAF_REQUIRE_EQUAL(all.size(), 2u);
  CAF_CHECK_EQUAL(all[1].reason, "[withheld] lost [withheld]");
  CAF_CHECK_EQUAL(all[0].origin.request_id, "r-[withheld]");
}

// -- each change -------------------------------------------------------------------------------------------

CAF_TEST(mints are told with the accounts that they make) {
  auto owner = guest();
  check_told(store::mint_session{new_draft(), owner}, "session.minted");
  forget();
  check_told(store::mint_guest{new_draft(), new_id()}, "account.created session.minted");
  forget();
  check_told(store::mint_for_identity{new_draft(), new_claim("ann@example.org")},
             "account.created session.minted");
  forget();
  check_told(store::mint_for_identity{new_draft(), new_claim("ann@example.org")}, "session.minted");
  forget();
  CAF_CHECK(code_of(run_one(conn, store::mint_session{new_draft(), new_id()})) == errc::account_not_found);
  CAF_CHECK(entries().empty());
}

CAF_TEST(an account that is found is not told as created) {
  check_told(store::find_or_create_account{new_claim("ann@example.org")}, "account.created");
  check_told(store::find_or_create_account{new_claim("ann@example.org")}, "account.created");
  forget();
  check_told(store::create_guest{new_id()}, "account.created");
}

CAF_TEST(of a batch of mints each has its own entry) {
  auto owner = guest();
  std::vector<store::operation> batch;
  for (int i = 0; i < 5; ++i)
    batch.push_back(store::mint_session{new_draft(), owner, origin_of("internal", "caller-" + std::to_string(i))});
  batch.push_back(store::mint_session{new_draft(), new_id(), origin_of("internal", "nobody")});
  auto report = db::execute(conn, batch, soon());
  auto again = db::execute(conn, batch, soon());
  CAF_CHECK_EQUAL(entries().size(), 5u);
  for (int i = 0; i < 5; ++i) {
    store::list_audit op;
    op.caller = "caller-" + std::to_string(i);
    auto mine = entries(op);
    CAF_REQUIRE_EQUAL(mine.size(), 1u);
    auto& minted = std::get<store::minted>(report.outcomes[static_cast<std::size_t>(i)]);
    CAF_CHECK(mine[0].session_id == minted.session.session_id);
  }
}

CAF_TEST(the end of a session is told once and only if it lived) {
  auto owner = guest();
  auto made = session_of(owner);
  auto target = made.session.session_id;
  check_told(store::revoke_session{target, {}, cause, new_id()}, "session.revoked");
  // Dead already, another's, never there.
  run_one(conn, store::revoke_session{target, {}, cause, new_id()});
  run_one(conn, store::revoke_session{session_of(owner).session.session_id, new_id(), cause, new_id()});
  run_one(conn, store::revoke_session{new_id(), {}, cause, new_id()});
  CAF_CHECK(entries().empty());
}

CAF_TEST(of several that end one session in one batch the one that ended it is told) {
  auto made = session_of(guest());
  std::vector<store::operation> batch;
  for (const char* caller : {"first", "second"})
    batch.push_back(
      store::revoke_session{made.session.session_id, {}, cause, new_id(), origin_of("internal", caller)});
  auto report = db::execute(conn, batch, soon());
  auto all = entries();
  CAF_REQUIRE_EQUAL(all.size(), 1u);
  CAF_CHECK_EQUAL(all[0].origin.caller, "first");
  CAF_CHECK(std::get<store::revoke_session::result>(report.outcomes[0]).revoked);
}

CAF_TEST(the end of all of an account is one entry) {
  auto owner = guest();
  session_of(owner);
  session_of(owner);
  check_told(store::revoke_account{owner, {}, cause, new_id(), origin_of("admin")}, "account.revoked");
  CAF_CHECK(entries()[0].account_id == owner);
  forget();
  run_one(conn, store::revoke_account{new_id(), {}, cause, new_id()});
  CAF_CHECK(entries().empty());
}

CAF_TEST(two runs of one operation at the same time are told once) {
  auto owner = guest();
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
  one.get();
  two.get();
  CAF_CHECK_EQUAL(told(), "account.revoked");
}

CAF_TEST(a deletion is told and one that was refused is not ) {
  auto owner = guest();
  seat(other, owner);
  run_one(conn, store::delete_account{owner, cause, new_id()});
  CAF_CHECK(entries().empty());
  run(other, "delete from game_players");
  check_told(store::delete_account{owner, cause, new_id()}, "account.deleted");
}

CAF_TEST(links and names are told without what they say) {
  auto owner = guest();
  check_told(linking(owner, "ann@example.org"), "identity.linked");
  run_one(conn, linking(owner, "ann@example.org"));   // linked already
  run_one(conn, linking(guest(), "ann@example.org")); // taken
  CAF_CHECK(entries().empty());
  run_one(conn, linking(owner, "ann@work.example"));
  forget();
  check_told(store::unlink_identity{owner, {identity_kind::email, "ann@example.org"}, new_id()},
             "identity.unlinked");
  run_one(conn, store::unlink_identity{owner, {identity_kind::email, "ann@work.example"}, new_id()}); // the last
  CAF_CHECK_EQUAL(entries().size(), 1u);
  forget();
  check_told(store::set_display_name{owner, "Ann", new_id()}, "account.renamed");
  CAF_CHECK_EQUAL(number(other, "select count(*) from audit_events e where e::text like '%Ann%'"), 0);
}

CAF_TEST(a rotation is told as the end of one session and the mint of another) {
  auto owner = person("ann@example.org");
  auto old = new_draft("old");
  auto ended = must(conn, store::mint_session{old, owner}).session.session_id;
  forget();
  auto op = linking(owner, "ann@work.example");
  op.rotation = store::link_identity::token_rotation{old.hash, new_draft("new")};
  check_told(op, "identity.linked session.revoked session.minted");
  store::list_audit search;
  search.action = audit_action::session_revoked;
  CAF_CHECK(entries(search)[0].session_id == ended);
  search.action = audit_action::session_minted;
  CAF_CHECK(entries(search)[0].session_id == op.rotation->draft.session_id);
}

CAF_TEST(seats are told as they are taken and taken back) {
  auto ann = guest();
  auto bob = guest();
  auto game = new_id();
  check_told(store::seat_player{game, ann, 1, new_id()}, "player.seated");
  CAF_CHECK(entries()[0].game_id == game);
  must(conn, store::seat_player{game, bob, 2, new_id()});
  forget();
  check_told(store::unseat_player{game, ann, new_id()}, "player.unseated");
  run_one(conn, store::unseat_player{game, ann, new_id()}); // has none
  CAF_CHECK_EQUAL(entries().size(), 1u);
  must(conn, store::seat_player{game, ann, 1, new_id()});
  forget();
  check_told(store::unseat_game{game, new_id()}, "player.unseated player.unseated");
}

CAF_TEST(guests that are swept away are told one by one) {
  auto first = guest();
  auto second = guest();
  auto seated = guest();
  seat(other, seated);
  run(other, "update accounts set created_at = now() - interval '2 hours'");
  store::reap_guests op{wall_clock_now() - 1h,  {}, 1000, true, {"abandoned guest", "reaper"},
                        origin_of("reaper", "")};
  run_one(conn, op);
  CAF_CHECK(entries().empty()); // a dry run
  op.dry_run = false;
  check_told(op, "account.reaped account.reaped");
  auto all = entries();
  CAF_CHECK(all[0].account_id != all[1].account_id);
  for (const auto& e : all) {
    CAF_CHECK(e.account_id == first || e.account_id == second);
    CAF_CHECK_EQUAL(e.origin.actor, "reaper");
    CAF_CHECK_EQUAL(e.reason, "abandoned guest");
  }
}

CAF_TEST(entries of their own are written once and in order) {
  auto ann = new_id();
  store::record_audit op{{}, new_id()};
  op.notes.push_back({audit_action::account_read, ann, {}, origin_of("admin")});
  op.notes.push_back({audit_action::caller_refused, {}, "unknown: get_account", origin_of("internal", "")});
  check_told(op, "account.read caller.refused");
  const auto all = entries();
  CAF_CHECK_EQUAL(all[0].reason, "unknown: get_account");
  CAF_CHECK(all[1].account_id == ann);
}

CAF_TEST(what is rolled back is not told) {
  // The log cannot be written, so nothing of the transaction stands.
  auto made = session_of(guest());
  run(other, "create function fail() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;"
             " create trigger fail before insert on revocation_events for each row execute function fail()");
  CAF_CHECK(code_of(run_one(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()}))
            == errc::internal);
  CAF_CHECK(entries().empty());
  run(other, "drop function fail cascade");
}

CAF_TEST(an entry cannot be changed) {
  guest();
  must(conn, store::create_guest{new_id()});
  for (const char* change : {"update audit_events set caller = 'nobody'", "truncate audit_events"})
    CAF_CHECK(!db::run_script(other, change, soon()).ok());
  CAF_CHECK_EQUAL(entries().size(), 1u);
}

// -- searching ---------------------------------------------------------------------------------------------

CAF_TEST(pages go from the newest to the oldest and leave nothing out) {
  for (int i = 0; i < 7; ++i)
    must(conn, store::create_guest{new_id()});
  auto all = entries();
  CAF_REQUIRE_EQUAL(all.size(), 7u);
  for (std::size_t i = 1; i < all.size(); ++i) {
    CAF_CHECK(all[i].event_id < all[i - 1].event_id);
    CAF_CHECK(all[i].occurred_at <= all[i - 1].occurred_at);
  }
  store::list_audit op;
  op.limit = 3;
  std::vector<uuid> seen;
  bool has_more = true;
  while (has_more) {
    auto page = must(conn, op);
    CAF_CHECK_LESS_OR_EQUAL(page.events.size(), 3u);
    for (const auto& e : page.events)
      seen.push_back(e.event_id);
    op.after = seen.back();
    has_more = page.has_more;
  }
  CAF_REQUIRE_EQUAL(seen.size(), 7u);
  for (std::size_t i = 0; i < 7; ++i)
    CAF_CHECK(seen[i] == all[i].event_id);
}

CAF_TEST(conditions are taken together) {
  auto ann = new_id();
  auto bob = new_id();
  for (const auto& [id, caller] :
       {std::pair{ann, "gateway"}, std::pair{bob, "gateway"}, std::pair{ann, "console"}}) {
    store::record_audit op{{}, new_id()};
    for (auto action : {audit_action::account_read, audit_action::account_renamed})
      op.notes.push_back({action, id, {}, origin_of("admin", caller)});
    must(conn, op);
  }
  auto count = [&](std::optional<uuid> account, std::optional<std::string> caller,
                   std::optional<audit_action> action) {
    auto found = entries({account, std::move(caller), action, {}, {}, {}, 50});
    for (std::size_t i = 1; i < found.size(); ++i)
      CAF_CHECK(found[i].event_id < found[i - 1].event_id);
    return found.size();
  };
  const auto read = audit_action::account_read;
  CAF_CHECK_EQUAL(count({}, {}, {}), 6u);
  CAF_CHECK_EQUAL(count(ann, {}, {}), 4u);
  CAF_CHECK_EQUAL(count({}, "gateway", {}), 4u);
  CAF_CHECK_EQUAL(count({}, {}, read), 3u);
  CAF_CHECK_EQUAL(count(ann, "gateway", {}), 2u);
  CAF_CHECK_EQUAL(count(ann, {}, read), 2u);
  CAF_CHECK_EQUAL(count({}, "gateway", read), 2u);
  CAF_CHECK_EQUAL(count(ann, "console", read), 1u);
  CAF_CHECK_EQUAL(count(bob, "console", {}), 0u);
  CAF_CHECK_EQUAL(count({}, "nobody", {}), 0u);
}

CAF_TEST(a range of time begins with since and ends before until) {
  for (int i = 0; i < 3; ++i)
    must(conn, store::create_guest{new_id()});
  auto all = entries();
  const auto middle = all[1].occurred_at;
  for (auto account : {std::optional<uuid>{}, all[1].account_id}) {
    auto count = [&](std::optional<timestamp> since, std::optional<timestamp> until) {
      return entries({account, {}, {}, since, until, {}, 50}).size();
    };
    const std::size_t others = account ? 0 : 1;
    CAF_CHECK_EQUAL(count(middle, {}), 1 + others);
    CAF_CHECK_EQUAL(count(middle + 1us, {}), others);
    CAF_CHECK_EQUAL(count({}, middle), others);
    CAF_CHECK_EQUAL(count({}, middle + 1us), 1 + others);
    CAF_CHECK_EQUAL(count(middle, middle + 1us), 1u);
    CAF_CHECK_EQUAL(count(middle, middle), 0u);
  }
}

// -- retention ---------------------------------------------------------------------------------------------

CAF_TEST(old entries go in bounded batches and young ones stay) {
  for (int i = 0; i < 5; ++i)
    must(conn, store::create_guest{new_id()});
  auto all = entries();
  const auto cutoff = all[1].occurred_at; // the newest two stay
  auto first = must(conn, store::prune_audit{cutoff, 2});
  CAF_CHECK_EQUAL(first.rows, 2u);
  CAF_CHECK(first.has_more);
  auto second = must(conn, store::prune_audit{cutoff, 2});
  CAF_CHECK_EQUAL(second.rows, 1u);
  CAF_CHECK(!second.has_more);
  CAF_CHECK_EQUAL(must(conn, store::prune_audit{cutoff, 2}).rows, 0u);
  auto left = entries();
  CAF_REQUIRE_EQUAL(left.size(), 2u);
  CAF_CHECK(left[0].event_id == all[0].event_id);
  CAF_CHECK(left[1].event_id == all[1].event_id);
}

CAF_TEST_FIXTURE_SCOPE_END()
