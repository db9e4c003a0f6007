#pragma once

#include "core/operations.hpp"
#include "telemetry/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

namespace portcullis::db {

/// `mint_session`, `ping`, …
std::string_view name_of(const store::operation& op) noexcept;

/// What became of the operations: how long they took, and what they did to sessions and accounts. Each is noted
/// once, with the outcome that its caller is told.
class pool_numbers {
public:
  void waited(std::chrono::nanoseconds time) noexcept {
    wait_.observe(time);
  }
  void sent_batch(std::size_t operations) noexcept {
    batch_.observe_count(operations);
  }
  void note(const store::operation& op, const store::outcome& became, std::chrono::nanoseconds took);

  void add_to(metrics::snapshot& s) const;

private:
  struct domain {
    std::uint64_t minted_for_account = 0;
    std::uint64_t minted_for_identity = 0;
    std::uint64_t minted_for_guest = 0;
    std::uint64_t rotated = 0;
    std::uint64_t revoked = 0;
    std::uint64_t revoked_all = 0;
    std::uint64_t superseded = 0;
    std::uint64_t bulk_revoked = 0;
    std::uint64_t accounts_created = 0;
    std::uint64_t guests_created = 0;
    std::uint64_t accounts_deleted = 0;
    std::uint64_t identities_linked = 0;
    std::uint64_t guests_upgraded = 0;
    std::uint64_t guests_swept = 0;
    std::uint64_t sessions_swept = 0;
    std::uint64_t events_swept = 0;
    std::uint64_t audit_swept = 0;
  };
  class reader;

  void add_domain_to(metrics::snapshot& s) const;

  metrics::histogram wait_;
  metrics::histogram batch_{metrics::histogram::scale::count};
  std::map<std::pair<std::size_t, errc>, metrics::histogram> took_; // by kind and failure of the service's own
  domain done_;
};

} // namespace portcullis::db
