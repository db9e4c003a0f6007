#pragma once

#include "core/error.hpp"
#include "core/log_page.hpp"
#include "core/model.hpp"
#include "core/time.hpp"
#include "db/connection.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace portcullis::db {

/// The reader's side of the revocation log, on a connection of its own. Every call that fails leaves the log
/// closed: `open` again.
class revocation_log {
public:
  /// Connects and subscribes to the NOTIFY hints (LISTEN committed before it returns, so nothing after `position`
  /// goes unhinted).
  failure open(const connect_options& options, instant deadline);
  bool is_open() const noexcept;
  void close() noexcept;
  int socket() const noexcept;

  /// The end of the log: epoch and last committed seq.
  failure position(cursor* out, instant deadline);

  /// The events after `after`, at most `limit`. Leaves `as_of` to the caller.
  failure read(cursor after, std::size_t limit, log_page* out, instant deadline);

  /// Streams the active sessions, newest first, at most `limit`, by binary COPY, handing them over in chunks of at
  /// most `chunk` entries; stops early when `sink` returns false.
  failure stream_active(std::size_t limit, std::size_t chunk,
                        const std::function<bool(std::vector<warm_session>&&)>& sink, instant deadline);

  /// Tells the other replicas that there is something new (empty payload, outside any transaction).
  failure notify(instant deadline);

  /// Takes in what the socket has; true if a hint was among it. A broken connection closes the log.
  bool drain_hints();

private:
  failure fail(std::string why);

  connection conn_;
};

} // namespace portcullis::db
