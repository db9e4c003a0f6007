#pragma once

#include "core/token.hpp"
#include "trust/rate_limiter.hpp"
#include "trust/rights.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace portcullis::trust {

/// Somebody who may ask: a gateway, a service, an operator's tool.
struct caller {
  std::string name; // unique; letters, digits, `.`, `_`, `-`
  right_set may;
  std::optional<quota> rate; // its own; nothing: the one of all callers
};

/// What proves that somebody is a caller.
struct caller_proofs {
  std::vector<token_hash> keys;          // of the whole key texts; two while a key is rotated
  std::vector<std::string> certificates; // URI or DNS subject alternative names, DNS names in lower case
};

/// The callers of one version of the callers' file. Does not change: another version is another registry. Both
/// look-ups take constant time and allocate nothing.
class caller_registry {
public:
  caller_registry() = default;
  caller_registry(caller_registry&&) = default;
  caller_registry& operator=(caller_registry&&) = default;

  /// False when one of the proofs is another caller's already, or its own twice; nothing is added then.
  bool add(caller who, caller_proofs proofs);

  /// Null when nobody has it. A caller lives as long as the registry.
  ///
  /// The hash table is indexed by bits of the hash, so timing may tell how much of *a hash* somebody hit; to
  /// choose a key by its hash takes a preimage of SHA-256. The comparison itself is constant in time.
  const caller* find_key(const token_hash& hash) const noexcept;
  const caller* find_certificate(std::string_view name) const noexcept;
  const caller* find_name(std::string_view name) const noexcept;

  /// A caller as an operator may see it: never a key, nor the hash of one.
  struct listed {
    const caller* who;
    std::size_t keys;
    const std::vector<std::string>* certificates;
  };
  /// By name.
  std::vector<listed> list() const;

  std::size_t size() const noexcept {
    return by_name_.size();
  }

private:
  struct entry {
    caller who;
    std::vector<std::string> certificates; // what `by_certificate_` looks at
    std::size_t keys = 0;
  };

  std::unordered_map<std::string_view, std::unique_ptr<entry>> by_name_;
  std::unordered_map<token_hash, const entry*> by_key_;
  std::unordered_map<std::string_view, const entry*> by_certificate_;
};

} // namespace portcullis::trust
