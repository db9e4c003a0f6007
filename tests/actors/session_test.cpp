#include "actors/domain_fixture.hpp"

#include "actors/session.hpp"

#include <algorithm>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

const uuid account_id = make_uuid(101);

struct fixture : domain_fixture {
  session_actor sessions = sys.spawn(session_keeper, session_store_actor{store}, session_registry_actor{registry},
                                     wakeup, fixed_sources::make());

  ~fixture() override {
    end(sessions);
  }

  static store::minted minted_from(const store::session_draft& draft, const uuid& holder) {
    store::minted made;
    made.session.session_id = draft.session_id;
    made.session.account_id = holder;
    made.session.device = draft.device;
    made.session.created_at = fixed_sources::wall_clock();
    made.account.account_id = holder;
    made.generation = 5;
    return made;
  }

  std::shared_ptr<outcome<mint_reply>> mint(session_holder holder) {
    return ask<mint_reply>(sessions, mint_request{std::move(holder), {"phone", "agent", "192.0.2.1"}});
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(session_tests, fixture)

// -- minting (rules 1 and 9) -----------------------------------------------------------------------------------

CAF_TEST(a mint is told after the commit and after memory knows) {
  const auto told = mint(account_id);
  auto commit = take<store::mint_session>();
  CAF_CHECK(peers->empty()); // memory hears nothing before the commit
  CAF_CHECK(told->is_open());
  CAF_CHECK(commit.message.account_id == account_id);
  CAF_CHECK(is_fresh_id(commit.message.draft.session_id));
  CAF_CHECK(commit.message.draft.device == (device{"phone", "agent", "192.0.2.1"}));
  const auto made = minted_from(commit.message.draft, account_id);
  answer(commit, made);
  CAF_CHECK(told->is_open());
  auto known = take<session_minted>();
  CAF_CHECK(known.message.hash == commit.message.draft.hash);
  CAF_CHECK(known.message.began == at(77));
  CAF_CHECK(known.message.record
            == (session_record{made.session.session_id, account_id, made.session.created_at, 5, false}));
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(told->reply->session == made.session);
  CAF_CHECK(told->reply->account == made.account);
}

CAF_TEST(what a mint has superseded memory hears with it and the caller gets its place in the log) {
  const auto told = mint(account_id);
  auto commit = take<store::mint_session>();
  auto made = minted_from(commit.message.draft, account_id);
  made.superseded = {make_uuid(7), make_uuid(8)};
  made.position = cursor{1, 5};
  answer(commit, made);
  CAF_CHECK(wakeup->consume());
  auto known = take<session_minted>();
  CAF_CHECK(known.message.superseded == made.superseded);
  CAF_CHECK(told->is_open());
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(told->reply->position == made.position);
}

CAF_TEST(the token is what the database holds the hash of) {
  const auto told = mint(account_id);
  auto commit = take<store::mint_session>();
  answer(commit, minted_from(commit.message.draft, account_id));
  auto known = take<session_minted>();
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  const auto text = told->reply->token.reveal();
  CAF_CHECK(is_token_form(text));
  CAF_CHECK(hash_token(text) == commit.message.draft.hash);
}

CAF_TEST(every mint has a token and ids of its own) {
  mint(account_id);
  mint(account_id);
  const auto first = take<store::mint_session>();
  const auto second = take<store::mint_session>();
  CAF_CHECK(first.message.draft.hash != second.message.draft.hash);
  CAF_CHECK(first.message.draft.session_id < second.message.draft.session_id);
}

CAF_TEST(a mint for an identity brings the ids that it may need) {
  identity_holder ada; // member by member: g++ 12 takes the aggregate for one that is used uninitialized
  ada.key = {identity_kind::telegram, "42"};
  ada.display_name = "Ada";
  const auto told = mint(std::move(ada));
  auto commit = take<store::mint_for_identity>();
  const auto& claim = commit.message.claim;
  CAF_CHECK(claim.key == (identity_key{identity_kind::telegram, "42"}));
  CAF_CHECK(claim.display_name == "Ada");
  CAF_CHECK(is_fresh_id(claim.account_id));
  CAF_CHECK(is_fresh_id(claim.identity_id));
  CAF_CHECK(claim.account_id != claim.identity_id);
  auto made = minted_from(commit.message.draft, claim.account_id);
  made.account_created = true;
  answer(commit, made);
  auto known = take<session_minted>();
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(told->reply->account_created);
}

CAF_TEST(a guest is minted with a new account) {
  const auto told = mint(guest_holder{});
  auto commit = take<store::mint_guest>();
  CAF_CHECK(is_fresh_id(commit.message.account_id));
  auto made = minted_from(commit.message.draft, commit.message.account_id);
  made.session.is_guest = true;
  answer(commit, made);
  auto known = take<session_minted>();
  CAF_CHECK(known.message.record.is_guest);
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
}

CAF_TEST(a mint that failed is told as it is and memory hears nothing) {
  const auto told = mint(account_id);
  auto commit = take<store::mint_session>();
  fail(commit, errc::account_not_found);
  CAF_CHECK(told->error.code == errc::account_not_found);
  CAF_CHECK(peers->empty());
}

CAF_TEST(a mint that memory does not take is not acknowledged) {
  const auto told = mint(account_id);
  auto commit = take<store::mint_session>();
  answer(commit, minted_from(commit.message.draft, account_id));
  auto known = take<session_minted>();
  fail(known, errc::internal);
  CAF_CHECK(!told->reply);
  CAF_CHECK(told->error.code == errc::internal);
}

CAF_TEST(a silent database keeps one mint waiting and no other) {
  const auto first = mint(account_id);
  const auto unanswered = take<store::mint_session>();
  const auto second = mint(account_id);
  auto commit = take<store::mint_session>();
  answer(commit, minted_from(commit.message.draft, account_id));
  auto known = take<session_minted>();
  answer(known, applied{});
  CAF_CHECK(second->reply);
  CAF_CHECK(first->is_open());
}

// -- revoking (rules 1 and 2) ------------------------------------------------------------------------------------

CAF_TEST(a revocation is told after the commit and after memory has forgotten) {
  const auto told = ask<store::revoke_session::result>(
    sessions, store::revoke_session{make_uuid(11), account_id, {"stolen", "user"}});
  auto commit = take<store::revoke_session>();
  CAF_CHECK(peers->empty());
  CAF_CHECK(std::get<uuid>(commit.message.target) == make_uuid(11));
  CAF_CHECK(commit.message.owner == account_id);
  CAF_CHECK_EQUAL(commit.message.cause.reason, "stolen");
  CAF_CHECK_EQUAL(commit.message.cause.actor, "user");
  CAF_CHECK(!was_rung());
  answer(commit, store::revoke_session::result{true, make_uuid(11), account_id, {1, 9}});
  CAF_CHECK(told->is_open());
  auto known = take<session_revoked>();
  CAF_CHECK(known.message.session_id == make_uuid(11));
  CAF_CHECK(was_rung()); // subscribers hear as soon as it is durable
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(told->reply->revoked);
  CAF_CHECK(told->reply->position == (cursor{1, 9}));
}

CAF_TEST(a session that was dead already is forgotten all the same) {
  const auto told = ask<store::revoke_session::result>(
    sessions, store::revoke_session{make_hash(1), std::nullopt, {"", "internal"}});
  auto commit = take<store::revoke_session>();
  CAF_CHECK(std::get<token_hash>(commit.message.target) == make_hash(1));
  answer(commit, store::revoke_session::result{false, make_uuid(11), account_id, {1, 9}});
  auto known = take<session_revoked>(); // it may have died on another replica, whose event is still on its way
  CAF_CHECK(known.message.session_id == make_uuid(11));
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK(!told->reply->revoked);
}

CAF_TEST(the end of an account is told after the commit and after memory has forgotten) {
  const auto told = ask<store::revoke_account::result>(
    sessions, store::revoke_account{account_id, make_uuid(11), {"password changed", "user"}});
  auto commit = take<store::revoke_account>();
  CAF_CHECK(peers->empty());
  CAF_CHECK(commit.message.account_id == account_id);
  CAF_CHECK(commit.message.keep == make_uuid(11));
  answer(commit, store::revoke_account::result{3, 6, {1, 9}});
  CAF_CHECK(told->is_open());
  auto known = take<account_revoked>();
  CAF_CHECK(known.message.account_id == account_id);
  CAF_CHECK(was_rung());
  answer(known, applied{});
  CAF_REQUIRE(told->reply);
  CAF_CHECK_EQUAL(told->reply->revoked, 3u);
}

CAF_TEST(a revocation that failed changes nothing) {
  const auto one =
    ask<store::revoke_session::result>(sessions, store::revoke_session{make_uuid(11), std::nullopt, {}});
  auto commit = take<store::revoke_session>();
  fail(commit, errc::database_unavailable);
  CAF_CHECK(one->error.code == errc::database_unavailable);
  const auto all =
    ask<store::revoke_account::result>(sessions, store::revoke_account{account_id, std::nullopt, {}});
  auto commit_all = take<store::revoke_account>();
  fail(commit_all, errc::account_not_found);
  CAF_CHECK(all->error.code == errc::account_not_found);
  CAF_CHECK(peers->empty());
  CAF_CHECK(!was_rung());
}

CAF_TEST(a revocation that memory does not take is not acknowledged) {
  const auto told =
    ask<store::revoke_session::result>(sessions, store::revoke_session{make_uuid(11), std::nullopt, {}});
  auto commit = take<store::revoke_session>();
  answer(commit, store::revoke_session::result{true, make_uuid(11), account_id, {1, 9}});
  auto known = take<session_revoked>();
  fail(known, errc::internal);
  CAF_CHECK(!told->reply);
  CAF_CHECK(told->error.code == errc::internal);
}

CAF_TEST(each revocation goes out under an id of its own by which it is found when it is run again) {
  const store::revoke_session order{make_uuid(11), std::nullopt, {}};
  std::vector<uuid> ids;
  for (int i = 0; i < 2; ++i) {
    const auto one = ask<store::revoke_session::result>(sessions, order);
    auto commit = take<store::revoke_session>();
    ids.push_back(commit.message.operation_id);
    fail(commit, errc::database_unavailable);
    const auto all =
      ask<store::revoke_account::result>(sessions, store::revoke_account{account_id, std::nullopt, {}});
    auto commit_all = take<store::revoke_account>();
    ids.push_back(commit_all.message.operation_id);
    fail(commit_all, errc::database_unavailable);
  }
  CAF_CHECK(std::all_of(ids.begin(), ids.end(), is_fresh_id));
  std::sort(ids.begin(), ids.end());
  CAF_CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
}

// -- looking up
// ------------------------------------------------------------------------------------------------------

CAF_TEST(look ups pass through) {
  const auto one = ask<session>(sessions, store::get_session{make_uuid(11)});
  auto asked = take<store::get_session>();
  CAF_CHECK(asked.message.session_id == make_uuid(11));
  session found;
  found.session_id = make_uuid(11);
  answer(asked, found);
  CAF_REQUIRE(one->reply);
  CAF_CHECK(*one->reply == found);
  const auto page =
    ask<store::list_sessions::result>(sessions, store::list_sessions{account_id, make_uuid(11), 7});
  auto asked_page = take<store::list_sessions>();
  CAF_CHECK(asked_page.message.account_id == account_id);
  CAF_CHECK(asked_page.message.after == make_uuid(11));
  CAF_CHECK_EQUAL(asked_page.message.limit, 7u);
  fail(asked_page, errc::account_not_found);
  CAF_CHECK(page->error.code == errc::account_not_found);
}

CAF_TEST_FIXTURE_SCOPE_END()
