#pragma once

#include "http/server/access_mode.hpp"
#include "http/server/connection.hpp"

#include <cstdint>

namespace portcullis::http {

/// The line `request` for an answer.
class access_log {
public:
  explicit access_log(access_mode mode = access_mode::off) noexcept : mode_(mode) {}

  void note(const exchange& x, instant now);

private:
  bool takes_sample(instant now);

  access_mode mode_;
  instant sampled_at_ = instant::min();
  std::uint64_t passed_over_ = 0; // since the last sample
};

} // namespace portcullis::http
