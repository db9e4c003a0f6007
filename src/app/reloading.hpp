#pragma once

#include "config/settings.hpp"
#include "core/published.hpp"
#include "net/file_watch.hpp"
#include "net/tls_context.hpp"
#include "trust/caller_registry.hpp"

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace portcullis {

using published_callers = published<trust::caller_registry>;
using published_tls = published<net::tls_context>;

/// The files that are read again while the service runs: callers, certificate and key, clients' authorities. What
/// cannot be used is refused with a line in the log, and what is in force stays.
class reloading {
public:
  explicit reloading(const config::settings& settings);

  /// Reads everything, at the start: all of it has to be usable.
  result<void> load();

  /// Reads again what has changed. Some system calls when nothing has.
  void look_again();

  /// Reads everything again.
  void reload();

  /// Null when there is no such file.
  std::shared_ptr<published_callers> callers;
  std::shared_ptr<published_tls> tls;

private:
  struct part {
    std::string_view what;
    net::file_watch watch;
    std::function<result<void>()> load;
  };
  static void load_again(part& p);

  std::vector<part> parts_;
};

} // namespace portcullis
