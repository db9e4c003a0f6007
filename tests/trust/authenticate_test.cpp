#include "trust/authenticate.hpp"

#include "caf/test/unit_test.hpp"

#include "core/allocation_count.hpp"
#include "trust/caller_key.hpp"

#include <openssl/evp.h>

#include <string>

using namespace portcullis;
using namespace portcullis::trust;

namespace {

std::string key_text(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bits{};
  bits.fill(fill);
  return std::string{caller_key::from_random(bits).reveal()};
}

const std::string gateway_key = key_text(1);
const std::string gateway_next_key = key_text(2);
const std::string reader_key = key_text(3);
const std::string nobodys_key = key_text(4);

const caller_registry& callers() {
  static const auto made = [] {
    caller_registry r;
    r.add({"gateway", right_set::all(), {}},
          {{hash_token(gateway_key), hash_token(gateway_next_key)}, {"spiffe://example.org/gateway"}});
    r.add({"reader", right_set{}.add(right::revocations_read), {}},
          {{hash_token(reader_key)}, {"reader.example.org"}});
    return r;
  }();
  return made;
}

std::string base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size =
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                    reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  return out.substr(0, static_cast<std::size_t>(size));
}

std::string who(const credentials& presented) {
  const auto found = authenticate(presented, callers());
  if (found)
    return (*found)->name;
  CAF_CHECK(found.error().code == errc::caller_unknown);
  CAF_CHECK_EQUAL(found.error().detail, "the caller did not prove who it is");
  return "nobody";
}

std::string who_by_key(std::string_view key) {
  credentials c;
  c.key_header = key;
  return who(c);
}

std::string who_by_authorization(const std::string& value) {
  credentials c;
  c.authorization = value;
  return who(c);
}

std::string who_by_basic(const std::string& plain) {
  return who_by_authorization("Basic " + base64(plain));
}

std::string who_by_form(std::optional<std::string_view> id, std::optional<std::string_view> secret) {
  credentials c;
  c.client_id = id;
  c.client_secret = secret;
  return who(c);
}

std::string who_by_certificate(const std::vector<std::string>& names) {
  credentials c;
  c.certificate_names = &names;
  return who(c);
}

} // namespace

CAF_TEST(nothing proves nothing) {
  CAF_CHECK_EQUAL(who({}), "nobody");
  CAF_CHECK_EQUAL(who_by_certificate({}), "nobody");
}

CAF_TEST(a key names its caller) {
  CAF_CHECK_EQUAL(who_by_key(gateway_key), "gateway");
  CAF_CHECK_EQUAL(who_by_key(gateway_next_key), "gateway");
  CAF_CHECK_EQUAL(who_by_key(reader_key), "reader");
  CAF_CHECK_EQUAL(who_by_key(nobodys_key), "nobody");
  CAF_CHECK_EQUAL(who_by_key(to_hex(hash_token(gateway_key))), "nobody"); // the hash is no key
  CAF_CHECK_EQUAL(who_by_key(gateway_key + ' '), "nobody");
  CAF_CHECK_EQUAL(who_by_key("x"), "nobody");
}

CAF_TEST(every change of one character of a key is noticed) {
  std::size_t let_in = 0;
  for (std::size_t i = 0; i < gateway_key.size(); ++i) {
    auto bad = gateway_key;
    bad[i] = bad[i] == 'a' ? 'b' : 'a';
    credentials c;
    c.key_header = bad;
    let_in += authenticate(c, callers()) ? 1 : 0;
  }
  CAF_CHECK_EQUAL(let_in, 0u);
}

CAF_TEST(name and key travel in Basic) {
  CAF_CHECK_EQUAL(who_by_basic("gateway:" + gateway_key), "gateway");
  CAF_CHECK_EQUAL(who_by_authorization("bAsIc  " + base64("reader:" + reader_key)), "reader");
  CAF_CHECK_EQUAL(who_by_basic("reader:" + gateway_key), "nobody"); // another's key
  CAF_CHECK_EQUAL(who_by_basic(":" + gateway_key), "nobody");
  CAF_CHECK_EQUAL(who_by_basic("gateway:"), "nobody");
  CAF_CHECK_EQUAL(who_by_basic("gateway"), "nobody");
  CAF_CHECK_EQUAL(who_by_basic(""), "nobody");
  CAF_CHECK_EQUAL(who_by_basic("gateway:" + gateway_key + ":"), "nobody");
}

CAF_TEST(Basic is percent encoded before it is base64) {
  // RFC 6749, section 2.3.1: clients may encode what needs no encoding.
  auto encoded = gateway_key;
  encoded.replace(3, 1, "%5F");
  CAF_CHECK_EQUAL(who_by_basic("gateway:" + encoded), "gateway");
  CAF_CHECK_EQUAL(who_by_basic("%67atewa%79:" + encoded), "gateway");
  CAF_CHECK_EQUAL(who_by_basic("gateway%:" + encoded), "nobody");
  CAF_CHECK_EQUAL(who_by_basic("gateway:" + gateway_key + "%4"), "nobody");
  CAF_CHECK_EQUAL(who_by_basic("gateway%3A" + gateway_key), "nobody"); // no colon that separates
}

CAF_TEST(only well formed base64 is Basic) {
  const auto encoded = base64("gateway:" + gateway_key);
  CAF_CHECK_EQUAL(who_by_authorization("Basic " + encoded.substr(0, encoded.find('='))), "gateway"); // no padding
  CAF_CHECK_EQUAL(who_by_authorization("Basic " + encoded + "="), "nobody");
  CAF_CHECK_EQUAL(who_by_authorization("Basic " + encoded + "AAAA"), "nobody");
  CAF_CHECK_EQUAL(who_by_authorization("Basic =" + encoded.substr(1)), "nobody");
  CAF_CHECK_EQUAL(who_by_authorization("Basic " + encoded.substr(0, 10) + " " + encoded.substr(10)), "nobody");
  CAF_CHECK_EQUAL(who_by_authorization("Basic " + std::string(4096, 'A')), "nobody");
  CAF_CHECK_EQUAL(who_by_authorization("Basic"), "nobody");
  CAF_CHECK_EQUAL(who_by_authorization("Basic "), "nobody");
}

CAF_TEST(one secret has one form in base64) {
  // 61 bytes: the last digit before the padding carries four bits that mean nothing.
  auto encoded = base64("gateway:" + gateway_key);
  const auto last = encoded.find('=') - 1;
  CAF_REQUIRE_EQUAL(encoded.substr(last + 1), "==");
  CAF_CHECK_EQUAL(who_by_authorization("Basic " + encoded), "gateway");
  encoded[last] = static_cast<char>(encoded[last] + 1);
  CAF_CHECK_EQUAL(who_by_authorization("Basic " + encoded), "nobody");
}

CAF_TEST(another scheme is no credential of a caller) {
  CAF_CHECK_EQUAL(who_by_authorization("Bearer " + gateway_key), "nobody");
  credentials c;
  c.key_header = gateway_key;
  c.authorization = "Bearer pcs_anything";
  CAF_CHECK_EQUAL(who(c), "gateway");
}

CAF_TEST(name and key travel in a form) {
  CAF_CHECK_EQUAL(who_by_form("gateway", gateway_key), "gateway");
  CAF_CHECK_EQUAL(who_by_form("reader", gateway_key), "nobody");
  CAF_CHECK_EQUAL(who_by_form({}, gateway_key), "nobody");
  CAF_CHECK_EQUAL(who_by_form("gateway", ""), "nobody");
  CAF_CHECK_EQUAL(who_by_form("gateway", {}), "nobody"); // a name is no proof
}

CAF_TEST(a certificate names its caller) {
  CAF_CHECK_EQUAL(who_by_certificate({"spiffe://example.org/gateway"}), "gateway");
  CAF_CHECK_EQUAL(who_by_certificate({"other.example.org", "reader.example.org"}), "reader");
  CAF_CHECK_EQUAL(who_by_certificate({"spiffe://example.org/gateway/"}), "nobody");
  CAF_CHECK_EQUAL(who_by_certificate({"spiffe://example.org/gateway", "reader.example.org"}), "nobody");
}

CAF_TEST(all that is presented names one caller) {
  const std::vector<std::string> gateway{"spiffe://example.org/gateway"};
  const std::vector<std::string> stranger{"spiffe://example.org/stranger"};
  const auto basic = "Basic " + base64("gateway:" + gateway_key);
  credentials c;
  c.key_header = gateway_key;
  c.authorization = basic;
  c.client_id = "gateway";
  c.client_secret = gateway_next_key;
  c.certificate_names = &gateway;
  CAF_CHECK_EQUAL(who(c), "gateway");
  c.certificate_names = &stranger; // a mesh gives every service one
  CAF_CHECK_EQUAL(who(c), "gateway");
  c.key_header = reader_key;
  CAF_CHECK_EQUAL(who(c), "nobody");
  c.key_header = nobodys_key; // one that is wrong is not made good by others
  CAF_CHECK_EQUAL(who(c), "nobody");
  c.key_header = gateway_key;
  c.client_secret = nobodys_key;
  CAF_CHECK_EQUAL(who(c), "nobody");
}

CAF_TEST(who asks is found without an allocation) {
  const auto basic = "Basic " + base64("gateway:" + gateway_key);
  const std::vector<std::string> names{"spiffe://example.org/gateway"};
  credentials c;
  c.key_header = gateway_key;
  c.authorization = basic;
  c.certificate_names = &names;
  CAF_REQUIRE_EQUAL(who(c), "gateway"); // makes the digest context of the thread
  const auto before = test::allocation_count();
  std::size_t found = 0;
  for (int i = 0; i < 100; ++i)
    found += authenticate(c, callers()) ? 1 : 0;
  const auto allocations = test::allocation_count() - before;
  CAF_CHECK_EQUAL(found, 100u);
  CAF_CHECK_EQUAL(allocations, 0u);
}
