#include "caf/test/unit_test.hpp"

#include "db/advisory_locks.hpp"
#include "db/revocation_log.hpp"
#include "db/support.hpp"

#include <poll.h>

#include <atomic>
#include <future>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

const store::revocation_cause cause{"", "user"};

struct fixture : migrated_database {
  fixture() : migrated_database("log"), conn(connect()), other(connect()) {
    open(log);
  }

  void open(db::revocation_log& one) {
    if (auto error = one.open(options(), soon()); error.code != errc::none)
      throw std::runtime_error(error.detail);
  }

  cursor position() {
    cursor out;
    if (auto error = log.position(&out, soon()); error.code != errc::none)
      throw std::runtime_error(error.detail);
    return out;
  }

  static log_page read(db::revocation_log& from, cursor after, std::size_t limit = 1000) {
    log_page out;
    if (auto error = from.read(after, limit, &out, soon()); error.code != errc::none)
      throw std::runtime_error(error.detail);
    return out;
  }

  log_page read(cursor after, std::size_t limit = 1000) {
    return read(log, after, limit);
  }

  cursor revoke_new_session() {
    auto made = new_session(conn, new_account(conn));
    return must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()}).position;
  }

  /// Both readers must say `reset` and carry on from the end.
  void check_reset(cursor after) {
    auto end = position();
    auto page = read(after);
    CAF_CHECK(page.reset);
    CAF_CHECK(page.events.empty());
    CAF_CHECK(page.last == end);
    auto events = must(conn, store::read_events{after, 10});
    CAF_CHECK(events.reset);
    CAF_CHECK(events.events.empty());
    CAF_CHECK(events.last == end);
  }

  db::connection conn;
  db::connection other; // for what others do
  db::revocation_log log;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(log_tests, fixture)

CAF_TEST(an empty log has a position) {
  auto start = position();
  CAF_CHECK_EQUAL(start.seq, 0u);
  auto page = read(start);
  CAF_CHECK(!page.reset);
  CAF_CHECK(!page.has_more);
  CAF_CHECK(page.events.empty());
  CAF_CHECK(page.last == start);
}

CAF_TEST(events are read in order and page by page) {
  auto start = position();
  std::vector<cursor> positions;
  for (int i = 0; i < 5; ++i)
    positions.push_back(revoke_new_session());
  CAF_CHECK(position() == positions.back());

  auto first = read(start, 3);
  CAF_CHECK_EQUAL(first.events.size(), 3u);
  CAF_CHECK(first.has_more);
  CAF_CHECK(first.last == positions[2]);
  auto rest = read(first.last, 3);
  CAF_CHECK_EQUAL(rest.events.size(), 2u);
  CAF_CHECK(!rest.has_more);
  CAF_CHECK(rest.last == positions.back());
  auto exact = read(start, 5);
  CAF_CHECK_EQUAL(exact.events.size(), 5u);
  CAF_CHECK(!exact.has_more);
  for (std::size_t i = 0; i < 5; ++i)
    CAF_CHECK_EQUAL(exact.events[i].seq, positions[i].seq);

  auto page = must(conn, store::read_events{start, 3});
  CAF_CHECK(page.events == first.events);
  CAF_CHECK(page.last == positions[2]);
  auto end = must(conn, store::read_events{positions.back(), 3});
  CAF_CHECK(end.events.empty());
  CAF_CHECK(end.last == positions.back());
}

CAF_TEST(a cursor of another history is reset) {
  revoke_new_session();
  auto end = position();
  check_reset({end.epoch + 1, end.seq});
  check_reset({end.epoch, end.seq + 1});
}

CAF_TEST(a cursor that retention has overtaken is reset) {
  auto start = position();
  auto first = revoke_new_session();
  auto second = revoke_new_session();
  auto third = revoke_new_session();
  run(other, "begin; delete from revocation_events where seq <= " + std::to_string(second.seq)
               + "; update feed_state set pruned_through = " + std::to_string(second.seq) + "; commit");
  check_reset(start);
  check_reset(first);
  auto page = read(second);
  CAF_CHECK(!page.reset);
  CAF_CHECK_EQUAL(page.events.size(), 1u);
  // Nothing left at all: the end is still known.
  run(other, "begin; delete from revocation_events; update feed_state set pruned_through = "
               + std::to_string(third.seq) + "; commit");
  CAF_CHECK(position() == third);
  CAF_CHECK(!read(third).reset);
  check_reset(second);
}

CAF_TEST(the epoch is one for all connections and another after a restore) {
  auto before = position();
  db::revocation_log second;
  open(second);
  cursor seen;
  CAF_CHECK(second.position(&seen, soon()).code == errc::none);
  CAF_CHECK(seen == before);
  run(other, "update feed_state set history_id = gen_random_uuid()");
  CAF_CHECK(position().epoch != before.epoch);
  // As a dump that is restored makes it: the same row in a new table.
  auto renewed = position();
  run(other,
      "create table fresh (like feed_state including all); insert into fresh select * from feed_state;"
      " drop function feed_end(), feed_epoch(); drop table feed_state; alter table fresh rename to feed_state");
  const auto& migrations = db::embedded_migrations();
  std::string sql{migrations.at(2).sql};
  run(other, "set search_path = backend;" + sql.substr(sql.find("create function backend.feed_epoch")));
  CAF_CHECK(position().epoch != renewed.epoch);
}

CAF_TEST(a reader never skips an event that commits late) {
  auto start = position();
  auto made = new_session(conn, new_account(conn));
  // A writer that has drawn its seq and takes its time to commit.
  run(other, "begin; select pg_advisory_xact_lock(" + std::to_string(db::revocation_log_lock)
               + "); insert into revocation_events (seq, kind, account_id, generation)"
                 " select nextval('revocation_events_seq'), 'account', gen_random_uuid(), 1");
  auto revocation = std::async(std::launch::async, [&] {
    return must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()});
  });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  CAF_CHECK(read(start).events.empty()); // not the later one before the earlier one
  run(other, "commit");
  auto done = revocation.get();
  auto page = read(start);
  CAF_REQUIRE_EQUAL(page.events.size(), 2u);
  CAF_CHECK_EQUAL(page.events[0].seq + 1, page.events[1].seq);
  CAF_CHECK_EQUAL(page.events[1].seq, done.position.seq);
}

CAF_TEST(a blocked row lock stalls no other revocation) {
  auto owner = new_account(conn);
  auto blocked = new_session(conn, owner);
  auto free = new_session(conn, owner);
  db::parameters p;
  p.add(blocked.session.session_id);
  run(other, "begin");
  CAF_REQUIRE(db::ask(other, "select 1 from sessions where session_id = $1::uuid for update", p, soon()).ok());
  auto waiting = std::async(std::launch::async, [&] {
    auto mine = connect();
    return must(mine, store::revoke_session{blocked.session.session_id, {}, cause, new_id()});
  });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  CAF_CHECK(must(conn, store::revoke_session{free.session.session_id, {}, cause, new_id()}).revoked);
  auto stranger = new_account(conn);
  CAF_CHECK(code_of(run_one(conn, store::revoke_account{stranger, {}, cause, new_id()})) == errc::none);
  CAF_CHECK(code_of(run_one(conn, store::delete_account{stranger, cause, new_id()})) == errc::none);
  CAF_CHECK(waiting.wait_for(std::chrono::seconds{0}) == std::future_status::timeout);
  run(other, "commit");
  CAF_CHECK(waiting.get().revoked);
}

CAF_TEST(a reader that tails racing writers sees every event once and in order) {
  constexpr int writers = 4;
  constexpr int rounds = 25;
  std::mt19937 dice{random_seed()};
  auto start = position();
  std::atomic<int> running{writers};
  std::vector<std::future<std::set<std::uint64_t>>> acknowledged;
  for (int w = 0; w < writers; ++w) {
    acknowledged.push_back(std::async(std::launch::async, [this, &running, seed = dice()] {
      std::mt19937 own_dice{seed};
      auto mine = connect();
      std::set<std::uint64_t> seqs;
      for (int i = 0; i < rounds; ++i) {
        std::vector<store::operation> batch;
        for (auto n = own_dice() % 3; n > 0; --n)
          batch.push_back(
            store::revoke_session{new_session(mine, new_account(mine)).session.session_id, {}, cause, new_id()});
        batch.push_back(store::revoke_account{new_account(mine), {}, cause, new_id()});
        batch.push_back(store::delete_account{new_account(mine), cause, new_id()});
        for (const auto& one : db::execute(mine, batch, soon()).outcomes) {
          if (const auto* session = std::get_if<store::revoke_session::result>(&one))
            seqs.insert(session->position.seq);
          else if (const auto* account = std::get_if<store::revoke_account::result>(&one))
            seqs.insert(account->position.seq);
          else
            seqs.insert(std::get<store::delete_account::result>(one).position.seq);
        }
      }
      --running;
      return seqs;
    }));
  }
  std::vector<std::uint64_t> seen;
  auto at = start;
  for (bool is_last = false; !is_last;) {
    is_last = running == 0; // then one more read
    auto page = read(at, 7);
    for (const auto& event : page.events)
      seen.push_back(event.seq);
    is_last = is_last && !page.has_more;
    at = page.last;
  }
  std::set<std::uint64_t> expected;
  for (auto& one : acknowledged)
    for (auto seq : one.get())
      CAF_CHECK(expected.insert(seq).second);
  CAF_CHECK(seen == std::vector<std::uint64_t>(expected.begin(), expected.end()));
  CAF_CHECK(expected.size() >= writers * rounds * 2u);
}

CAF_TEST(a hint arrives and is told once) {
  db::revocation_log replica;
  open(replica);
  CAF_CHECK(!replica.drain_hints());
  CAF_CHECK(log.notify(soon()).code == errc::none);
  pollfd watched{replica.socket(), POLLIN, 0};
  CAF_REQUIRE_EQUAL(::poll(&watched, 1, 60'000), 1);
  CAF_CHECK(replica.drain_hints());
  CAF_CHECK(!replica.drain_hints());
  CAF_CHECK(replica.is_open());
}

CAF_TEST(a broken connection closes the log) {
  run(other, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
             " and pid <> pg_backend_pid()");
  cursor unused;
  CAF_CHECK(log.position(&unused, soon()).code == errc::database_unavailable);
  CAF_CHECK(!log.is_open());
  CAF_CHECK_EQUAL(log.socket(), -1);
  CAF_CHECK(!log.drain_hints());
  CAF_CHECK(log.notify(soon()).code == errc::database_unavailable);
  open(log);
  CAF_CHECK_EQUAL(position().seq, 0u);
}

CAF_TEST(a read that is not answered in time closes the log) {
  run(other, "begin; lock table revocation_events in access exclusive mode");
  log_page page;
  auto error = log.read({}, 10, &page, boot_clock::now() + std::chrono::milliseconds{100});
  CAF_CHECK(error.code == errc::database_unavailable);
  CAF_CHECK(!log.is_open());
}

CAF_TEST(the active sessions stream newest first and nothing else does) {
  std::map<uuid, store::minted> active;
  std::map<uuid, token_hash> hashes;
  auto mint = [&](const uuid& owner) {
    store::mint_session op{new_draft(), owner};
    auto made = must(conn, op);
    hashes[op.draft.session_id] = op.draft.hash;
    active[op.draft.session_id] = made;
    return op.draft.session_id;
  };
  auto guest = new_account(conn);
  auto ann = must(conn, store::find_or_create_account{new_claim("ann@example.org")}).account.account_id;
  for (int i = 0; i < 10; ++i)
    mint(i % 2 == 0 ? guest : ann);
  auto ended = mint(guest);
  must(conn, store::revoke_session{ended, {}, cause, new_id()});
  active.erase(ended);
  auto bob = new_account(conn);
  active.erase(mint(bob));
  must(conn, store::revoke_account{bob, {}, cause, new_id()});
  mint(bob);

  std::vector<warm_session> got;
  std::vector<std::size_t> chunks;
  auto sink = [&](std::vector<warm_session>&& chunk) {
    chunks.push_back(chunk.size());
    got.insert(got.end(), chunk.begin(), chunk.end());
    return true;
  };
  CAF_CHECK_EQUAL(log.stream_active(1000, 4, sink, soon()).detail, "");
  CAF_CHECK_EQUAL(got.size(), active.size());
  CAF_CHECK(chunks == (std::vector<std::size_t>{4, 4, 3}));
  auto expected = active.rbegin();
  for (const auto& one : got) {
    const auto& [id, made] = *expected++;
    CAF_CHECK(one.record.session_id == id);
    CAF_CHECK(one.hash == hashes[id]);
    CAF_CHECK(one.record.account_id == made.session.account_id);
    CAF_CHECK(one.record.created_at == made.session.created_at);
    CAF_CHECK_EQUAL(one.record.generation, made.generation);
    CAF_CHECK_EQUAL(one.record.is_guest, made.session.is_guest);
  }

  got.clear();
  CAF_CHECK_EQUAL(log.stream_active(3, 10, sink, soon()).detail, "");
  CAF_REQUIRE_EQUAL(got.size(), 3u);
  CAF_CHECK(got[0].record.session_id == active.rbegin()->first);

  int calls = 0;
  auto once = [&](std::vector<warm_session>&&) {
    ++calls;
    return false;
  };
  CAF_CHECK_EQUAL(log.stream_active(1000, 2, once, soon()).detail, "");
  CAF_CHECK_EQUAL(calls, 1);
  CAF_CHECK_EQUAL(position().epoch, read({}).last.epoch); // the connection goes on
}

CAF_TEST(no active session is an empty stream) {
  int calls = 0;
  auto sink = [&](std::vector<warm_session>&&) {
    ++calls;
    return true;
  };
  CAF_CHECK_EQUAL(log.stream_active(1000, 4, sink, soon()).detail, "");
  CAF_CHECK_EQUAL(calls, 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
