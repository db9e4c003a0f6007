#pragma once

#include <chrono>
#include <cstddef>

namespace portcullis {

/// How long sessions may live, and how many an account may have at one time. Zero: without a bound.
struct session_policy {
  std::chrono::milliseconds max_age{0};
  std::chrono::milliseconds guest_max_age{0}; // while the account is a guest's
  std::size_t per_account_max = 1000;         // past it the oldest end
};

} // namespace portcullis
