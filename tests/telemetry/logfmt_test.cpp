#include "telemetry/logfmt.hpp"

#include "core/token.hpp"
#include "core/utf8.hpp"

#include "caf/test/unit_test.hpp"

#include <boost/json.hpp>

#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

using namespace portcullis;

namespace {

const timestamp noon{std::chrono::microseconds{1767355445678901}}; // 2026-01-02T12:04:05.678901Z
const std::string head = "ts=2026-01-02T12:04:05.678901Z level=info msg=";

std::string one_line(std::string_view event, std::initializer_list<log::field> fields = {},
                     std::string_view service = {}) {
  log::line l{noon, log::level::info, event, service};
  for (const log::field& f : fields)
    l.add(f);
  return std::string{l.finish()};
}

std::string one_json_line(std::string_view event, std::initializer_list<log::field> fields = {},
                          std::string_view service = {}) {
  log::line l{noon, log::level::info, event, service, log::form::json};
  for (const log::field& f : fields)
    l.add(f);
  return std::string{l.finish()};
}

// Bytes of every kind, those that end lines, quotes and fields more often than others.
std::string hostile_text(std::minstd_rand& dice) {
  constexpr std::string_view favourites{"\n\r\0\"\\= {}\x1B\x7F,:", 13};
  std::string text(dice() % 40, '\0');
  for (char& c : text)
    c = dice() % 2 == 0 ? favourites[dice() % favourites.size()] : static_cast<char>(dice() % 256);
  return text;
}

// The keys of a line in logfmt, as a reader that trusts quotes finds them.
std::vector<std::string> keys_of(std::string_view line) {
  std::vector<std::string> keys;
  for (std::size_t at = 0; at < line.size();) {
    const auto equals = line.find('=', at);
    if (equals == std::string_view::npos)
      break;
    keys.emplace_back(line.substr(at, equals - at));
    at = equals + 1;
    if (line[at] == '"') {
      for (++at; line[at] != '"'; ++at)
        at += line[at] == '\\' ? 1 : 0;
      ++at;
    } else {
      at = line.find_first_of(" \n", at);
    }
    ++at; // the space
  }
  return keys;
}

// The value as it stands in a line.
std::string value(std::string_view text) {
  char out[log::value_bytes_max];
  return {out, log::write_value(text, out, sizeof out)};
}

template <class T>
constexpr bool is_loggable = std::is_constructible_v<log::field, std::string_view, T>;

static_assert(is_loggable<std::string> && is_loggable<const char*> && is_loggable<int> && is_loggable<bool>);
static_assert(!is_loggable<token> && !is_loggable<const token&>);
static_assert(!is_loggable<token_hash>);
static_assert(!is_loggable<void*>, "a pointer is not a bool");

} // namespace

CAF_TEST(a line begins with time level and message) {
  CAF_CHECK_EQUAL(one_line("listening"), head + "listening\n");
  CAF_CHECK_EQUAL(one_line("listening", {{"addr", ":8080"}}, "portcullis"),
                  head + "listening service=portcullis addr=:8080\n");
}

CAF_TEST(every type of value has its form) {
  CAF_CHECK_EQUAL(one_line("x", {{"a", std::string{"text"}},
                                 {"b", std::string_view{"view"}},
                                 {"c", "literal"},
                                 {"d", true},
                                 {"e", false},
                                 {"f", 1.5},
                                 {"g", std::numeric_limits<std::int64_t>::min()},
                                 {"h", std::numeric_limits<std::uint64_t>::max()},
                                 {"i", std::uint16_t{8080}}}),
                  head
                    + "x a=text b=view c=literal d=true e=false f=1.5 g=-9223372036854775808"
                      " h=18446744073709551615 i=8080\n");
}

CAF_TEST(a value is bare only when nothing in it can be misread) {
  CAF_CHECK_EQUAL(value("GET:/a/b?c~%20,[x]"), "GET:/a/b?c~%20,[x]");
  CAF_CHECK_EQUAL(value(""), R"("")");
  CAF_CHECK_EQUAL(value("two words"), R"("two words")");
  CAF_CHECK_EQUAL(value("a=b"), R"("a=b")");
  CAF_CHECK_EQUAL(value("say \"hi\""), R"("say \"hi\"")");
  CAF_CHECK_EQUAL(value("back\\slash"), R"("back\\slash")");
}

CAF_TEST(no value ends its line or steers a terminal) {
  CAF_CHECK_EQUAL(value("x\nlevel=error msg=forged"), R"("x\nlevel=error msg=forged")");
  CAF_CHECK_EQUAL(value("\r\t"), R"("\r\t")");
  CAF_CHECK_EQUAL(value(std::string_view{"\0\x1B[2J\x7F", 6}), R"("\u0000\u001b[2J\u007f")");
  CAF_CHECK_EQUAL(value("\xC2\x9B"
                        "31m"),
                  R"("\u009b31m")");                                                             // CSI in C1
  CAF_CHECK_EQUAL(value("\xE2\x80\xA8|\xE2\x80\xAE|\xE2\x81\xA6"), R"("\u2028|\u202e|\u2066")"); // LS, RLO, LRI
}

CAF_TEST(text in any language is kept) {
  CAF_CHECK_EQUAL(value("Zoë"), R"("Zoë")");
  CAF_CHECK_EQUAL(value("玩家🎲"), R"("玩家🎲")");
}

CAF_TEST(invalid UTF - 8 becomes the replacement character) {
  CAF_CHECK_EQUAL(value("a\xFF"
                        "b"),
                  "\"a\uFFFD"
                  "b\"");
  CAF_CHECK_EQUAL(value("\xC0\xAF"), "\"\uFFFD\uFFFD\"");           // overlong
  CAF_CHECK_EQUAL(value("\xED\xA0\x80"), "\"\uFFFD\uFFFD\uFFFD\""); // surrogate
  CAF_CHECK_EQUAL(value("\xE2\x82"), "\"\uFFFD\uFFFD\"");           // cut short
  CAF_CHECK_EQUAL(value("\xF5\x80\x80\x80").find("\uFFFD"), 1u);    // beyond U+10FFFF
}

CAF_TEST(a long value is cut between characters) {
  char out[16];
  const auto cut = [&](std::string_view text) {
    return std::string{out, log::write_value(text, out, sizeof out)};
  };
  CAF_CHECK_EQUAL(cut(std::string(16, 'a')), std::string(16, 'a'));
  CAF_CHECK_EQUAL(cut(std::string(17, 'a')), '"' + std::string(11, 'a') + "…\"");
  CAF_CHECK_EQUAL(cut("aaaaaaaaaa\xE2\x82\xAC zzzz"), "\"aaaaaaaaaa…\"");
  CAF_CHECK_EQUAL(cut("aaaaaaaaaa\n\n\n"), "\"aaaaaaaaaa…\"");

  const std::string longest = one_line("x", {{"v", std::string(log::value_bytes_max + 1, 'v')}, {"after", 1}});
  CAF_CHECK_NOT_EQUAL(longest.find("v…\" after=1\n"), std::string::npos);
  CAF_CHECK(longest.size() < head.size() + log::value_bytes_max + 20);
}

CAF_TEST(a line has a bound and says when it left something out) {
  const std::string big(log::value_bytes_max, '"'); // each takes two bytes
  const std::string text =
    one_line(big, {{"a", big}, {"b", big}, {"c", big}, {"d", big}, {"e", big}, {"f", big}, {"small", 1}});
  CAF_CHECK(text.size() <= log::line_bytes_max);
  const std::string mark = " truncated=true\n";
  CAF_CHECK_EQUAL(text.substr(text.size() - mark.size()), mark);
  CAF_CHECK_EQUAL(text.find('\n'), text.size() - 1);
  CAF_CHECK_EQUAL(text.find(" small="), std::string::npos);
}

CAF_TEST(however long the fields are the line ends within its bound) {
  for (std::size_t length = 0; length < 2 * log::value_bytes_max; ++length) {
    const std::string text(length, 'x');
    const std::string made = one_line(text, {{"a", text}, {"b", text}, {"c", text}, {"n", 1}, {"d", text}});
    if (made.size() > log::line_bytes_max || made.back() != '\n')
      CAF_FAIL("length " << length << " makes a line of " << made.size() << " bytes");
  }
  CAF_CHECK(one_line("").back() == '\n');
}

CAF_TEST(a line of JSON has the same fields) {
  CAF_CHECK_EQUAL(
    one_json_line("listening", {{"addr", ":8080"}, {"n", -1}, {"is", true}, {"x", 1.5}}, "portcullis"),
    R"({"ts":"2026-01-02T12:04:05.678901Z","level":"info","msg":"listening","service":"portcullis",)"
    R"("addr":":8080","n":-1,"is":true,"x":1.5})"
    "\n");
  CAF_CHECK_EQUAL(one_json_line("x", {{"v", std::numeric_limits<double>::infinity()}}),
                  R"({"ts":"2026-01-02T12:04:05.678901Z","level":"info","msg":"x","v":"inf"})"
                  "\n");
}

CAF_TEST(no value from outside forges a line or a field) {
  std::minstd_rand dice{12};
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = hostile_text(dice);
    const std::string b = hostile_text(dice);
    const std::string line = one_line("x", {{"a", a}, {"b", b}, {"end", 1}});
    const std::vector<std::string> expected{"ts", "level", "msg", "a", "b", "end"};
    if (line.find('\n') != line.size() - 1 || keys_of(line) != expected)
      CAF_FAIL("forged in round " << i << ": " << line);

    const std::string json = one_json_line("x", {{"a", a}, {"b", b}, {"end", 1}});
    boost::json::error_code error;
    const auto parsed = boost::json::parse(json, error);
    if (json.find('\n') != json.size() - 1 || error || parsed.as_object().size() != expected.size())
      CAF_FAIL("forged in round " << i << ": " << json);
    if (is_valid_utf8(a))
      CAF_REQUIRE_EQUAL(std::string{parsed.at("a").as_string()}, a);
  }
}

CAF_TEST(a line of JSON that left something out says so and is still JSON) {
  const std::string big(log::value_bytes_max, '"');
  const std::string text = one_json_line(big, {{"a", big}, {"b", big}, {"c", big}, {"d", big}, {"e", big}});
  CAF_CHECK(text.size() <= log::line_bytes_max);
  CAF_CHECK(boost::json::parse(text).at("truncated").as_bool());
  for (std::size_t length = 0; length < 2 * log::value_bytes_max; length += 7) {
    const std::string x(length, 'x');
    const std::string made = one_json_line(x, {{"a", x}, {"b", x}, {"c", x}, {"n", 1}, {"d", x}});
    boost::json::error_code error;
    boost::json::parse(made, error);
    if (made.size() > log::line_bytes_max || error)
      CAF_FAIL("length " << length << " makes " << made);
  }
}

CAF_TEST(a quoted value is always in quotes) {
  CAF_CHECK_EQUAL(log::quoted("bare"), "\"bare\"");
  CAF_CHECK_EQUAL(log::quoted("a\nb"), R"("a\nb")");
  CAF_CHECK_EQUAL(log::quoted(std::string(5000, 'x')).size(), log::value_bytes_max);
}

CAF_TEST(levels have names) {
  for (const auto l : {log::level::debug, log::level::info, log::level::warn, log::level::error})
    CAF_CHECK(log::parse_level(to_string(l)) == l);
  CAF_CHECK(!log::parse_level("INFO"));
  CAF_CHECK(!log::parse_level(""));
}
