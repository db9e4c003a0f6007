#include "actors/domain_fixture.hpp"

#include "actors/account.hpp"

using namespace portcullis;
using namespace portcullis::test;

namespace {

const identity_key ada{identity_kind::email, "ada@example.org"};

struct fixture : domain_fixture {
  account_actor accounts = sys.spawn(account_keeper, account_store_actor{store}, session_registry_actor{registry},
                                     wakeup, fixed_sources::make());

  ~fixture() override {
    end(accounts);
  }

  static account make_account(std::uint32_t n) {
    account result;
    result.account_id = make_uuid(n);
    return result;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(account_tests, fixture)

CAF_TEST(find or create brings the ids that a new account needs) {
  const auto told = ask<store::find_or_create_account::result>(accounts, find_or_create_request{ada, "Ada"});
  auto commit = take<store::find_or_create_account>();
  const auto& claim = commit.message.claim;
  CAF_CHECK(claim.key == ada);
  CAF_CHECK(claim.display_name == "Ada");
  CAF_CHECK(is_fresh_id(claim.account_id));
  CAF_CHECK(is_fresh_id(claim.identity_id));
  CAF_CHECK(claim.account_id != claim.identity_id);
  answer(commit, store::find_or_create_account::result{make_account(101), true});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(told->reply->account == make_account(101));
  CAF_CHECK(told->reply->created);
}

CAF_TEST(a guest gets a new id) {
  const auto first = ask<account>(accounts, create_guest_request{});
  const auto second = ask<account>(accounts, create_guest_request{});
  auto commit = take<store::create_guest>();
  auto other = take<store::create_guest>();
  CAF_CHECK(is_fresh_id(commit.message.account_id));
  CAF_CHECK(commit.message.account_id < other.message.account_id);
  answer(commit, make_account(101));
  CAF_REQUIRE(first->reply);
  CAF_CHECK(*first->reply == make_account(101));
  CAF_CHECK(second->is_open()); // the database is silent on that one
}

CAF_TEST(look ups pass through) {
  const auto by_id = ask<account>(accounts, store::get_account{make_uuid(101)});
  auto asked = take<store::get_account>();
  CAF_CHECK(asked.message.account_id == make_uuid(101));
  answer(asked, make_account(101));
  CAF_REQUIRE(by_id->reply);
  CAF_CHECK(*by_id->reply == make_account(101));
  const auto by_identity = ask<account>(accounts, store::find_account{ada});
  auto asked_by_identity = take<store::find_account>();
  CAF_CHECK(asked_by_identity.message.key == ada);
  fail(asked_by_identity, errc::account_not_found);
  CAF_CHECK(by_identity->error.code == errc::account_not_found);
}

CAF_TEST(errors of the database pass through) {
  const auto told =
    ask<store::find_or_create_account::result>(accounts, find_or_create_request{ada, std::nullopt});
  auto commit = take<store::find_or_create_account>();
  fail(commit, errc::overloaded);
  CAF_CHECK(told->error.code == errc::overloaded);
}

// -- rules 1 and 2 -----------------------------------------------------------------------------------------------

CAF_TEST(a deletion is told after the commit and after memory has forgotten) {
  const auto told = ask<store::delete_account::result>(
    accounts, store::delete_account{make_uuid(101), {"asked for it", "internal"}});
  auto commit = take<store::delete_account>();
  CAF_CHECK(peers->empty());
  CAF_CHECK(!was_rung());
  CAF_CHECK(commit.message.account_id == make_uuid(101));
  CAF_CHECK_EQUAL(commit.message.cause.reason, "asked for it");
  answer(commit, store::delete_account::result{3, {1, 9}});
  CAF_CHECK(told->is_open());
  auto known = take<account_revoked>();
  CAF_CHECK(known.message.account_id == make_uuid(101));
  CAF_CHECK(was_rung());
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(told->reply->position == (cursor{1, 9}));
}

CAF_TEST(what ends or sets something goes out under an id by which it is found when it is run again) {
  const auto deleted = ask<store::delete_account::result>(accounts, store::delete_account{make_uuid(101), {}});
  auto deletion = take<store::delete_account>();
  CAF_CHECK(is_fresh_id(deletion.message.operation_id));
  fail(deletion, errc::database_unavailable);
  const auto unlinked =
    ask<account>(accounts, store::unlink_identity{make_uuid(101), {identity_kind::email, "ann@example.org"}});
  auto unlinking = take<store::unlink_identity>();
  CAF_CHECK(is_fresh_id(unlinking.message.operation_id));
  CAF_CHECK(unlinking.message.operation_id != deletion.message.operation_id);
  fail(unlinking, errc::identity_not_found);
  CAF_CHECK(unlinked->error.code == errc::identity_not_found);
  const auto named = ask<account>(accounts, store::set_display_name{make_uuid(101), "Ann"});
  auto naming = take<store::set_display_name>();
  CAF_CHECK(is_fresh_id(naming.message.operation_id));
  fail(naming, errc::account_not_found);
  const auto seated =
    ask<store::seat_player::result>(accounts, store::seat_player{make_uuid(7), make_uuid(101), 1});
  auto seating = take<store::seat_player>();
  CAF_CHECK(is_fresh_id(seating.message.operation_id));
  CAF_CHECK(seating.message.operation_id != naming.message.operation_id);
  fail(seating, errc::account_not_found);
  const auto unseated =
    ask<store::unseat_player::result>(accounts, store::unseat_player{make_uuid(7), make_uuid(101)});
  auto unseating = take<store::unseat_player>();
  CAF_CHECK(unseating.message.game_id == make_uuid(7));
  CAF_CHECK(is_fresh_id(unseating.message.operation_id));
  answer(unseating, store::unseat_player::result{{1, 9}});
  CAF_REQUIRE(unseated->reply);
  CAF_CHECK(unseated->reply->position == (cursor{1, 9}));
  const auto cleared = ask<store::unseat_game::result>(accounts, store::unseat_game{make_uuid(7)});
  auto clearing = take<store::unseat_game>();
  CAF_CHECK(is_fresh_id(clearing.message.operation_id));
  CAF_CHECK(clearing.message.operation_id != unseating.message.operation_id);
  answer(clearing, store::unseat_game::result{{1, 9}});
  CAF_REQUIRE(cleared->reply);
}

CAF_TEST(a link is told after the commit and after memory has forgotten the guest) {
  const auto told =
    ask<link_reply>(accounts, link_request{make_uuid(101), ada, std::nullopt, {}, {"", "internal"}});
  auto commit = take<store::link_identity>();
  CAF_CHECK(peers->empty());
  CAF_CHECK(commit.message.account_id == make_uuid(101));
  CAF_CHECK(commit.message.key == ada);
  CAF_CHECK(!commit.message.rotation);
  store::link_identity::result done;
  done.account = make_account(101);
  answer(commit, done);
  CAF_CHECK(told->is_open());
  auto known = take<account_revoked>();
  CAF_CHECK(known.message.account_id == make_uuid(101));
  CAF_CHECK(was_rung());
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(told->reply->account == make_account(101));
  CAF_CHECK(!told->reply->token);
}

CAF_TEST(a rotation is told after memory knows that the old session is dead) {
  const auto told = ask<link_reply>(
    accounts, link_request{make_uuid(101), ada, make_hash(1), {"phone", "", ""}, {"", "internal"}});
  auto commit = take<store::link_identity>();
  CAF_REQUIRE(commit.message.rotation);
  CAF_CHECK(peers->empty());
  store::link_identity::result done;
  done.account = make_account(101);
  done.rotated.emplace();
  done.ended_session_id = make_uuid(11);
  done.position = {1, 9};
  answer(commit, done);
  auto dead = take<session_revoked>();
  CAF_CHECK(dead.message.session_id == make_uuid(11));
  CAF_CHECK(told->is_open());
  answer(dead, applied{});
  CAF_CHECK(told->is_open());
  auto known = take<account_revoked>();
  CAF_CHECK(known.message.account_id == make_uuid(101));
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(told->reply->position == (cursor{1, 9}));
  CAF_REQUIRE(told->reply->token);
  CAF_CHECK(is_token_form(told->reply->token->reveal()));
}

CAF_TEST(a link that failed changes nothing) {
  const auto told =
    ask<link_reply>(accounts, link_request{make_uuid(101), ada, make_hash(1), {}, {"", "internal"}});
  auto commit = take<store::link_identity>();
  fail(commit, errc::identity_taken);
  CAF_CHECK(told->error.code == errc::identity_taken);
  CAF_CHECK(peers->empty());
  CAF_CHECK(!was_rung());
}

CAF_TEST(a deletion that failed changes nothing) {
  const auto told = ask<store::delete_account::result>(accounts, store::delete_account{make_uuid(101), {}});
  auto commit = take<store::delete_account>();
  fail(commit, errc::account_seated);
  CAF_CHECK(told->error.code == errc::account_seated);
  CAF_CHECK(peers->empty());
  CAF_CHECK(!was_rung());
}

CAF_TEST(a deletion that memory does not take is not acknowledged) {
  const auto told = ask<store::delete_account::result>(accounts, store::delete_account{make_uuid(101), {}});
  auto commit = take<store::delete_account>();
  answer(commit, store::delete_account::result{3, {1, 9}});
  auto known = take<account_revoked>();
  fail(known, errc::internal);
  CAF_CHECK(!told->reply);
  CAF_CHECK(told->error.code == errc::internal);
}

CAF_TEST_FIXTURE_SCOPE_END()
