#include "caf/test/unit_test.hpp"

#include "core/audit.hpp"
#include "core/token.hpp"

#include <string>

using namespace portcullis;

CAF_TEST(actions have words that are read back) {
  for (const auto action : all_audit_actions) {
    CAF_CHECK(!to_string(action).empty());
    CAF_CHECK(parse_audit_action(to_string(action)) == action);
  }
  for (const char* text : {"", "session", "Session.minted", "session.minted "})
    CAF_CHECK(!parse_audit_action(text));
}

CAF_TEST(the ids of the audit are in the order of its times) {
  const auto at = *parse_rfc3339("2026-01-02T03:04:05.678901Z");
  const auto id = first_audit_id(at);
  // 1767323045678 milliseconds, and 901 microseconds times four.
  CAF_CHECK_EQUAL(to_string(id), "019b7ca9-8f2e-7e14-8000-000000000000");
  CAF_CHECK(id < first_audit_id(at + std::chrono::microseconds{1}));
  CAF_CHECK(first_audit_id(at - std::chrono::microseconds{902}) < id);
  // What no id can have is as early or as late as an id can be.
  CAF_CHECK(first_audit_id(*parse_rfc3339("0001-01-01T00:00:00Z")) == first_audit_id(timestamp{}));
  CAF_CHECK(id < first_audit_id(*parse_rfc3339("9999-12-31T23:59:59Z")));
}

CAF_TEST(tokens and keys are withheld wherever they stand) {
  const auto secret = std::string{token::from_random({{1, 2, 3}}).reveal()};
  CAF_CHECK_EQUAL(withhold_secrets(secret), "[withheld]");
  CAF_CHECK_EQUAL(withhold_secrets("lost " + secret + ", found"), "lost [withheld], found");
  CAF_CHECK_EQUAL(withhold_secrets("token=" + secret + secret), "token=[withheld]");
  auto key = secret;
  key.replace(0, 4, caller_key_prefix);
  CAF_CHECK_EQUAL(withhold_secrets("id-" + key + "-1"), "id-[withheld]-1");
  // A part of one, too.
  CAF_CHECK_EQUAL(withhold_secrets(secret.substr(0, 20)), "[withheld]");
  CAF_CHECK_EQUAL(withhold_secrets("pcs_ or pck_short"), "pcs_ or pck_short");
}

CAF_TEST(email addresses are withheld and other text is left as it is) {
  CAF_CHECK_EQUAL(withhold_secrets("asked by ann@example.org"), "asked by [withheld]");
  CAF_CHECK_EQUAL(withhold_secrets("<Ann.Lee+x@example.org>, twice"), "<[withheld]>, twice");
  CAF_CHECK_EQUAL(withhold_secrets("a@b c@d"), "[withheld] [withheld]");
  for (const char* text : {"", "lost phone", "password changed; 2 devices", "snake_case_reason", "Grüße"})
    CAF_CHECK_EQUAL(withhold_secrets(text), text);
}
