#include "trust/rights.hpp"

#include "caf/test/unit_test.hpp"

#include "trust/caller_key.hpp"

#include <set>
#include <string>

using namespace portcullis;
using namespace portcullis::trust;

namespace {

std::string granted(std::string_view word) {
  const auto rights = parse_right(word);
  return rights ? to_string(*rights) : "nothing";
}

std::string key_text() {
  std::array<std::uint8_t, 32> bits{};
  bits.fill(0x5a);
  return std::string{caller_key::from_random(bits).reveal()};
}

} // namespace

CAF_TEST(every right is known by its word and no two share one) {
  std::set<std::string> words;
  for (int i = 0; i < static_cast<int>(right::count); ++i) {
    const std::string word{to_string(static_cast<right>(i))};
    CAF_CHECK_EQUAL(granted(word), word);
    words.insert(word);
  }
  CAF_CHECK_EQUAL(words.size(), static_cast<std::size_t>(right::count));
}

CAF_TEST(the rights are those of the contract) {
  CAF_CHECK_EQUAL(granted("*"), "sessions:resolve sessions:lookup sessions:mint sessions:revoke accounts:read "
                                "accounts:write users:act revocations:read public:forward admin:read admin:write "
                                "metrics:read");
}

CAF_TEST(audiences and subjects expand to rights) {
  CAF_CHECK_EQUAL(granted("internal"),
                  "sessions:resolve sessions:lookup sessions:mint sessions:revoke accounts:read "
                  "accounts:write revocations:read");
  CAF_CHECK_EQUAL(granted("user"), "users:act");
  CAF_CHECK_EQUAL(granted("public"), "public:forward");
  CAF_CHECK_EQUAL(granted("admin"), "admin:read admin:write");
  CAF_CHECK_EQUAL(granted("sessions:*"), "sessions:resolve sessions:lookup sessions:mint sessions:revoke");
  CAF_CHECK_EQUAL(granted("accounts:*"), "accounts:read accounts:write");
  CAF_CHECK_EQUAL(granted("metrics:*"), "metrics:read");
}

CAF_TEST(no other word grants anything) {
  for (const std::string_view word : {"", "**", ":*", "s:*", "session:*", "sessions", "sessions:", "sessions:res",
                                      "*:*", "Internal", "sessions:resolve ", "sessions:resolves", "none", "s*"})
    CAF_CHECK_EQUAL(granted(word), "nothing");
}

CAF_TEST(a set holds what was added and nothing else) {
  const auto rights = right_set{}.add(right::sessions_mint).add(right::metrics_read);
  CAF_CHECK_EQUAL(to_string(rights), "sessions:mint metrics:read");
  CAF_CHECK(rights.has(right::sessions_mint));
  CAF_CHECK(!rights.has(right::sessions_resolve));
  CAF_CHECK(right_set{}.empty());
  CAF_CHECK(!rights.empty());
}

CAF_TEST(a key has the form of a token with a prefix of its own) {
  const auto text = key_text();
  CAF_CHECK_EQUAL(text.substr(0, 47), "pck_LQNUGZHT5u543eF8cvF8tKdPlcVkNSYQAq1KIqZ6f74");
  CAF_CHECK(is_caller_key_form(text));
  CAF_CHECK(!is_token_form(text));
  CAF_CHECK(!is_caller_key_form("pcs" + text.substr(3)));
  auto typo = text;
  typo[10] = typo[10] == 'a' ? 'b' : 'a';
  CAF_CHECK(!is_caller_key_form(typo));
}

CAF_TEST(the hash of a key is read as it is written) {
  const auto hash = hash_token(key_text());
  const auto text = to_hex(hash);
  CAF_CHECK(parse_key_hash(text) == hash);
  auto upper = text;
  for (char& c : upper)
    c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  CAF_REQUIRE_NOT_EQUAL(upper, text);
  CAF_CHECK(!parse_key_hash(upper));
  CAF_CHECK(!parse_key_hash(text.substr(1)));
  CAF_CHECK(!parse_key_hash(text + "0"));
  CAF_CHECK(!parse_key_hash("g" + text.substr(1)));
  CAF_CHECK(!parse_key_hash(""));
}
