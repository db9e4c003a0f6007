#pragma once

#include <cstdint>
#include <mutex>

namespace portcullis::db {

/// Where a server stands in the history of its cluster. A promotion begins a new timeline.
struct server_history {
  std::uint64_t system = 0; // PostgreSQL's system identifier: the same on a primary and its standbys
  std::uint32_t timeline = 0;
};

/// The newest timeline that any connection of this process has met. An old primary that comes back after its
/// standby was promoted takes writes as if nothing had happened; only its timeline gives it away. Thread-safe.
class timelines {
public:
  /// Takes note of a server that a connection was made to. False: one of a newer timeline was met before.
  bool meet(const server_history& server);

  /// Whether no server of a newer timeline than `server` was met since.
  bool is_newest(const server_history& server) const;

private:
  bool is_newest_locked(const server_history& server) const;

  mutable std::mutex mutex_;
  server_history newest_;
};

} // namespace portcullis::db
