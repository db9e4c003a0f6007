#pragma once

#include "core/operations.hpp"
#include "core/result.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The two routes of the service that an edge uses, as bytes to and from the domain's values. What comes in is
/// checked as a stranger's: an answer of the wrong shape is an error, never a guess.
namespace portcullis::edge {

inline constexpr std::string_view lookup_target = "/api/v1/internal/sessions/lookup";
inline constexpr std::size_t lookup_hashes_max = 256;

/// `{"hashes":[…],"min_cursor"?}`.
std::string render_lookup(const std::vector<token_hash>& hashes, const std::optional<cursor>& min_cursor);

struct lookup_page {
  std::vector<store::find_session::result> results; // in the order asked
  /// How old the state is that they were read from; nothing if the answer does not tell.
  std::optional<std::chrono::milliseconds> age;
};

/// The answer to `hashes`.
result<lookup_page> decode_lookup(std::string_view body, const std::vector<token_hash>& hashes);

/// `GET /revocations`; without a cursor it tells the position of now.
std::string feed_target(const std::optional<cursor>& after, std::size_t limit, std::chrono::seconds wait);
inline constexpr std::size_t feed_limit_max = 200;

struct event_page {
  std::vector<revocation_event> events;
  std::vector<std::optional<std::chrono::milliseconds>>
    event_ages; // of each, when it was told; where that is known
  cursor position;
  bool reset = false;
  /// How long before the answer the service's last complete read of the log began; nothing if it does not tell or
  /// has not read it yet.
  std::optional<std::chrono::milliseconds> age;
  /// What the database's clock showed when it was answered, if it is told.
  std::optional<timestamp> now;
};

result<event_page> decode_event_page(std::string_view body);

} // namespace portcullis::edge
