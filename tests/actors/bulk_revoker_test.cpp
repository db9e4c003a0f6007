#include "actors/timed_fixture.hpp"

#include "actors/bulk_revoker.hpp"

using namespace portcullis;
using namespace portcullis::test;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using work = store::work_on_revocation_jobs;

struct fixture : timed_fixture {
  bulk_revoker_actor revoker = make();

  bulk_revoker_actor make() {
    return sys.spawn(bulk_revoker, bulk_revoker_options{}, bulk_store_actor{store}, wakeup, moving_clock::make());
  }

  fixture() {
    sched.run();
  }

  ~fixture() override {
    end(revoker);
  }

  void pass(milliseconds time) {
    timed_fixture::pass(time);
    anon_send(revoker, tick_atom_v);
    sched.run();
  }

  auto accept() {
    auto told = test::ask<revocation_job>(sys, revoker, order_bulk_revocation{every_session{}, {"leak", "admin"}});
    sched.run();
    return told;
  }

  static work::result batch(std::size_t sessions, bool has_more) {
    work::result out;
    out.sessions = sessions;
    out.has_more = has_more;
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(bulk_revoker_tests, fixture)

CAF_TEST(a job is in its row before it is acknowledged and work begins at once) {
  auto told = accept();
  auto asked = take<store::create_revocation_job>();
  CAF_CHECK(is_fresh_id(asked.message.job_id));
  CAF_CHECK_EQUAL(asked.message.cause.reason, "leak");
  CAF_CHECK(!told->reply);
  CAF_CHECK(peers->empty());
  revocation_job job;
  job.job_id = asked.message.job_id;
  reply(std::move(asked), job);
  CAF_CHECK(told->reply.has_value());
  CAF_CHECK(!was_rung());
  reply(take<work>(), batch(1000, true));
  CAF_CHECK(was_rung()); // the log has news
  CAF_CHECK(peers->empty());
  pass(milliseconds{20});
  reply(take<work>(), batch(0, false));
  CAF_CHECK(!was_rung());
  pass(milliseconds{1'999});
  CAF_CHECK(peers->empty());
}

CAF_TEST(what another replica accepted or left is looked for) {
  pass(seconds{2});
  reply(take<work>(), batch(5, true));
  pass(milliseconds{20});
  auto elsewhere = work::result{};
  elsewhere.is_leader = false;
  reply(take<work>(), elsewhere);
  pass(milliseconds{500});
  CAF_CHECK(peers->empty());
  pass(seconds{2});
  reply(take<work>(), batch(0, false));
}

CAF_TEST(what somebody holds is tried again after a longer pause) {
  pass(seconds{2});
  auto held_up = batch(0, true);
  held_up.is_held_up = true;
  reply(take<work>(), held_up);
  pass(milliseconds{20});
  CAF_CHECK(peers->empty());
  pass(milliseconds{480});
  reply(take<work>(), batch(0, false));
}

CAF_TEST(a failure is tried again later with half the size) {
  pass(seconds{2});
  auto first = take<work>();
  CAF_CHECK_EQUAL(first.message.batch, 1000u);
  refuse(std::move(first));
  pass(milliseconds{499});
  CAF_CHECK(peers->empty());
  pass(milliseconds{1});
  auto second = take<work>();
  CAF_CHECK_EQUAL(second.message.batch, 500u);
  CAF_CHECK_EQUAL(second.message.page, 2500u);
  refuse(std::move(second));
  pass(milliseconds{500});
  CAF_CHECK(peers->empty());
  pass(milliseconds{500});
  auto third = take<work>();
  CAF_CHECK_EQUAL(third.message.batch, 250u);
  reply(std::move(third), batch(250, true));
  pass(milliseconds{20});
  auto fourth = take<work>();
  CAF_CHECK_EQUAL(fourth.message.batch, 500u);
  reply(std::move(fourth), batch(0, false));
}

CAF_TEST(a count goes page by page and tells the sum) {
  auto told = test::ask<revocation_counts>(sys, revoker, count_bulk_revocation{every_session{}});
  sched.run();
  store::count_selected::result page;
  page.found = {20, 7};
  page.has_more = true;
  page.reached.generation = 5;
  reply(take<store::count_selected>(), page);
  CAF_CHECK(!told->reply);
  auto second = take<store::count_selected>();
  CAF_CHECK_EQUAL(second.message.after.generation, 5);
  page.has_more = false;
  reply(std::move(second), page);
  CAF_REQUIRE(told->reply.has_value());
  CAF_CHECK_EQUAL(told->reply->sessions, 40u);
  CAF_CHECK_EQUAL(told->reply->accounts, 14u);
}

CAF_TEST(errors reach whoever asked) {
  auto told = accept();
  refuse(take<store::create_revocation_job>());
  CAF_CHECK(told->error.code == errc::database_unavailable);
  auto counted = test::ask<revocation_counts>(sys, revoker, count_bulk_revocation{every_session{}});
  sched.run();
  refuse(take<store::count_selected>());
  CAF_CHECK(counted->error.code == errc::database_unavailable);
  CAF_CHECK(peers->empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
