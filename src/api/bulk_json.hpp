#pragma once

#include "core/result.hpp"
#include "core/revocation_job.hpp"

#include <cstddef>
#include <string>
#include <string_view>

/// JSON of bulk revocations.
namespace portcullis::api {

/// Ids in one body: as many as fit into 64 KiB with room to spare.
inline constexpr std::size_t bulk_ids_max = 1'000;
inline constexpr std::size_t bulk_networks_max = 256;

struct bulk_revocation_body {
  session_selector selects;
  std::string reason;
  bool dry_run = false;
};

/// `{"accounts":[…]|"sessions":[…]|"filter":{…}|"all":true,"reason"?,"dry_run"?}`. Unlike elsewhere, members that
/// are not known are refused: a misspelt condition or `dry_run` would end more than was meant.
result<bulk_revocation_body> decode_bulk_revocation(std::string_view body);

std::string render_counts(const revocation_counts& counts); // {"sessions","accounts","dry_run":true}
std::string render_accepted(const revocation_job& job);     // {"job_id"}
/// {"job_id","state","reason","done":{…},"total":{…}|null,"cursor","accepted_at","started_at","finished_at"}
std::string render_job(const revocation_job& job);

} // namespace portcullis::api
