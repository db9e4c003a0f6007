// Any bytes as the callers' file and as credentials: read or refused with a reason that can be logged.

#include "http/transcript.hpp"
#include "trust/authenticate.hpp"
#include "trust/caller_key.hpp"
#include "trust/callers_file.hpp"

#include <algorithm>
#include <cstdint>

namespace {

using namespace portcullis;
using namespace portcullis::http;
using namespace portcullis::trust;

const caller_registry& nobody() {
  static const caller_registry empty;
  return empty;
}

void check_reason(const failure& why) {
  demand(why.code == errc::value_unacceptable && !why.detail.empty() && why.detail.size() < 100'000,
         "a refusal has a bounded reason");
  demand(std::all_of(why.detail.begin(), why.detail.end(),
                     [](char c) { return c != '\n' && c != '\0' && c != '\x1b'; }),
         "a reason is one line");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  if (const auto callers = parse_callers(bytes); !callers)
    check_reason(callers.error());
  else
    demand((*callers)->size() <= callers_max, "callers are bounded");
  (void)parse_right(bytes);
  (void)parse_key_hash(bytes);
  credentials presented;
  presented.key_header = bytes;
  presented.authorization = bytes;
  presented.client_id = bytes;
  presented.client_secret = bytes;
  demand(!authenticate(presented, nobody()), "nobody is nobody");
  return 0;
}
