#pragma once

#include "actors/log_doorbell.hpp"
#include "actors/messages.hpp"
#include "db/revocation_log.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace portcullis {

/// The revocation log as the feed sees it. Every call may block its thread up to its deadline; a call that
/// fails leaves the source closed.
class revocation_source {
public:
  using warm_sink = std::function<bool(std::vector<warm_sessions::entry>&&)>;

  virtual ~revocation_source() = default;

  virtual bool is_open() const = 0;
  virtual failure open(instant deadline) = 0;
  virtual failure position(cursor* out, instant deadline) = 0;
  virtual failure read(cursor after, db::revocation_log::page* out, instant deadline) = 0;
  virtual failure stream_active(std::size_t limit, const warm_sink& sink, instant deadline) = 0;
  virtual failure notify(instant deadline) = 0;

  enum class wake { bell, hint, timeout };
  /// Waits until somebody rings, a hint comes in or `timeout` is over.
  virtual wake wait(std::chrono::nanoseconds timeout) = 0;
};

/// The real one, on a connection of its own.
std::unique_ptr<revocation_source> make_postgres_source(db::connect_options connect, log_doorbell_ptr bell,
                                                        std::size_t page_events_max,
                                                        std::size_t warm_chunk_entries = 4096);

} // namespace portcullis
