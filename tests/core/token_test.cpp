#include "caf/test/unit_test.hpp"

#include "core/base62.hpp"
#include "core/crc32.hpp"
#include "core/token.hpp"

#include <algorithm>
#include <set>
#include <type_traits>

using namespace portcullis;

namespace {

std::array<std::uint8_t, 32> bits(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return bytes;
}

std::string text_of(const std::array<std::uint8_t, 32>& bytes) {
  return std::string{token::from_random(bytes).reveal()};
}

/// `prefix` and `body` with the checksum that fits.
std::string with_checksum(const std::string& start) {
  const auto checksum = base62::encode(crc32(start));
  return start + std::string{checksum.data(), checksum.size()};
}

template <class T, class = void>
struct is_streamable : std::false_type {};
template <class T>
struct is_streamable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>>
  : std::true_type {};

} // namespace

CAF_TEST(the checksum is the CRC32 of IEEE 802.3) {
  CAF_CHECK_EQUAL(crc32(""), 0u);
  CAF_CHECK_EQUAL(crc32("123456789"), 0xcbf43926u); // the check value that catalogues of CRCs list
  CAF_CHECK_EQUAL(crc32("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
  CAF_CHECK_EQUAL(crc32("56789", crc32("1234")), 0xcbf43926u);
}

CAF_TEST(base62 is of fixed width with the highest digit first) {
  const auto text = [](const auto& digits) { return std::string{digits.data(), digits.size()}; };
  CAF_CHECK_EQUAL(text(base62::encode(0u)), "000000");
  CAF_CHECK_EQUAL(text(base62::encode(61u)), "00000z");
  CAF_CHECK_EQUAL(text(base62::encode(62u)), "000010");
  CAF_CHECK_EQUAL(text(base62::encode(0xffffffffu)), "4gfFC3");
  CAF_CHECK_EQUAL(text(base62::encode(bits(0x00))), std::string(43, '0'));
  CAF_CHECK_EQUAL(text(base62::encode(bits(0xff))), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
}

CAF_TEST(a token has its form) {
  const auto text = text_of(bits(0x5a));
  CAF_CHECK_EQUAL(text, "pcs_LQNUGZHT5u543eF8cvF8tKdPlcVkNSYQAq1KIqZ6f741uo7q3"); // made by another implementation
  CAF_CHECK_EQUAL(text.size(), token::text_length);
  CAF_CHECK_EQUAL(text.substr(0, 4), "pcs_");
  CAF_CHECK(is_token_form(text));
  CAF_CHECK(is_token_form(text_of(bits(0x00))));
  CAF_CHECK(is_token_form(text_of(bits(0xff))));
}

CAF_TEST(tokens of random bits have the form and differ) {
  std::set<std::string> seen;
  std::size_t without_form = 0;
  for (int i = 0; i < 1'000; ++i) {
    std::array<std::uint8_t, 32> bytes{};
    fill_random(bytes.data(), bytes.size());
    const auto text = text_of(bytes);
    without_form += is_token_form(text) ? 0 : 1;
    seen.insert(text);
  }
  CAF_CHECK_EQUAL(without_form, 0u);
  CAF_CHECK_EQUAL(seen.size(), 1'000u);
}

CAF_TEST(every change of one character is noticed) {
  const auto text = text_of(bits(0x5a));
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string bad = text;
      bad[i] = static_cast<char>(c);
      accepted += bad != text && is_token_form(bad) ? 1 : 0;
    }
  }
  CAF_CHECK_EQUAL(accepted, 0u);
}

CAF_TEST(another length is refused) {
  const auto text = text_of(bits(0x5a));
  CAF_CHECK(!is_token_form(""));
  CAF_CHECK(!is_token_form(text.substr(1)));
  CAF_CHECK(!is_token_form(text.substr(0, text.size() - 1)));
  CAF_CHECK(!is_token_form(text + "0"));
  CAF_CHECK(!is_token_form(" " + text));
}

CAF_TEST(a fitting checksum does not excuse another prefix or alphabet) {
  const std::string body(43, 'a');
  CAF_CHECK(is_token_form(with_checksum("pcs_" + body)));
  CAF_CHECK(!is_token_form(with_checksum("pcs-" + body)));
  CAF_CHECK(!is_token_form(with_checksum("PCS_" + body)));
  for (const char c : {'-', '_', '/', ':', '@', '[', '`', '{', ' ', '\0', '\x7f', '\xc3'}) {
    std::string bad = body;
    bad[20] = c;
    CAF_CHECK(!is_token_form(with_checksum("pcs_" + bad)));
  }
}

CAF_TEST(a body of 2 ^ 256 or more is refused) {
  auto body = text_of(bits(0xff)).substr(4, token::body_length);
  CAF_CHECK(is_token_form(with_checksum("pcs_" + body)));
  body.back() = static_cast<char>(body.back() + 1);
  CAF_CHECK(!is_token_form(with_checksum("pcs_" + body)));
  CAF_CHECK(!is_token_form(with_checksum("pcs_" + std::string(43, 'z'))));
}

CAF_TEST(the hash is SHA256) {
  // FIPS 180-4's example "abc", and the empty message.
  CAF_CHECK_EQUAL(to_hex(hash_token("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CAF_CHECK_EQUAL(to_hex(hash_token("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CAF_CHECK_EQUAL(to_hex(hash_token("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

CAF_TEST(a token hashes as its text does) {
  const auto t = token::from_random(bits(0x5a));
  CAF_CHECK(t.hash() == hash_token(t.reveal()));
  CAF_CHECK(t.hash() != hash_token("pcs_"));
}

CAF_TEST(a token does not print) {
  CAF_CHECK(!is_streamable<token>::value);
  CAF_CHECK(!is_streamable<token_hash>::value);
  CAF_CHECK((!std::is_convertible<token, std::string_view>::value));
}

CAF_TEST(a destroyed token leaves nothing behind) {
  alignas(token) std::array<char, sizeof(token)> memory{};
  auto* t = new (memory.data()) token{token::from_random(bits(0x5a))};
  CAF_CHECK(!t->reveal().empty());
  const volatile char* trace = memory.data();
  t->~token();
  std::size_t left = 0;
  for (std::size_t i = 0; i < memory.size(); ++i)
    left += trace[i] != 0 ? 1 : 0;
  CAF_CHECK_EQUAL(left, 0u);
}
