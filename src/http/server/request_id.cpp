#include "http/server/request_id.hpp"

#include "core/hex.hpp"
#include "core/splitmix64.hpp"

namespace portcullis::http {

std::string make_request_id(std::uint64_t counter) {
  auto bits = splitmix64_mix(counter);
  std::string id(15, '0');
  for (auto& digit : id) {
    digit = hex::digits[bits & 0xF];
    bits >>= 4;
  }
  return id;
}

} // namespace portcullis::http
