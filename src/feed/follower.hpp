#pragma once

#include "core/model.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <string>

namespace portcullis::feed {

/// Who follows the log, for operators.
struct follower_origin {
  std::string caller;  // by its name in the callers' file; empty: nobody has proven to be one
  std::string address; // empty: not known
};

/// A follower as it is now.
struct follower_state {
  bool is_stream = false; // else a long poll
  follower_origin origin;
  cursor position; // every event up to it was handed over
  std::uint64_t behind =
    0;             // places of the log that were not; 0 for one of another history, which is told to start over
  instant since{}; // when the stream, or the poll, began
};

} // namespace portcullis::feed
