#include "core/protection.hpp"

#ifdef PORTCULLIS_REMOVABLE_PROTECTIONS

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace portcullis {

namespace {

constexpr auto protection_count = static_cast<std::size_t>(protection::count);

constexpr std::array<std::string_view, protection_count> names{
  // In the order of `protection`.
  // clang-format off
  "durable_mint",
  "lease",
  "lease_from_read_start",
  "load_stamp",
  "cursor_before_snapshot",
  "stamp_after_position",
  "resume_from_cursor",
  "log_latch",
  "idempotent_retry",
  "claim_decided_by_index",
  "generation_lock",
  "connection_generation",
  "subscriber_bound",
  "connection_bound",
  "read_write_only",
  "newest_timeline",
  "history_check",
  // clang-format on
};

std::array<bool, protection_count> read_environment() noexcept {
  std::array<bool, protection_count> held{};
  held.fill(true);
  const char* text = std::getenv("PORTCULLIS_WITHOUT");
  std::string_view rest = text == nullptr ? "" : text;
  while (!rest.empty()) {
    auto comma = rest.find(',');
    auto name = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    bool is_known = false;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) {
        held[i] = false;
        is_known = true;
      }
    if (!is_known) { // a control that removes nothing would prove nothing
      std::fprintf(stderr, "PORTCULLIS_WITHOUT: no protection is called '%.*s'\n", static_cast<int>(name.size()),
                   name.data());
      std::abort();
    }
  }
  return held;
}

} // namespace

bool holds(protection what) noexcept {
  static const auto held = read_environment();
  return held[static_cast<std::size_t>(what)];
}

} // namespace portcullis

#endif
