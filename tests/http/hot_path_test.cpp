#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"

#include "core/allocation_count.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::http;

namespace {

const std::string gateway_request =
  "GET /api/v1/internal/verify/shop/items/7?colour=red HTTP/1.1\r\n"
  "Host: portcullis.internal:8080\r\n"
  "Authorization: Bearer pcs_0123456789012345678901234567890123456789012345678\r\n"
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0\r\n"
  "Accept: application/json\r\n"
  "Content-Length: 0\r\n"
  "X-Forwarded-For: 203.0.113.9\r\n"
  "X-Request-Id: 0b2cbf2e-6cbb-4b2f-9a43-6a3d9e4b6d1c\r\n"
  "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";

/// Allocations made by `work`.
template <class Work>
std::size_t count(Work work) {
  const auto before = test::allocation_count();
  work();
  return test::allocation_count() - before;
}

} // namespace

CAF_TEST(the counter counts) {
  CAF_CHECK_EQUAL(count([] { ::operator delete(::operator new(1)); }), 1u);
}

/// Routes such as those of the service, without their handlers.
struct some_api {
  void answer(const call&, responder) {}
};

CAF_TEST(a request is read and routed without an allocation) {
  some_api api;
  router routes;
  constexpr std::array table{
    endpoint<some_api>{verb::get, "/api/v1/internal/sessions/resolve", "resolve", audience::internal, trait::none,
                       &some_api::answer},
    endpoint<some_api>{verb::any, "/api/v1/internal/verify/**", "verify", audience::internal, trait::none,
                       &some_api::answer},
    endpoint<some_api>{verb::get, "/api/v1/internal/accounts/{account_id}", "account", audience::internal,
                       trait::none, &some_api::answer},
  };
  routes.add(api, table);
  request_reader reader{reader_limits{}};
  std::size_t read = 0;
  const auto made = count([&] {
    std::string_view input = gateway_request;
    for (int i = 0; i < 1000; ++i, input = gateway_request)
      if (reader.read(input) == request_reader::status::complete)
        read += routes.find(reader.current().method, reader.current().path).to->name == "verify";
  });
  CAF_CHECK_EQUAL(read, 1000u);
  CAF_CHECK_EQUAL(made, 0u);
}

CAF_TEST(requests of a connection that come in pieces use the same memory) {
  request_reader reader{reader_limits{}};
  const auto read_in_two = [&] {
    auto head = std::string_view{gateway_request}.substr(0, 100);
    auto rest = std::string_view{gateway_request}.substr(100);
    CAF_REQUIRE(reader.read(head) == request_reader::status::need_more);
    CAF_REQUIRE(reader.read(rest) == request_reader::status::complete);
  };
  read_in_two();
  auto head = std::string_view{gateway_request}.substr(0, 100);
  auto rest = std::string_view{gateway_request}.substr(100);
  CAF_CHECK_EQUAL(count([&] { reader.read(head), reader.read(rest); }), 0u);
}

CAF_TEST(the hot answers are written without an allocation) {
  const response_context ctx{"r-1", "Sun, 06 Nov 1994 08:49:37 GMT"};
  const session_record record;
  byte_buffer out;
  out.reserve(2000);
  const auto made = count([&] {
    append_resolved(out, ctx, record);
    append_verified(out, ctx, record);
  });
  CAF_CHECK_EQUAL(made, 0u);
  CAF_CHECK_GREATER(out.size(), 400u);
}
