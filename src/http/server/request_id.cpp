#include "http/server/request_id.hpp"

#include "core/hex.hpp"
#include "core/splitmix64.hpp"

#include <array>
#include <cstring>

namespace portcullis::http {

std::string make_request_id(std::uint64_t counter) {
  const auto bits = splitmix64_mix(counter);
  std::array<std::uint8_t, sizeof bits> bytes{};
  std::memcpy(bytes.data(), &bits, bytes.size());
  std::array<char, 2 * bytes.size()> digits{};
  hex::write(bytes.data(), bytes.size(), digits.data());
  return {digits.data(), 15}; // as many as a std::string holds without the heap
}

} // namespace portcullis::http
