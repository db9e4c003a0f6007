#pragma once

#include "core/model.hpp"

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

/// Small values for tests, each told by one number.
namespace portcullis::test {

/// The number in the last four bytes, so that it shows at the end of the text.
inline uuid make_uuid(std::uint32_t n) {
  uuid id;
  for (std::size_t i = 0; i < 4; ++i)
    id.bytes[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  return id;
}

inline token_hash make_hash(std::uint32_t n) {
  token_hash hash;
  for (std::size_t i = 0; i < 4; ++i)
    hash.bytes[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  return hash;
}

inline session_record make_record(std::uint32_t session, std::uint32_t account, std::int32_t generation = 0) {
  session_record record;
  record.session_id = make_uuid(session);
  record.account_id = make_uuid(account);
  record.created_at = timestamp{std::chrono::microseconds{session}};
  record.generation = generation;
  return record;
}

inline instant at(std::int64_t seconds) {
  return instant{std::chrono::seconds{seconds}};
}

/// A new seed on each run; set PORTCULLIS_TEST_SEED to repeat one. Tests print the one that they use.
inline std::uint64_t random_seed() {
  if (const char* text = std::getenv("PORTCULLIS_TEST_SEED"))
    return std::strtoull(text, nullptr, 10);
  return std::random_device{}();
}

class dice {
public:
  explicit dice(std::uint64_t seed) : engine_(seed) {
    // nop
  }

  /// 0 to `n` - 1.
  std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(engine_() % n);
  }

  bool percent(std::uint32_t chance) {
    return below(100) < chance;
  }

private:
  std::mt19937_64 engine_;
};

} // namespace portcullis::test
