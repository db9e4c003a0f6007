// Any bytes as a body and as a query: decoded or refused with a reason, and what is decoded keeps its bounds.

#include "api/json.hpp"
#include "core/utf8.hpp"
#include "http/query.hpp"
#include "http/transcript.hpp"

#include <cstdint>

namespace {

using namespace portcullis;
using namespace portcullis::api;
using portcullis::http::check_json_media_type;
using portcullis::http::demand;

void check_text(const std::string& text, std::size_t bytes_max) {
  demand(text.size() <= bytes_max && is_valid_utf8(text) && text.find('\0') == std::string::npos,
         "a text is bounded and can be stored");
}

void check(const device& d) {
  check_text(d.label, 128);
  check_text(d.user_agent, 512);
  check_text(d.ip, 45);
}

void check(const std::optional<std::string>& display_name) {
  if (display_name) {
    check_text(*display_name, 256); // 64 characters
    demand(!display_name->empty(), "a display name is not empty");
  }
}

void check(const identity_key& key) {
  check_text(key.external_id, 254);
  demand(!key.external_id.empty(), "an external id is not empty");
}

void check(const guest_mint_body& body) {
  check(body.device);
}

void check(const mint_body& body) {
  if (const auto* key = std::get_if<identity_key>(&body.holder))
    check(*key);
  check(body.display_name);
  check(body.device);
}

void check(const account_body& body) {
  check(body.identity);
  check(body.display_name);
}

void check(const lookup_body& body) {
  demand(body.hashes.size() <= lookup_hashes_max, "a look-up is bounded");
}

void check(const account_filter& filter) {
  if (filter.external_id_prefix)
    check_text(*filter.external_id_prefix, 254);
}

void check(const revocation_body& body) {
  check_text(body.reason, 200);
}

void check(const page_query& page) {
  demand(page.limit >= 1 && page.limit <= 200, "a page is bounded");
}

template <class T>
void check(const result<T>& result) {
  if (!result)
    demand(result.error().code != errc::none && !result.error().detail.empty()
             && is_valid_utf8(result.error().detail),
           "a failure has a reason that can be shown");
  else
    check(*result);
}

/// What is an object is refused once it has a name twice in front.
void check_unique_names(std::string_view body) {
  if (body.empty() || !decode_guest_mint(body))
    return;
  const auto inside = body.find('{') + 1;
  const bool is_empty = body.find_first_not_of(" \t\r\n", inside) == body.find('}', inside);
  auto doubled = std::string{body.substr(0, inside)} + R"("x":{"y":1},"\u0078":2)" + (is_empty ? "" : ",");
  doubled += body.substr(inside);
  const auto refused = decode_guest_mint(doubled);
  demand(!refused && refused.error().code == errc::body_malformed, "an object that has a name twice is refused");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  check(decode_guest_mint(bytes));
  check(decode_mint(bytes));
  check(decode_account(bytes));
  check(decode_revocation(bytes, bytes));
  check(decode_lookup(bytes));
  check(decode_account_filter(bytes));
  check(decode_page(bytes));
  check(decode_identity_query(bytes));
  check_unique_names(bytes);
  (void)check_json_media_type(bytes, "{}");
  return 0;
}
