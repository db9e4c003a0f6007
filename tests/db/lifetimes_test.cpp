#include "caf/test/unit_test.hpp"

#include "db/revocation_log.hpp"
#include "db/support.hpp"

#include <future>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

/// How long sessions live, and how many of an account do.
namespace {

std::string quoted(const uuid& id) {
  return "'" + to_string(id) + "'";
}

struct fixture : migrated_database {
  fixture() : migrated_database("lifetimes"), other(connect()) {
    // nop
  }

  db::connect_options options_with(session_policy policy) const {
    auto out = options();
    out.policy = policy;
    return out;
  }

  db::connection connect_with(session_policy policy) const {
    db::connection conn;
    if (conn.open(options_with(policy), soon()).code != errc::none)
      CAF_FAIL("no connection");
    return conn;
  }

  static uuid full_account(db::connection& conn) {
    return must(conn, store::find_or_create_account{new_claim(to_string(new_id()) + "@example.org")})
      .account.account_id;
  }

  void make_older(const uuid& session_id, const std::string& by) {
    run(other, "update sessions set created_at = created_at - interval '" + by
                 + "' where session_id = " + quoted(session_id));
  }

  std::vector<uuid> alive(db::connection& conn, const uuid& account_id) {
    std::vector<uuid> out;
    for (auto& s : must(conn, store::list_sessions{account_id, {}, 200}).sessions)
      out.push_back(s.session_id);
    return out;
  }

  db::connection other; // of a process without bounds
};

const session_policy hour_and_day{24h, 1h, 0};
const session_policy three_each{0h, 0h, 3};

} // namespace

CAF_TEST_FIXTURE_SCOPE(lifetimes_tests, fixture)

// -- lifetimes -------------------------------------------------------------------------------------------------

CAF_TEST(a session tells when it expires and is over from then on) {
  auto conn = connect_with(hour_and_day);
  auto owner = must(conn, store::find_or_create_account{new_claim("ann@example.org")}).account;
  store::mint_session op{new_draft(), owner.account_id};
  auto made = must(conn, op);
  CAF_CHECK(made.session.expires_at == made.session.created_at + 24h);
  CAF_CHECK(made.session.is_active);
  auto found = must(conn, store::find_session{op.draft.hash});
  CAF_CHECK(found.status == session_status::active);
  CAF_CHECK(found.record.expires_at == made.session.expires_at);

  make_older(op.draft.session_id, "24 hours");
  found = must(conn, store::find_session{op.draft.hash});
  CAF_CHECK(found.status == session_status::expired);
  CAF_CHECK(found.record.session_id == op.draft.session_id);
  auto shown = must(conn, store::get_session{op.draft.session_id});
  CAF_CHECK(!shown.is_active);
  CAF_CHECK(!shown.revoked_at);
  CAF_CHECK(alive(conn, owner.account_id).empty());
  CAF_CHECK_EQUAL(must(conn, store::count_all{}).active_sessions, 0u);
  CAF_CHECK(status_of(other, op.draft.hash) == session_status::active); // which knows of no age
  CAF_CHECK_EQUAL(must(other, store::count_all{}).active_sessions, 1u);
}

CAF_TEST(guests have an age of their own) {
  auto conn = connect_with(hour_and_day);
  store::mint_guest op{new_draft(), new_id()};
  auto made = must(conn, op);
  CAF_CHECK(made.session.expires_at == made.session.created_at + 1h);
  make_older(op.draft.session_id, "1 hour");
  CAF_CHECK(status_of(conn, op.draft.hash) == session_status::expired);
}

CAF_TEST(the warm up has what is alive and when that expires) {
  auto conn = connect_with(hour_and_day);
  auto owner = full_account(conn);
  auto old = new_session(conn, owner).session;
  auto young = new_session(conn, owner).session;
  make_older(old.session_id, "24 hours");
  auto endless = must(conn, store::mint_guest{new_draft(), new_id()}).session;
  auto warm_up = [this](session_policy policy) {
    std::vector<warm_session> out;
    db::revocation_log log;
    CAF_REQUIRE(log.open(options_with(policy), soon()).code == errc::none);
    auto failed = log.stream_active(
      100, 10,
      [&](std::vector<warm_session>&& part) {
        out.insert(out.end(), part.begin(), part.end());
        return true;
      },
      soon());
    CAF_CHECK(failed.code == errc::none);
    return out;
  };
  auto held = warm_up({24h, 0h, 0});
  CAF_REQUIRE_EQUAL(held.size(), 2u); // newest first
  CAF_CHECK(held[0].record.session_id == endless.session_id);
  CAF_CHECK(!held[0].record.expires_at);
  CAF_CHECK(held[1].record.session_id == young.session_id);
  CAF_CHECK(held[1].record.expires_at == young.created_at + 24h);
  CAF_CHECK_EQUAL(warm_up({}).size(), 3u);
}

CAF_TEST(the log tells the time of the database) {
  db::revocation_log log;
  CAF_REQUIRE(log.open(options(), soon()).code == errc::none);
  cursor end;
  CAF_REQUIRE(log.position(&end, soon()).code == errc::none);
  log_page page;
  CAF_REQUIRE(log.read(end, 10, &page, soon()).code == errc::none);
  CAF_REQUIRE(page.clock);
  CAF_CHECK(page.clock->said > wall_clock_now() - patience && page.clock->said < wall_clock_now() + patience);
}

CAF_TEST(what has expired can still be revoked and rotates no token) {
  auto conn = connect_with(hour_and_day);
  auto owner = full_account(conn);
  store::mint_session op{new_draft(), owner};
  must(conn, op);
  make_older(op.draft.session_id, "24 hours");
  store::link_identity link{owner, {identity_kind::telegram, "42"}, new_id(), {}, {}};
  link.rotation = store::link_identity::token_rotation{op.draft.hash, new_draft()};
  CAF_CHECK(code_of(run_one(conn, link)) == errc::session_unknown);
  auto done = must(conn, store::revoke_session{op.draft.session_id, {}, {"", "internal"}, new_id()});
  CAF_CHECK(done.revoked);
  CAF_CHECK(status_of(conn, op.draft.hash) == session_status::revoked);
  CAF_CHECK(status_of(other, op.draft.hash) == session_status::revoked); // and a longer age brings nothing back
}

CAF_TEST(what expired as a guest s does not come to life as a full account s) {
  auto conn = connect_with(hour_and_day);
  store::mint_guest first{new_draft(), new_id()};
  must(conn, first);
  store::mint_session second{new_draft(), first.account_id};
  must(conn, second);
  make_older(first.draft.session_id, "2 hours");
  auto done =
    must(conn, store::link_identity{first.account_id, {identity_kind::telegram, "43"}, new_id(), {}, {}});
  CAF_CHECK(done.was_upgraded);
  CAF_CHECK(status_of(conn, first.draft.hash) == session_status::revoked);
  CAF_CHECK(must(conn, store::get_session{first.draft.session_id}).revoke_reason == "expired");
  CAF_CHECK(must(conn, store::get_session{second.draft.session_id}).expires_at
            == must(conn, store::get_session{second.draft.session_id}).created_at + 24h);
}

CAF_TEST(the sweep tells of an expired session that somebody holds) {
  auto conn = connect_with(hour_and_day);
  auto full = full_account(conn);
  auto held = new_session(conn, full).session.session_id;
  auto free = new_session(conn, full).session.session_id;
  make_older(held, "3 days");
  make_older(free, "2 days");
  auto holder = connect();
  run(holder, "begin");
  number(holder, "select 1 from sessions where session_id = '" + to_string(held) + "' for key share");
  const auto created_at = must(conn, store::get_session{held}).created_at;
  auto before = wall_clock_now() - 24h;
  auto first = must(conn, store::delete_expired_sessions{before, false, {}, 10});
  CAF_CHECK_EQUAL(first.rows, 1u);
  CAF_CHECK(first.left == created_at);
  run(holder, "commit");
  auto second = must(conn, store::delete_expired_sessions{before, false, {*first.left, {}}, 10});
  CAF_CHECK_EQUAL(second.rows, 1u);
  CAF_CHECK(!second.left);
}

CAF_TEST(the sweep removes what expired and nothing else) {
  auto conn = connect_with(hour_and_day);
  auto full = full_account(conn);
  auto old = new_session(conn, full).session.session_id;
  auto revoked = new_session(conn, full).session.session_id;
  auto young = new_session(conn, full).session.session_id;
  auto guests = must(conn, store::mint_guest{new_draft(), new_id()}).session.session_id;
  must(conn, store::revoke_session{revoked, {}, {"", "internal"}, new_id()});
  for (auto& id : {old, revoked, guests})
    make_older(id, "2 days");
  auto before = wall_clock_now() - 24h;
  auto first = must(conn, store::delete_expired_sessions{before, false, {}, 2});
  CAF_CHECK(first.is_leader);
  CAF_CHECK(first.has_more);
  CAF_CHECK_EQUAL(first.rows, 1u);
  auto second = must(conn, store::delete_expired_sessions{before, false, first.reached, 2});
  CAF_CHECK(!second.has_more);
  CAF_CHECK_EQUAL(second.rows, 0u);
  CAF_CHECK_EQUAL(must(conn, store::delete_expired_sessions{before, true, {}, 1000}).rows, 1u);
  auto is_there = [&](const uuid& id) { return code_of(run_one(conn, store::get_session{id})) == errc::none; };
  CAF_CHECK(!is_there(old) && is_there(revoked) && is_there(young) && !is_there(guests));
}

// -- how many --------------------------------------------------------------------------------------------------

CAF_TEST(past the bound the oldest ends with the mint) {
  auto conn = connect_with(three_each);
  auto owner = full_account(conn);
  std::vector<uuid> ids;
  for (int i = 0; i < 3; ++i) {
    auto made = new_session(conn, owner);
    CAF_CHECK(made.superseded.empty() && !made.position);
    ids.push_back(made.session.session_id);
  }
  auto fourth = new_session(conn, owner);
  CAF_CHECK(fourth.superseded == std::vector<uuid>{ids[0]});
  CAF_REQUIRE(fourth.position);
  CAF_CHECK(fourth.session.is_active);
  CAF_CHECK(alive(conn, owner) == (std::vector<uuid>{ids[1], ids[2], fourth.session.session_id}));
  auto ended = must(conn, store::get_session{ids[0]});
  CAF_CHECK_EQUAL(ended.revoke_reason, "superseded");
  auto page = must(conn, store::read_events{{fourth.position->epoch, fourth.position->seq - 1}, 10});
  CAF_REQUIRE_EQUAL(page.events.size(), 1u);
  CAF_CHECK(page.events[0].session_id == ids[0]);
  CAF_CHECK_EQUAL(page.events[0].reason, "superseded");
  CAF_CHECK_EQUAL(page.events[0].seq, fourth.position->seq);
}

CAF_TEST(what a mint has superseded is in the audit as what its caller did) {
  auto conn = connect_with(three_each);
  auto owner = full_account(conn);
  for (int i = 0; i < 3; ++i)
    new_session(conn, owner);
  store::mint_session op{new_draft(), owner};
  op.origin.actor = "internal";
  op.origin.caller = "gateway";
  op.origin.address = "192.0.2.7";
  auto made = must(conn, op);
  must(conn, op); // as after an outcome that was lost
  CAF_REQUIRE_EQUAL(made.superseded.size(), 1u);
  store::list_audit search;
  search.account_id = owner;
  search.action = audit_action::session_revoked;
  auto told = must(conn, search).events;
  CAF_REQUIRE_EQUAL(told.size(), 1u);
  CAF_CHECK(told[0].session_id == made.superseded[0]);
  CAF_CHECK_EQUAL(told[0].reason, "superseded");
  CAF_CHECK_EQUAL(told[0].origin.caller, "gateway");
  CAF_CHECK_EQUAL(told[0].origin.address, "192.0.2.7");
}

CAF_TEST(the dead and the expired do not count) {
  auto conn = connect_with({24h, 0h, 3});
  auto owner = full_account(conn);
  auto dead = new_session(conn, owner).session.session_id;
  auto expired = new_session(conn, owner).session.session_id;
  must(conn, store::revoke_session{dead, {}, {"", "user"}, new_id()});
  make_older(expired, "24 hours");
  for (int i = 0; i < 3; ++i)
    CAF_CHECK(new_session(conn, owner).superseded.empty());
  must(conn, store::revoke_account{owner, {}, {"", "user"}, new_id()});
  for (int i = 0; i < 3; ++i)
    CAF_CHECK(new_session(conn, owner).superseded.empty());
  CAF_CHECK_EQUAL(new_session(conn, owner).superseded.size(), 1u);
}

CAF_TEST(many mints of one account in a batch leave as many as may live) {
  auto conn = connect_with(three_each);
  auto owner = full_account(conn);
  auto before = new_session(conn, owner).session.session_id;
  std::vector<store::operation> batch;
  for (int i = 0; i < 8; ++i) {
    batch.emplace_back(store::mint_session{new_draft(), owner});
    batch.emplace_back(store::mint_for_identity{new_draft(), new_claim("bea@example.org")});
  }
  auto report = db::execute(conn, batch, soon());
  std::size_t told = 0;
  std::size_t placed = 0;
  for (auto& one : report.outcomes) {
    auto& made = std::get<store::minted>(one);
    told += made.superseded.size();
    placed += made.position ? 1 : 0;
  }
  CAF_CHECK_EQUAL(told, 6u + 5u);
  CAF_CHECK_EQUAL(placed, batch.size());
  CAF_CHECK_EQUAL(alive(conn, owner).size(), 3u);
  CAF_CHECK(must(conn, store::get_session{before}).revoke_reason == "superseded");
  CAF_CHECK_EQUAL(number(other, "select count(*) from revocation_events where reason = 'superseded'"), 11);
}

CAF_TEST(concurrent mints of one account leave as many as may live) {
  constexpr int clients = 4;
  constexpr int mints_each = 20;
  auto first = connect_with(three_each);
  auto owner = full_account(first);
  std::vector<std::future<void>> minting;
  for (int i = 0; i < clients; ++i)
    minting.push_back(std::async(std::launch::async, [this, owner] {
      auto conn = connect_with(three_each);
      for (int n = 0; n < mints_each; ++n)
        new_session(conn, owner);
    }));
  for (auto& each : minting)
    each.get();
  CAF_CHECK_EQUAL(alive(first, owner).size(), 3u);
  CAF_CHECK_EQUAL(number(other, "select count(*) from revocation_events where reason = 'superseded'"),
                  clients * mints_each - 3);
}

CAF_TEST(a bound that was lowered is kept by the next mint) {
  auto conn = connect();
  auto owner = full_account(conn);
  for (int i = 0; i < 6; ++i)
    new_session(conn, owner);
  auto strict = connect_with(three_each);
  CAF_CHECK_EQUAL(new_session(strict, owner).superseded.size(), 4u);
  CAF_CHECK_EQUAL(alive(strict, owner).size(), 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
