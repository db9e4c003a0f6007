#include "trust/callers_file.hpp"

#include "caf/test/unit_test.hpp"

#include <string>

using namespace portcullis;
using namespace portcullis::trust;

namespace {

std::string hash_text(int number) {
  return to_hex(hash_token(std::to_string(number)));
}

std::string document(const std::string& callers) {
  return R"({"callers":[)" + callers + "]}";
}

std::string caller_of(const std::string& name, const std::string& rest) {
  return R"({"name":")" + name + '"' + rest + '}';
}

/// A caller with nothing wrong but what `rest` adds.
std::string good(const std::string& name, int key, const std::string& rest = "") {
  return caller_of(name, R"(,"may":["internal"],"keys":[")" + hash_text(key) + "\"]" + rest);
}

std::string refusal(const std::string& text) {
  auto callers = parse_callers(text);
  if (callers)
    return "none";
  CAF_CHECK(callers.error().code == errc::value_unacceptable);
  return callers.error().detail;
}

std::shared_ptr<const caller_registry> read(const std::string& text) {
  auto callers = parse_callers(text);
  if (!callers)
    CAF_FAIL(callers.error().detail);
  return *callers;
}

} // namespace

CAF_TEST(callers are found by their keys and certificates) {
  const auto callers = read(document(
    R"({"name":"gateway","may":["internal","user"],"keys":[")" + hash_text(1) + R"(",")" + hash_text(2)
    + R"("],"certificates":["spiffe://example.org/gateway","gateway.example.org"],"rate":{"quota":100,"window_s":10}},)"
    + caller_of("reader", R"(,"may":["revocations:read"],"certificates":["reader.example.org"])")));
  CAF_CHECK_EQUAL(callers->size(), 2u);
  const auto* gateway = callers->find_key(hash_token("1"));
  CAF_REQUIRE(gateway != nullptr);
  CAF_CHECK_EQUAL(gateway->name, "gateway");
  CAF_CHECK(gateway->may.has(right::sessions_mint));
  CAF_CHECK(gateway->may.has(right::users_act));
  CAF_CHECK(!gateway->may.has(right::admin_read));
  CAF_REQUIRE(gateway->rate.has_value());
  CAF_CHECK_EQUAL(gateway->rate->requests, 100u);
  CAF_CHECK_EQUAL(gateway->rate->window_s, 10u);
  CAF_CHECK(callers->find_key(hash_token("2")) == gateway);
  CAF_CHECK(callers->find_certificate("spiffe://example.org/gateway") == gateway);
  CAF_CHECK(callers->find_certificate("gateway.example.org") == gateway);
  CAF_CHECK(callers->find_name("gateway") == gateway);
  const auto* reader = callers->find_certificate("reader.example.org");
  CAF_REQUIRE(reader != nullptr);
  CAF_CHECK_EQUAL(to_string(reader->may), "revocations:read");
  CAF_CHECK(!reader->rate);
  CAF_CHECK(callers->find_key(hash_token("3")) == nullptr);
  CAF_CHECK(callers->find_certificate("example.org") == nullptr);
}

CAF_TEST(a registry that was moved still finds its callers) {
  caller_registry callers;
  CAF_CHECK(callers.add({"a", {}, {}}, {{hash_token("1")}, {"a.example"}}));
  const auto moved = std::move(callers);
  CAF_REQUIRE(moved.find_certificate("a.example") != nullptr);
  CAF_CHECK_EQUAL(moved.find_certificate("a.example")->name, "a");
  CAF_CHECK(moved.find_key(hash_token("1")) == moved.find_name("a"));
}

CAF_TEST(what somebody else has adds nobody) {
  caller_registry callers;
  CAF_CHECK(callers.add({"a", {}, {}}, {{hash_token("1")}, {"a.example"}}));
  CAF_CHECK(!callers.add({"a", {}, {}}, {{hash_token("2")}, {}}));
  CAF_CHECK(!callers.add({"b", {}, {}}, {{hash_token("2"), hash_token("1")}, {}}));
  CAF_CHECK(!callers.add({"b", {}, {}}, {{hash_token("2"), hash_token("2")}, {}}));
  CAF_CHECK(!callers.add({"b", {}, {}}, {{}, {"b.example", "a.example"}}));
  CAF_CHECK(!callers.add({"b", {}, {}}, {{}, {"b.example", "b.example"}}));
  CAF_CHECK_EQUAL(callers.size(), 1u);
  CAF_CHECK(callers.find_key(hash_token("2")) == nullptr);
  CAF_CHECK(callers.find_certificate("b.example") == nullptr);
}

CAF_TEST(a file without callers lets nobody in) {
  CAF_CHECK_EQUAL(read(R"({"callers":[]})")->size(), 0u);
}

CAF_TEST(what is no document of callers is refused) {
  CAF_CHECK_EQUAL(refusal("").substr(0, 26), "the document: is not JSON ");
  CAF_CHECK_EQUAL(refusal("{\"callers\":[]").substr(0, 26), "the document: is not JSON ");
  CAF_CHECK_EQUAL(refusal("[]"), "the document: must be an object");
  CAF_CHECK_EQUAL(refusal("{}"), "callers: is missing");
  CAF_CHECK_EQUAL(refusal(R"({"callers":{}})"), "callers: must be an array");
  CAF_CHECK_EQUAL(refusal(R"({"callers":null})"), "callers: must be an array");
  CAF_CHECK_EQUAL(refusal(R"({"callers":[1]})"), "callers[0]: must be an object");
  CAF_CHECK_EQUAL(refusal(R"({"callers":[],"caller":[]})"), "the document: has no member \"caller\"");
  CAF_CHECK_EQUAL(refusal(document(good("gateway", 1, R"(,"may":["*"])"))),
                  "the document: an object has two members of the same name");
  CAF_CHECK_EQUAL(refusal("{\"callers\":[[[[[[[[[]]]]]]]]]}").substr(0, 26), "the document: is not JSON ");
}

CAF_TEST(everything wrong is told with its place) {
  const auto said =
    refusal(document(good("a", 1) + ',' + caller_of("b:c", R"(,"may":["internal","root"],"keys":[1])") + ','
                     + caller_of("d", R"(,"may":[],"kyes":[])")));
  CAF_CHECK_EQUAL(said, "callers[1].name: must be 1 to 64 letters, digits, dots, hyphens or underscores; "
                        "callers[1].may[1]: is no right or audience: \"root\"; "
                        "callers[1].keys[0]: must be the SHA-256 of a key in 64 lower-case hexadecimal digits; "
                        "callers[2]: has no member \"kyes\"; callers[2].may: must name at least one right");
}

CAF_TEST(names are checked) {
  for (const std::string bad : {"", "a b", "a:b", "a/b", "\\u00e9", "\\u0000"})
    CAF_CHECK_EQUAL(refusal(document(good(bad, 1))).substr(0, 16), "callers[0].name:");
  CAF_CHECK_EQUAL(refusal(document(good(std::string(65, 'a'), 1))).substr(0, 16), "callers[0].name:");
  CAF_CHECK_EQUAL(refusal(document(good(std::string(64, 'a'), 1))), "none");
  CAF_CHECK_EQUAL(refusal(document(R"({"may":["*"],"keys":[]})")).substr(0, 16), "callers[0].name:");
}

CAF_TEST(a caller without rights or proofs is refused) {
  CAF_CHECK_EQUAL(refusal(document(caller_of("a", R"(,"may":["*"])"))),
                  "callers[0]: needs a key or a certificate");
  CAF_CHECK_EQUAL(refusal(document(caller_of("a", R"(,"may":["*"],"keys":[],"certificates":[])"))),
                  "callers[0]: needs a key or a certificate");
  CAF_CHECK_EQUAL(refusal(document(caller_of("a", ",\"keys\":[\"" + hash_text(1) + "\"]"))),
                  "callers[0].may: must name at least one right");
  CAF_CHECK_EQUAL(refusal(document(caller_of("a", ",\"may\":\"*\",\"keys\":[\"" + hash_text(1) + "\"]"))),
                  "callers[0].may: must be an array");
  CAF_CHECK_EQUAL(refusal(document(caller_of("a", ",\"may\":[true],\"keys\":[\"" + hash_text(1) + "\"]"))),
                  "callers[0].may[0]: must be a string");
}

CAF_TEST(nothing is given twice) {
  CAF_CHECK_EQUAL(refusal(document(good("a", 1) + ',' + good("a", 2))),
                  "callers[1].name: is another caller's already: \"a\"");
  CAF_CHECK_EQUAL(refusal(document(good("a", 1) + ',' + good("b", 1))), "callers[1].keys[0]: is given twice");
  CAF_CHECK_EQUAL(refusal(document(caller_of("a", ",\"may\":[\"*\"],\"keys\":[\"" + hash_text(1) + "\",\""
                                                    + hash_text(1) + "\"]"))),
                  "callers[0].keys[1]: is given twice");
  const std::string certified = R"(,"certificates":["x.example"])";
  CAF_CHECK_EQUAL(refusal(document(good("a", 1, certified) + ',' + good("b", 2, certified))),
                  "callers[1].certificates[0]: is given twice: \"x.example\"");
  CAF_CHECK_EQUAL(refusal(document(good("a", 1, R"(,"certificates":["x","y","x"])"))),
                  "callers[0].certificates[2]: is given twice: \"x\"");
  CAF_CHECK_EQUAL(
    refusal(document(caller_of("a", ",\"may\":[\"user\",\"user\"],\"keys\":[\"" + hash_text(1) + "\"]"))),
    "callers[0].may[1]: is given twice: \"user\"");
}

CAF_TEST(a key in the place of its hash is refused and never repeated) {
  const std::string key = "pck_" + std::string(43, '0') + "abcdef";
  const auto said = refusal(document(caller_of("a", ",\"may\":[\"*\"],\"keys\":[\"" + key + "\"]")));
  CAF_CHECK_EQUAL(
    said, "callers[0].keys[0]: is a key itself: only its hash belongs here, and the key is to be replaced");
  const auto other = refusal(document(caller_of("a", R"(,"may":["*"],"keys":["correct horse battery staple"])")));
  CAF_CHECK_EQUAL(other.find("horse"), std::string::npos);
}

CAF_TEST(certificates are URIs or DNS names) {
  for (const std::string fine : {"spiffe://example.org/ns/a/sa/b", "https://a.example/b", "a.example", "a_b-c.d1"})
    CAF_CHECK_EQUAL(refusal(document(good("a", 1, ",\"certificates\":[\"" + fine + "\"]"))), "none");
  for (const std::string bad : {"", "A.example", "*.example", "a b", "spiffe:/a", "spiffe://a b", "CN=a"})
    CAF_CHECK_EQUAL(refusal(document(good("a", 1, ",\"certificates\":[\"" + bad + "\"]"))),
                    "callers[0].certificates[0]: must be a URI (spiffe://…) or a DNS name in lower case");
}

CAF_TEST(a rate is two whole numbers) {
  const auto with_rate = [](const std::string& rate) {
    return refusal(document(good("a", 1, ",\"rate\":" + rate)));
  };
  CAF_CHECK_EQUAL(with_rate(R"({"quota":1,"window_s":86400})"), "none");
  CAF_CHECK_EQUAL(with_rate("5"), "callers[0].rate: must be an object");
  CAF_CHECK_EQUAL(with_rate(R"({"quota":0,"window_s":1})"),
                  "callers[0].rate.quota: must be a whole number from 1 to 1000000000");
  CAF_CHECK_EQUAL(with_rate(R"({"quota":1.5,"window_s":86401,"burst":1})"),
                  "callers[0].rate: has no member \"burst\"; "
                  "callers[0].rate.quota: must be a whole number from 1 to 1000000000; "
                  "callers[0].rate.window_s: must be a whole number from 1 to 86400");
  CAF_CHECK_EQUAL(with_rate(R"({"quota":1})"), "callers[0].rate.window_s: must be a whole number from 1 to 86400");
}

CAF_TEST(sizes are bounded) {
  std::string many;
  for (std::size_t i = 0; i <= callers_max; ++i)
    many += (i == 0 ? "" : ",") + good("a" + std::to_string(i), static_cast<int>(i));
  CAF_CHECK_EQUAL(refusal(document(many)), "callers: must have at most 1024 elements");
  std::string keys;
  for (std::size_t i = 0; i <= caller_keys_max; ++i)
    keys += (i == 0 ? "\"" : ",\"") + hash_text(static_cast<int>(i)) + '"';
  CAF_CHECK_EQUAL(refusal(document(caller_of("a", ",\"may\":[\"*\"],\"keys\":[" + keys + "]"))).substr(0, 30),
                  "callers[0].keys: must have at ");
  CAF_CHECK_EQUAL(refusal(std::string(callers_file_bytes_max + 1, ' ')),
                  "the document: must be at most 1048576 bytes long");
}

CAF_TEST(what is told is bounded and printable) {
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += (i == 0 ? "" : ",") + good("a" + std::to_string(i), i, R"(,"certificates":[7])");
  const auto said = refusal(document(many));
  CAF_CHECK_EQUAL(said.substr(said.size() - 13), "; and 68 more");
  CAF_CHECK_EQUAL(refusal("{\"callers\":[],\"\\n\\u001b[2J\":1}"), "the document: has no member \"??[2J\"");
}
