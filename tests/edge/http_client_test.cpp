#include "edge/http_client.hpp"

#include "edge/http_server.hpp"

#include "caf/test/unit_test.hpp"

#include <atomic>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

using namespace portcullis;
using namespace portcullis::edge;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

constexpr auto hang = 60s;

http_client_options options_for(std::vector<std::string> addresses) {
  http_client_options o;
  o.addresses = std::move(addresses);
  o.connect_timeout = 20s; // generous: no test but those of time-outs is to meet one
  o.attempt_timeout = 20s;
  o.request_timeout = 60s;
  o.backoff_min = 5ms;
  o.backoff_max = 20ms;
  return o;
}

http_request get(std::string target = "/x") {
  http_request r;
  r.target = std::move(target);
  return r;
}

result<http_answer> ask(http_client& client, http_request request = get()) {
  return client.ask(std::move(request), boot_clock::now() + hang);
}

std::future<result<http_answer>> send(http_client& client, http_request request = get()) {
  auto promise = std::make_shared<std::promise<result<http_answer>>>();
  auto future = promise->get_future();
  client.send(std::move(request),
              [promise](result<http_answer> answer) { promise->set_value(std::move(answer)); });
  return future;
}

http_server::handler always(made_reply reply) {
  return [reply](const seen_request&) { return reply; };
}

made_reply saying(std::string body) {
  made_reply reply;
  reply.body = std::move(body);
  return reply;
}

made_reply refusal(int status) {
  made_reply reply;
  reply.status = status;
  return reply;
}

made_reply silence() {
  made_reply reply;
  reply.never = true;
  return reply;
}

std::string body_of(const result<http_answer>& answer) {
  return answer ? answer->body : "error: " + std::string{to_string(answer.error().code)};
}

errc error_of(const result<http_answer>& answer) {
  return answer ? errc::none : answer.error().code;
}

} // namespace

CAF_TEST(a request goes as it is meant over a connection that is kept) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1); // nobody listens there
  seen_request seen;
  http_server server{[&](const seen_request& r) {
    seen = r;
    return saying("hello");
  }};
  auto options = options_for({server.url() + "/prefix"});
  options.caller_key = "pck_secret";
  http_client client{options};
  auto answer = ask(client);
  CAF_CHECK_EQUAL(body_of(answer), "hello");
  CAF_CHECK_EQUAL(seen.head.rfind("GET /prefix/x HTTP/1.1\r\n", 0), 0u);
  CAF_CHECK(seen.has("X-Caller-Key: pck_secret"));
  CAF_CHECK(seen.has("Accept: application/json"));

  http_request post = get("/y");
  post.body = std::string(5000, 'b');
  CAF_CHECK_EQUAL(body_of(ask(client, post)), "hello");
  CAF_CHECK_EQUAL(seen.head.rfind("POST /prefix/y HTTP/1.1\r\n", 0), 0u);
  CAF_CHECK(seen.has("Content-Type: application/json"));
  CAF_CHECK_EQUAL(seen.head.find("Expect:"), std::string::npos);
  CAF_CHECK_EQUAL(seen.body, post.body);

  for (int i = 0; i < 20; ++i)
    CAF_CHECK(ask(client));
  CAF_CHECK_EQUAL(server.connections(), 1u);
  ::unsetenv("http_proxy");
}

CAF_TEST(an answer of the service that is no success is handed over) {
  http_server server{always(refusal(404))};
  http_client client{options_for({server.url()})};
  auto answer = ask(client);
  CAF_REQUIRE(answer);
  CAF_CHECK_EQUAL(answer->status, 404);
}

CAF_TEST(the instant of sending comes before the server has the request) {
  std::atomic<std::int64_t> arrived{0};
  http_server server{[&](const seen_request&) {
    arrived = boot_clock::now().time_since_epoch().count();
    made_reply late;
    late.after = 30ms;
    return late;
  }};
  http_client client{options_for({server.url()})};
  auto answer = ask(client);
  CAF_REQUIRE(answer);
  CAF_CHECK(answer->sent.time_since_epoch().count() <= arrived);
}

CAF_TEST(requests at one time are bounded and the others wait) {
  made_reply slow;
  slow.after = 20ms;
  std::atomic<int> asked{0};
  http_server server{[&](const seen_request&) {
    ++asked;
    eventually([&] { return asked > 1; }); // nobody is answered before two have come
    return slow;
  }};
  auto options = options_for({server.url()});
  options.connections_max = 2;
  http_client client{options};
  std::vector<std::future<result<http_answer>>> all;
  for (int i = 0; i < 10; ++i)
    all.push_back(send(client));
  for (auto& one : all)
    CAF_CHECK(one.get());
  CAF_CHECK_EQUAL(server.most_at_once(), 2u);
  CAF_CHECK(server.connections() <= 2u);
}

CAF_TEST(what does not fit the queue is turned away at once) {
  http_server server{always(silence())};
  auto options = options_for({server.url()});
  options.connections_max = 1;
  options.waiting_max = 2;
  http_client client{options};
  std::vector<std::future<result<http_answer>>> all;
  for (int i = 0; i < 3; ++i)
    all.push_back(send(client));
  CAF_CHECK(error_of(send(client).get()) == errc::overloaded);
  CAF_CHECK_EQUAL(client.stats().refused, 1u);
  client.stop();
  for (auto& one : all)
    CAF_CHECK(error_of(one.get()) == errc::draining);
  CAF_CHECK(error_of(ask(client)) == errc::draining);
}

CAF_TEST(a request with less patience than those before it in the queue does not wait for them) {
  http_server server{always(silence())};
  auto options = options_for({server.url()});
  options.connections_max = 1;
  http_client client{options};
  auto out = send(client);
  auto patient = send(client);
  auto hasty_request = get();
  hasty_request.timeout = 20ms;
  auto hasty = send(client, hasty_request);
  CAF_CHECK(error_of(hasty.get()) == errc::database_unavailable);
  CAF_CHECK(out.wait_for(0s) == std::future_status::timeout);
  CAF_CHECK(patient.wait_for(0s) == std::future_status::timeout);
  client.stop();
  CAF_CHECK(error_of(patient.get()) == errc::draining);
}

CAF_TEST(an answer that is too large or no HTTP is an error) {
  http_server large{always(saying(std::string(5000, 'x')))};
  auto options = options_for({large.url()});
  options.answer_bytes_max = 4999;
  http_client careful{options};
  CAF_CHECK(error_of(ask(careful)) == errc::internal);
  CAF_CHECK_EQUAL(careful.stats().addresses_usable, 1u);

  made_reply noise;
  noise.raw = "SSH-2.0-nonsense\r\n\r\n";
  http_server other{always(noise)};
  http_client client{options_for({other.url()})};
  CAF_CHECK(error_of(ask(client)) == errc::database_unavailable);

  made_reply cut;
  cut.raw = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
  http_server hasty{always(cut)};
  http_client patient{options_for({hasty.url()})};
  CAF_CHECK(error_of(ask(patient)) == errc::database_unavailable);
}

CAF_TEST(the next address answers for one that is gone and the first again once it is back) {
  http_server first{always(saying("first"))};
  http_server second{always(saying("second"))};
  http_client client{options_for({first.url(), second.url()})};
  CAF_CHECK_EQUAL(body_of(ask(client)), "first");
  first.stop();
  for (int i = 0; i < 5; ++i)
    CAF_CHECK_EQUAL(body_of(ask(client)), "second");
  CAF_CHECK(client.stats().failovers >= 1u);
  CAF_CHECK_EQUAL(client.stats().addresses_usable, 1u);
  first.start();
  CAF_CHECK(eventually([&] { return body_of(ask(client)) == "first"; }));
  CAF_CHECK_EQUAL(client.stats().addresses_usable, 2u);
}

CAF_TEST(an address that hangs costs one attempt and then nothing) {
  http_server first{always(silence())};
  http_server second{always(saying("second"))};
  auto options = options_for({first.url(), second.url()});
  options.attempt_timeout = 15s; // long enough for the second address on a machine that stands still
  options.backoff_min = hang;    // no probe
  options.backoff_max = hang;
  http_client client{options};
  CAF_CHECK_EQUAL(body_of(ask(client)), "second");
  for (int i = 0; i < 20; ++i)
    CAF_CHECK_EQUAL(body_of(ask(client)), "second");
  CAF_CHECK_EQUAL(first.requests(), 1u);
}

CAF_TEST(without any address requests fail at once until one is back) {
  http_server only{always(saying("here"))};
  http_client client{options_for({only.url()})};
  only.stop();
  CAF_CHECK(error_of(ask(client)) == errc::database_unavailable);
  CAF_CHECK(eventually([&] { return client.stats().addresses_usable == 0; }));
  CAF_CHECK(error_of(ask(client)) == errc::database_unavailable);
  only.start();
  CAF_CHECK(eventually([&] { return body_of(ask(client)) == "here"; }));
}

CAF_TEST(a broken long poll at the only address fails no request) {
  http_server server{[](const seen_request& asked) {
    made_reply broken;
    broken.raw = "no HTTP";
    return asked.head.rfind("GET /feed", 0) == 0 ? broken : saying("hello");
  }};
  auto options = options_for({server.url()});
  options.backoff_min = 30s; // no probe comes to help
  options.backoff_max = 30s;
  http_client client{options};
  for (int i = 0; i < 5; ++i) {
    auto feed = get("/feed");
    feed.is_long_poll = true;
    CAF_CHECK(!ask(client, feed));
    CAF_CHECK_EQUAL(body_of(ask(client)), "hello");
  }
}

CAF_TEST(a request that is refused is asked of the next address) {
  http_server first{always(refusal(503))};
  http_server second{always(saying("second"))};
  auto options = options_for({first.url(), second.url()});
  options.refusals_max = 3;
  http_client client{options};
  for (int i = 0; i < 6; ++i)
    CAF_CHECK_EQUAL(body_of(ask(client)), "second");
  CAF_CHECK_EQUAL(client.stats().failovers, 3u);
  CAF_CHECK_EQUAL(client.stats().addresses_usable, 1u);
}

CAF_TEST(a refusal is handed over when there is nobody else) {
  http_server only{always(refusal(503))};
  auto options = options_for({only.url()});
  options.refusals_max = 1;
  http_client client{options};
  for (int i = 0; i < 3; ++i) {
    auto answer = ask(client);
    CAF_REQUIRE(answer);
    CAF_CHECK_EQUAL(answer->status, 503);
  }
}

CAF_TEST(an attempt and the whole request have a time) {
  http_server server{always(silence())};
  auto options = options_for({server.url()});
  options.attempt_timeout = 50ms;
  http_client client{options};
  CAF_CHECK(error_of(ask(client)) == errc::database_unavailable);

  options.attempt_timeout = 50s;
  http_client other{options};
  auto brief = get();
  brief.timeout = 50ms;
  CAF_CHECK(error_of(ask(other, brief)) == errc::database_unavailable);
  CAF_CHECK_EQUAL(other.stats().addresses_usable, 1u); // it had little time: no fault of the address
}

// libcurl's clock counts a second's turn as up to a millisecond more than has passed.
CAF_TEST(an attempt that had all its time counts against its address to the millisecond) {
  http_server server{always(silence())};
  auto options = options_for({server.url()});
  options.attempt_timeout = 1s;
  options.backoff_min = hang; // no probe
  options.backoff_max = hang;
  std::deque<http_client> clients;
  std::vector<std::future<result<http_answer>>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(send(clients.emplace_back(options)));
    std::this_thread::sleep_for(20ms); // a second of them
  }
  for (auto& answer : answers)
    CAF_CHECK(error_of(answer.get()) == errc::database_unavailable);
  for (auto& client : clients)
    CAF_CHECK_EQUAL(client.stats().addresses_usable, 0u);
}

CAF_TEST(a long poll takes no place and ends with its address) {
  http_server server{
    [](const seen_request& r) { return r.head.rfind("GET /poll", 0) == 0 ? silence() : saying("at once"); }};
  auto options = options_for({server.url()});
  options.connections_max = 1;
  options.long_polls_max = 1;
  http_client client{options};
  auto poll = get("/poll");
  poll.is_long_poll = true;
  poll.timeout = 60s;
  auto waiting = send(client, poll);
  CAF_CHECK_EQUAL(body_of(ask(client)), "at once");
  CAF_CHECK(error_of(send(client, poll).get()) == errc::overloaded);
  server.stop();
  CAF_CHECK(error_of(waiting.get()) == errc::database_unavailable);
}

CAF_TEST(a long poll at an address that hangs ends when another request finds that out) {
  http_server server{always(silence())};
  auto options = options_for({server.url()});
  options.attempt_timeout = 100ms;
  http_client client{options};
  auto poll = get("/poll");
  poll.is_long_poll = true;
  poll.timeout = 600s;
  auto waiting = send(client, poll);
  CAF_CHECK(error_of(ask(client)) == errc::database_unavailable);
  CAF_CHECK(error_of(waiting.get()) == errc::database_unavailable);
}

CAF_TEST(a callback may send and may throw) {
  http_server server{always(saying("hello"))};
  http_client client{options_for({server.url()})};
  std::promise<std::string> chained;
  client.send(get(), [&](const result<http_answer>&) {
    client.send(get(), [&](const result<http_answer>& second) { chained.set_value(body_of(second)); });
    throw std::runtime_error("on purpose");
  });
  CAF_CHECK_EQUAL(chained.get_future().get(), "hello");
  CAF_CHECK(ask(client));
}

// -- TLS ---------------------------------------------------------------------------------------------------

namespace {

/// Two authorities, each with a server's and a client's certificate, made by openssl.
struct authorities {
  authorities() {
    char pattern[] = "/tmp/portcullis-tls-XXXXXX";
    directory = ::mkdtemp(pattern);
    for (const std::string name : {"a", "b"}) {
      run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name + " -keyout "
          + name + "-ca.key -out " + name + "-ca.pem -addext keyUsage=keyCertSign");
      for (const std::string role : {"server", "client"}) {
        auto stem = name + '-' + role;
        run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout " + stem
            + ".key -out " + stem + ".csr -addext subjectAltName=DNS:localhost");
        run("x509 -req -in " + stem + ".csr -CA " + name + "-ca.pem -CAkey " + name
            + "-ca.key -CAcreateserial -days 2 -copy_extensions copy -out " + stem + ".pem");
      }
    }
  }

  ~authorities() {
    std::filesystem::remove_all(directory);
  }

  std::string file(const std::string& name) const {
    return directory + '/' + name;
  }

  std::string directory;

private:
  void run(const std::string& arguments) const {
    auto command = "cd " + directory + " && openssl " + arguments + " 2>>openssl.log";
    if (std::system(command.c_str()) != 0)
      CAF_FAIL("openssl " << arguments);
  }
};

} // namespace

CAF_TEST(a server is trusted by its authority alone) {
  authorities made;
  http_server server{always(saying("safe")), {made.file("a-server.pem"), made.file("a-server.key"), ""}};
  auto options = options_for({server.url()});
  options.ca_file = made.file("a-ca.pem");
  http_client trusting{options};
  CAF_CHECK_EQUAL(body_of(ask(trusting)), "safe");
  options.ca_file = made.file("b-ca.pem");
  http_client wary{options};
  CAF_CHECK(error_of(ask(wary)) == errc::database_unavailable);
  options.ca_file.clear();
  http_client strange{options};
  CAF_CHECK(error_of(ask(strange)) == errc::database_unavailable);
  options.ca_file = made.file("a-ca.pem");
  options.addresses = {"https://127.0.0.1" + server.url().substr(server.url().rfind(':'))};
  http_client misnamed{options};
  CAF_CHECK(error_of(ask(misnamed)) == errc::database_unavailable);
}

CAF_TEST(an edge shows its certificate) {
  authorities made;
  http_server server{always(saying("known")),
                     {made.file("a-server.pem"), made.file("a-server.key"), made.file("a-ca.pem")}};
  auto options = options_for({server.url()});
  options.ca_file = made.file("a-ca.pem");
  http_client nobody{options};
  CAF_CHECK(error_of(ask(nobody)) == errc::database_unavailable);
  options.certificate_file = made.file("b-client.pem");
  options.key_file = made.file("b-client.key");
  http_client foreign{options};
  CAF_CHECK(error_of(ask(foreign)) == errc::database_unavailable);
  options.certificate_file = made.file("a-client.pem");
  options.key_file = made.file("a-client.key");
  http_client known{options};
  CAF_CHECK_EQUAL(body_of(ask(known)), "known");
}
