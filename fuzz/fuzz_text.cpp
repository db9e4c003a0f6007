// Any bytes as what people and clients send: stored in one form, which is left as it is, or refused with a reason.

#include "core/time.hpp"
#include "core/utf8.hpp"
#include "http/accept.hpp"
#include "http/transcript.hpp"
#include "text/device.hpp"
#include "text/display_name.hpp"
#include "text/identity.hpp"

#include <cstdint>

namespace {

using namespace portcullis;
using http::demand;

void check_stored(const std::string& text, std::size_t bytes_max) {
  demand(text.size() <= bytes_max && is_valid_utf8(text) && text.find('\0') == std::string::npos,
         "a text is bounded and can be stored");
}

void check_normalized(const result<std::string>& first, std::size_t bytes_max,
                      result<std::string> (*normalize)(std::string_view)) {
  if (!first) {
    demand(first.error().code == errc::value_unacceptable && !first.error().detail.empty(),
           "a refusal has a reason");
    return;
  }
  check_stored(*first, bytes_max);
  const auto second = normalize(*first);
  demand(second && *second == *first, "what is stored is left as it is");
}

void check_address(std::string_view bytes) {
  const auto stored = text::storable_address(bytes);
  check_stored(stored, 45);
  demand(text::storable_address(stored) == stored, "an address is left as it is");
}

void check_time(std::string_view bytes) {
  if (const auto t = parse_rfc3339(bytes))
    demand(parse_rfc3339(to_rfc3339(*t)).has_value(), "a time that is written is read");
}

void check_accept(std::string_view bytes) {
  const auto head = "Accept: " + std::string{bytes} + "\r\n";
  const auto quality = http::quality_of({head, "accept"}, "text/event-stream");
  demand(quality >= 0 && quality <= 1, "a weight is from 0 to 1");
  if (http::prefers_event_stream(http::field_lines{head, "accept"}))
    demand(quality > 0, "a stream that is preferred is acceptable");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  check_normalized(text::normalize_email(bytes), 254, text::normalize_email);
  check_normalized(text::normalize_telegram_id(bytes), 19, text::normalize_telegram_id);
  check_normalized(text::normalize_display_name(bytes), 256, text::normalize_display_name);
  if (const auto prefix = text::fold_identity_prefix(bytes))
    check_stored(*prefix, 254);
  check_stored(text::storable_text(bytes, 16), 16);
  check_address(bytes);
  check_time(bytes);
  check_accept(bytes);
  return 0;
}
