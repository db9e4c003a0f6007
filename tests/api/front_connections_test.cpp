#include "api/front_fixture.hpp"

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

const std::string account_path = "/api/v1/internal/accounts/" + to_string(make_uuid(101));

account make_account(std::uint32_t n) {
  account result;
  result.account_id = make_uuid(n);
  return result;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(http_connection_tests, http_fixture)

// -- answers in time, late, and never --------------------------------------------------------------------------

CAF_TEST(pipelined requests are answered in order though the first is late) {
  start_serving();
  const auto client = connect(1);
  send(client, "GET " + account_path + " HTTP/1.1\r\nHost: h\r\nX-Request-Id: first\r\n\r\n"
                 + "GET /healthz HTTP/1.1\r\nHost: h\r\nX-Request-Id: second\r\n\r\n"
                 + "GET /nowhere HTTP/1.1\r\nHost: h\r\nX-Request-Id: third\r\n\r\n");
  auto asked = take<store::get_account>();
  CAF_CHECK_EQUAL(unread(client), 0u);
  answer(asked, make_account(101));
  const auto responses = read_responses(client);
  CAF_REQUIRE_EQUAL(responses.size(), 3u);
  CAF_CHECK(responses[0].status == 200 && responses[0].has("X-Request-Id: first\r\n"));
  CAF_CHECK(responses[1].status == 200 && responses[1].has("X-Request-Id: second\r\n"));
  CAF_CHECK(responses[2].status == 404 && responses[2].has("X-Request-Id: third\r\n"));
}

CAF_TEST(an error of the database is the problem that it stands for) {
  start_serving();
  const auto client = connect(1);
  get(client, account_path);
  auto asked = take<store::get_account>();
  fail(asked, errc::database_unavailable);
  auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.has("Content-Type: application/problem+json\r\n"));
  CAF_CHECK(r.has("Retry-After: "));
  CAF_CHECK(r.tells(R"("code":"database_unavailable")"));
  get(client, account_path);
  auto again = take<store::get_account>();
  fail(again, errc::account_not_found);
  CAF_CHECK_EQUAL(read_response(client).status, 404);
}

CAF_TEST(a request that nobody answers is answered at its deadline and never twice) {
  start_serving();
  const auto client = connect(1);
  get(client, account_path);
  auto asked = take<store::get_account>();
  pass(limits.request_timeout - 1ns);
  CAF_CHECK_EQUAL(unread(client), 0u);
  pass(1ns);
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.has("Retry-After: "));
  answer(asked, make_account(101)); // late
  CAF_CHECK_EQUAL(unread(client), 0u);
  get(client, "/healthz"); // the connection goes on
  CAF_CHECK_EQUAL(read_response(client).status, 200);
}

// -- rule 7: no answer to the wrong connection -----------------------------------------------------------------

CAF_TEST(an answer for a client that has gone does not reach the next one on its descriptor) {
  start_serving();
  const auto alice = connect(5);
  get(alice, account_path);
  auto asked_by_alice = take<store::get_account>();
  leave(alice);
  const auto bob = connect(5);
  get(bob, "/api/v1/internal/accounts/" + to_string(make_uuid(102)));
  auto asked_by_bob = take<store::get_account>();
  answer(asked_by_alice, make_account(101)); // the same descriptor, the same number of the request
  CAF_CHECK_EQUAL(unread(bob), 0u);
  answer(asked_by_bob, make_account(102));
  const auto r = read_response(bob);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.tells(to_string(make_uuid(102))));
}

CAF_TEST(a look up for a client that has gone does not reach the next one on its descriptor) {
  start_serving();
  const auto alice = connect(5);
  get(alice, "/api/v1/internal/verify", bearer());
  auto asked_by_alice = take<peek_sessions>();
  leave(alice);
  const auto bob = connect(5);
  get(bob, "/api/v1/internal/verify", bearer());
  auto asked_by_bob = take<peek_sessions>();
  answer(asked_by_alice, peeked_sessions{{peeked(asked_by_alice.message.lookups[0],
                                                 peeked_sessions::knowledge::active, make_record(11, 101))}});
  CAF_CHECK_EQUAL(unread(bob), 0u);
  answer(asked_by_bob,
         peeked_sessions{{peeked(asked_by_bob.message.lookups[0], peeked_sessions::knowledge::revoked)}});
  CAF_CHECK_EQUAL(read_response(bob).status, 401);
}

CAF_TEST(an answer for a client that has gone goes nowhere) {
  start_serving();
  const auto alice = connect(5);
  get(alice, account_path);
  auto asked = take<store::get_account>();
  leave(alice);
  answer(asked, make_account(101));
  CAF_CHECK_EQUAL(unread(alice), 0u);
}

// -- bounds (rule 8) -------------------------------------------------------------------------------------------

CAF_TEST(connections are bounded) {
  limits.connections_max = 2;
  start_serving();
  const auto first = connect(1);
  connect(2);
  const auto third = connect(3);
  const auto r = read_response(third);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.has("Connection: close\r\n"));
  CAF_CHECK(r.tells(R"("code":"connection_limit")"));
  pass(limits.linger_timeout);
  CAF_CHECK(is_closed(third));
  leave(first);
  const auto fourth = connect(4);
  get(fourth, "/healthz");
  CAF_CHECK_EQUAL(read_response(fourth).status, 200);
}

CAF_TEST(requests in flight on one connection are bounded) {
  limits.pipelined_max = 4;
  start_serving();
  const auto client = connect(1);
  std::string text;
  for (int i = 0; i < 7; ++i)
    text += "GET " + account_path + " HTTP/1.1\r\nHost: h\r\n\r\n";
  send(client, text);
  std::size_t answered = 0;
  while (!peers->empty()) {
    CAF_CHECK_EQUAL(peers->size(), 1u); // the next is not run before this one's answer can be sent
    auto asked = take<store::get_account>();
    answer(asked, make_account(101));
    answered += read_responses(client).size();
  }
  CAF_CHECK_EQUAL(answered, 7u);
}

CAF_TEST(look ups in flight on one connection are bounded) {
  limits.pipelined_max = 4;
  start_serving();
  const auto client = connect(1);
  std::string text;
  for (int i = 0; i < 7; ++i)
    text += "GET " + internal + "/verify HTTP/1.1\r\nHost: h\r\n" + bearer() + "\r\n";
  send(client, text);
  std::size_t answered = 0;
  while (!peers->empty()) {
    auto asked = take<peek_sessions>();
    CAF_CHECK(asked.message.lookups.size() <= 4);
    peeked_sessions told;
    for (auto& one : asked.message.lookups)
      told.answers.push_back(peeked(one, peeked_sessions::knowledge::active, make_record(11, 101)));
    answer(asked, told);
    answered += read_responses(client).size();
  }
  CAF_CHECK_EQUAL(answered, 7u);
}

CAF_TEST(input behind a request that waits is bounded) {
  limits.backlog_bytes_max = 1000;
  start_serving();
  const auto client = connect(1);
  get(client, account_path);
  auto asked = take<store::get_account>();
  for (int i = 0; i < 40; ++i)
    send(client, "GET " + account_path + " HTTP/1.1\r\nHost: h\r\n\r\n");
  CAF_CHECK(mpx.passive_mode(client)); // it is not read from any more
  answer(asked, make_account(101));
  while (!peers->empty()) {
    auto next = take<store::get_account>();
    answer(next, make_account(101));
    read_responses(client);
  }
  CAF_CHECK(!mpx.passive_mode(client));
}

CAF_TEST(past what all connections may hold requests are turned away) {
  limits.held_bytes_max = 3000;
  start_serving();
  const auto slow = connect(1);
  send(slow, "POST " + internal
               + "/accounts HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                 "Content-Length: 9000\r\n\r\n"
               + std::string(3500, ' '));
  auto r = read_response(slow); // it is the one that holds too much
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.tells(R"("code":"overloaded")"));
  pass(limits.linger_timeout);
  const auto next = connect(2);
  get(next, "/healthz");
  CAF_CHECK_EQUAL(read_response(next).status, 200);
}

CAF_TEST(a client that does not read its answers is not read from and then cut off) {
  limits.unsent_bytes_max = 1000;
  limits.backlog_bytes_max = 500;
  start_serving();
  const auto client = connect(1);
  for (int i = 0; i < 100; ++i)
    send(client, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
  CAF_CHECK(mpx.passive_mode(client));
  CAF_CHECK(unread(client) < 2000);
  pass(limits.write_timeout - 1ns);
  CAF_CHECK(!is_closed(client));
  pass(1ns);
  CAF_CHECK(is_closed(client));
}

CAF_TEST(a body beyond the limit is refused) {
  limits.reader.body_bytes_max = 10;
  start_serving();
  const auto client = connect(1);
  request(client, "POST", "/api/v1/internal/accounts", {}, std::string(11, 'x'));
  CAF_CHECK_EQUAL(read_response(client).status, 413);
}

// -- slow and idle clients -------------------------------------------------------------------------------------

CAF_TEST(a head that does not arrive in time is given up) {
  start_serving();
  const auto client = connect(1);
  pass(limits.idle_timeout / 2); // idling does not count
  send(client, "GET /healthz HTTP/1.1\r\n");
  pass(limits.header_timeout / 2);
  send(client, "Host: h\r\n"); // a trickle does not help
  pass(limits.header_timeout / 2 - 1ns);
  CAF_CHECK_EQUAL(unread(client), 0u);
  pass(1ns);
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 408);
  CAF_CHECK(r.has("Connection: close\r\n"));
  pass(limits.linger_timeout);
  CAF_CHECK(is_closed(client));
}

CAF_TEST(a body that does not arrive in time is given up) {
  start_serving();
  const auto client = connect(1);
  send(client, "POST /api/v1/internal/accounts HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
               "Content-Length: 100\r\n\r\n{");
  pass(limits.body_timeout - 1ns);
  CAF_CHECK_EQUAL(unread(client), 0u);
  pass(1ns);
  CAF_CHECK_EQUAL(read_response(client).status, 408);
}

CAF_TEST(an idle connection is closed and one that waits for its answer is not) {
  limits.request_timeout = 10min;
  start_serving();
  const auto idle = connect(1);
  const auto waiting = connect(2);
  get(idle, "/healthz");
  read_response(idle);
  get(waiting, account_path);
  auto asked = take<store::get_account>();
  pass(limits.idle_timeout - 1ns);
  pass(limits.linger_timeout);
  CAF_CHECK(!is_closed(idle));
  pass(limits.linger_timeout);
  CAF_CHECK(is_closed(idle));
  CAF_CHECK(!is_closed(waiting));
  answer(asked, make_account(101));
  CAF_CHECK_EQUAL(read_response(waiting).status, 200);
}

// -- requests that end their connection --------------------------------------------------------------------------

CAF_TEST(what is not HTTP is refused and the connection closed) {
  start_serving();
  const auto client = connect(1);
  send(client, "GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"); // no Host
  const auto r = read_response(client); // and no answer to what came behind it
  CAF_CHECK_EQUAL(r.status, 400);
  CAF_CHECK(r.has("Connection: close\r\n"));
  send(client, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
  CAF_CHECK_EQUAL(unread(client), 0u);
  pass(limits.linger_timeout);
  CAF_CHECK(is_closed(client));
}

CAF_TEST(a connection that asks to be closed is closed after its answer) {
  start_serving();
  const auto client = connect(1);
  get(client, account_path, "Connection: close\r\n");
  auto asked = take<store::get_account>();
  pass(1s);
  CAF_CHECK(!is_closed(client));
  answer(asked, make_account(101));
  CAF_CHECK(read_response(client).has("Connection: close\r\n"));
  pass(limits.linger_timeout);
  CAF_CHECK(is_closed(client));
}

CAF_TEST(what a closing connection still sends is bounded) {
  limits.linger_bytes_max = 1000;
  start_serving();
  const auto client = connect(1);
  get(client, "/healthz", "Connection: close\r\n");
  read_response(client);
  send(client, std::string(1000, 'x'));
  CAF_CHECK(!is_closed(client));
  send(client, "x");
  CAF_CHECK(is_closed(client));
}

// -- the life of the service -----------------------------------------------------------------------------------

CAF_TEST(before the schema is current requests wait and probes are answered) {
  start();
  const auto probe = connect(1);
  const auto client = connect(2);
  request(client, "POST", internal + "/accounts", {}, R"({"identity":{"kind":"telegram","external_id":"7"}})");
  get(client, account_path); // behind it
  CAF_CHECK_EQUAL(unread(client), 0u);
  get(probe, "/healthz");
  CAF_CHECK_EQUAL(read_response(probe).status, 200);
  tell(portcullis::start_serving{});
  auto first = take<find_or_create_request>();
  CAF_CHECK_EQUAL(first.message.key.external_id, "7");
  answer(first, store::find_or_create_account::result{make_account(101), true});
  auto second = take<store::get_account>();
  answer(second, make_account(101));
  CAF_CHECK_EQUAL(read_responses(client).size(), 2u);
}

CAF_TEST(a start that takes too long is told to those who wait for it) {
  limits.parked_max = 1;
  start();
  const auto client = connect(1);
  get(client, account_path);
  const auto one_too_many = connect(2);
  get(one_too_many, account_path);
  auto r = read_response(one_too_many);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.tells(R"("code":"starting")"));
  pass(limits.request_timeout);
  r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.tells(R"("code":"starting")"));
  CAF_CHECK(r.has("Retry-After: "));
  tell(portcullis::start_serving{});
  CAF_CHECK(peers->empty()); // it was answered
}

CAF_TEST(what is late says what was late) {
  start_serving();
  const auto client = connect(1);
  get(client, account_path);
  auto asked = take<store::get_account>();
  pass(limits.request_timeout);
  const auto r = read_response(client);
  CAF_CHECK(r.tells(R"("code":"deadline_exceeded")"));
  CAF_CHECK(r.tells("reading the account took too long"));
  fail(asked, errc::database_unavailable);
}

// -- the end ---------------------------------------------------------------------------------------------------

CAF_TEST(between the announcement and the drain all is served and connections are told to close) {
  start_serving();
  const auto old = connect(1);
  tell(announce_stop{});
  get(old, "/healthz");
  auto r = read_response(old);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.has("Connection: close\r\n"));
  const auto young = connect(2);
  get(young, account_path);
  auto asked = take<store::get_account>();
  answer(asked, make_account(101));
  CAF_CHECK_EQUAL(read_response(young).status, 200);
  const auto probe = connect(3);
  get(probe, "/readyz");
  auto pinged = take<store::ping>();
  answer(pinged, store::ping::result{});
  r = read_response(probe);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.tells(R"("status":"draining")"));
}

CAF_TEST(a drain finishes what has begun and waits for the next request of those who are idle) {
  start_serving();
  const auto idle = connect(1);
  const auto busy = connect(2);
  const auto half = connect(3);
  const auto late = connect(4);
  get(busy, account_path);
  auto asked = take<store::get_account>();
  send(half, "GET /healthz HTT");
  const auto drained = ask<applied>(sys, front, drain_connections{10s});
  consume_messages();
  CAF_CHECK(drained->is_open());
  pass(2s);
  CAF_CHECK(!is_closed(idle) && !is_closed(busy) && !is_closed(half));
  answer(asked, make_account(101));
  CAF_CHECK(read_response(busy).has("Connection: close\r\n"));
  send(half, "P/1.1\r\nHost: h\r\n\r\n");
  CAF_CHECK(read_response(half).has("Connection: close\r\n"));
  get(late, "/healthz"); // it was on its way
  CAF_CHECK(read_response(late).has("Connection: close\r\n"));
  tick();
  pass(limits.linger_timeout);
  CAF_CHECK(is_closed(busy) && is_closed(half) && is_closed(late) && !is_closed(idle));
  pass(10s);
  pass(limits.linger_timeout);
  CAF_CHECK(is_closed(idle));
  CAF_CHECK(drained->reply);
}

CAF_TEST(what is not finished by the end of a drain is told so) {
  start_serving();
  const auto busy = connect(1);
  const auto half = connect(2);
  get(busy, account_path);
  auto asked = take<store::get_account>();
  send(half, "GET /healthz HTT");
  limits.request_timeout = 1min;
  const auto drained = ask<applied>(sys, front, drain_connections{1s});
  consume_messages();
  pass(1s);
  CAF_CHECK_EQUAL(read_response(busy).status, 503);
  CAF_CHECK(read_response(half).tells(R"("code":"draining")"));
  tick();
  pass(limits.linger_timeout);
  CAF_CHECK(drained->reply);
  fail(asked, errc::database_unavailable);
}

CAF_TEST(a drain without connections is over at once) {
  start_serving();
  const auto drained = ask<applied>(sys, front, drain_connections{});
  consume_messages();
  CAF_CHECK(drained->reply);
}

CAF_TEST_FIXTURE_SCOPE_END()
