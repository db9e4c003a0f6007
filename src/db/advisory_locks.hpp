#pragma once

#include <cstdint>

/// The advisory locks of this service; they are per database.
namespace portcullis::db {

/// Held by a transaction from before it draws a seq of the revocation log until its commit.
inline constexpr std::int64_t revocation_log_lock = 7'306'084'001;

/// Held by the session that migrates.
inline constexpr std::int64_t migration_lock = 7'306'084'002;

/// Held by each transaction of a sweep: one replica at a time.
inline constexpr std::int64_t reaper_lock = 7'306'084'003;

/// Held by each transaction of a step over stored data that follows the migrations.
inline constexpr std::int64_t data_step_lock = 7'306'084'004;

/// Held by each transaction that works on bulk revocations: one replica at a time.
inline constexpr std::int64_t bulk_revocation_lock = 7'306'084'005;

} // namespace portcullis::db
