// A handler of Boost.Beast behind the guard, with a thread for each connection:
//
//   guarded http://127.0.0.1:8080
//
// It prints its port, and ends with its standard input.
#include "portcullis.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/serialize.hpp>

#include <cstdlib>
#include <iostream>

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using namespace portcullis::client;

using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

response whoami(const session& whose) {
  response made{http::status::ok, 11};
  made.set(http::field::content_type, "application/json");
  made.body() = boost::json::serialize(
    boost::json::object{{"account_id", whose.account_id}, {"session_id", whose.session_id}});
  return made;
}

response told(const refusal& why) {
  response made{http::int_to_status(static_cast<unsigned>(why.status)), 11};
  made.set(http::field::content_type, "application/problem+json");
  made.set(http::field::cache_control, "no-store");
  if (!why.www_authenticate.empty())
    made.set(http::field::www_authenticate, why.www_authenticate);
  if (!why.retry_after.empty())
    made.set(http::field::retry_after, why.retry_after);
  made.body() = why.body;
  return made;
}

response answer_to(const request& asked, follower& who) {
  std::vector<std::string_view> authorization;
  const auto [begin, end] = asked.equal_range(http::field::authorization);
  for (auto each = begin; each != end; ++each)
    authorization.emplace_back(each->value().data(), each->value().size());
  const auto found = guard(who, authorization);
  const auto* whose = std::get_if<session>(&found);
  return whose ? whoami(*whose) : told(std::get<refusal>(found));
}

void serve(tcp::socket peer, follower& who) {
  boost::beast::flat_buffer buffer;
  boost::system::error_code error;
  while (!error) {
    request asked;
    http::read(peer, buffer, asked, error);
    if (error)
      return;
    auto made = answer_to(asked, who);
    made.keep_alive(asked.keep_alive());
    made.prepare_payload();
    http::write(peer, made, error);
    if (!asked.keep_alive())
      return;
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: guarded URL\n";
    return 2;
  }
  const client asked{client_options{argv[1], {}, {}, {}, {}}};
  follower who{asked};
  boost::asio::io_context context;
  tcp::acceptor acceptor{context, {boost::asio::ip::address_v4::loopback(), 0}};
  std::cout << acceptor.local_endpoint().port() << std::endl;
  std::thread{[&] {
    for (;;)
      std::thread{serve, acceptor.accept(), std::ref(who)}.detach();
  }}.detach();
  while (std::cin.get() != EOF) {
  }
  std::_Exit(0); // threads wait for their peers
}
