#include "core/failpoint.hpp"

#ifdef PORTCULLIS_FAILPOINTS

#include "core/environment.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace portcullis {

namespace {

constexpr auto failpoint_count = static_cast<std::size_t>(failpoint::count);

constexpr std::array<std::string_view, failpoint_count> names{
  // In the order of `failpoint`.
  // clang-format off
  "durable_mint",
  "lease",
  "lease_from_read_start",
  "lease_log_age",
  "lookup_min_cursor",
  "load_stamp",
  "cursor_before_snapshot",
  "stamp_after_position",
  "resume_from_cursor",
  "log_lock",
  "log_lock_with_sync",
  "idempotent_retry",
  "claim_decided_by_index",
  "generation_lock",
  "connection_generation",
  "subscriber_bound",
  "connection_bound",
  "read_write_only",
  "newest_timeline",
  "epoch_check",
  "synchronous_commit",
  // clang-format on
};

std::array<bool, failpoint_count> read_environment() noexcept {
  std::array<bool, failpoint_count> armed{};
  auto rest = environment_variable("PORTCULLIS_FAILPOINTS_ARMED");
  while (!rest.empty()) {
    auto comma = rest.find(',');
    auto name = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    bool is_known = false;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) {
        armed[i] = true;
        is_known = true;
      }
    if (!is_known) { // a control that arms nothing would prove nothing
      std::fprintf(stderr, "PORTCULLIS_FAILPOINTS_ARMED: no failpoint is called '%.*s'\n",
                   static_cast<int>(name.size()), name.data());
      std::abort();
    }
  }
  return armed;
}

} // namespace

bool fails(failpoint what) noexcept {
  static const auto armed = read_environment();
  return armed[static_cast<std::size_t>(what)];
}

} // namespace portcullis

#endif
