#pragma once

#include "core/time.hpp"
#include "core/token.hpp"
#include "core/uuid.hpp"

#include <cstddef>
#include <cstdint>

namespace portcullis {

/// Where an actor gets what it must not make up: time and randomness. Tests put their own here.
struct sources {
  timestamp (*wall_clock)() = wall_clock_now;
  instant (*monotonic)() = boot_clock::now;
  void (*random)(std::uint8_t* out, std::size_t size) = fill_random;
};

} // namespace portcullis
