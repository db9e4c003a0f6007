#include "api/json.hpp"
#include "core/hex.hpp"

#include <array>
#include <charconv>

// Written out rather than by a DOM: an edge asks for many sessions at once, and all values are ids, times and
// numbers that need no escaping.

namespace portcullis::api {

namespace {

using http::byte_buffer;

void put(byte_buffer& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

void put(byte_buffer& out, std::uint64_t number) {
  std::array<char, 20> digits{}; // of 2^64
  const auto [end, ec] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  put(out, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void put(byte_buffer& out, const uuid& id) {
  std::array<char, uuid::text_length> text{};
  id.write(text.data());
  put(out, {text.data(), text.size()});
}

void put(byte_buffer& out, timestamp t) {
  std::array<char, rfc3339_length> text{};
  write_rfc3339(t, text.data());
  put(out, {text.data(), text.size()});
}

void put_quoted(byte_buffer& out, cursor c) {
  std::array<std::uint8_t, 8> epoch{};
  for (std::size_t i = 0; i < epoch.size(); ++i)
    epoch[i] = static_cast<std::uint8_t>(c.epoch >> (56 - 8 * i));
  std::array<char, 16> digits{};
  hex::write(epoch.data(), epoch.size(), digits.data());
  put(out, "\"");
  put(out, std::string_view{digits.data(), digits.size()});
  put(out, "-");
  put(out, c.seq);
  put(out, "\"");
}

void put_active(byte_buffer& out, const lookup_answer& answer) {
  put(out, R"({"status":"active","session_id":")");
  put(out, answer.record.session_id);
  put(out, R"(","account_id":")");
  put(out, answer.record.account_id);
  put(out,
      answer.record.is_guest ? R"(","is_guest":true,"created_at":")" : R"(","is_guest":false,"created_at":")");
  put(out, answer.record.created_at);
  if (!answer.record.expires_at)
    return put(out, R"(","expires_at":null})");
  put(out, R"(","expires_at":")");
  put(out, *answer.record.expires_at);
  put(out, R"("})");
}

void put(byte_buffer& out, const lookup_answer& answer) {
  switch (answer.status) {
  case lookup_status::active:
    return put_active(out, answer);
  case lookup_status::revoked:
    return put(out, R"({"status":"revoked"})");
  case lookup_status::expired:
    return put(out, R"({"status":"expired"})");
  case lookup_status::unknown:
    return put(out, R"({"status":"unknown"})");
  }
}

} // namespace

void append_lookup(http::byte_buffer& out, const std::vector<lookup_answer>& results, cursor position,
                   std::chrono::milliseconds log_age) {
  put(out, R"({"results":[)");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i > 0)
      put(out, ",");
    put(out, results[i]);
  }
  put(out, R"(],"cursor":)");
  put_quoted(out, position);
  put(out, R"(,"log_age_ms":)");
  put(out, static_cast<std::uint64_t>(log_age.count()));
  put(out, "}");
}

} // namespace portcullis::api
