#include "db/timelines.hpp"

namespace portcullis::db {

bool timelines::meet(const server_history& server) {
  std::lock_guard lock{mutex_};
  if (!is_newest_locked(server))
    return false;
  newest_ = server; // of another system as well: a cluster that was restored from a dump begins anew
  return true;
}

bool timelines::is_newest(const server_history& server) const {
  std::lock_guard lock{mutex_};
  return is_newest_locked(server);
}

bool timelines::is_newest_locked(const server_history& server) const {
  return server.system != newest_.system || server.timeline >= newest_.timeline;
}

} // namespace portcullis::db
