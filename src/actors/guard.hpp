#pragma once

#include "telemetry/log.hpp"

#include <exception>

namespace portcullis {

/// Runs one handler of a broker. A throw in a broker would close every connection, and one while a connection
/// closes would end the process. There is one cause left, no memory, and the request that met it is given up:
/// its deadline answers it.
template <class Handler>
void guard(const char* handler_name, Handler&& handler) noexcept {
  try {
    handler();
  } catch (const std::exception& e) {
    log::error("handler failed", {{"handler", handler_name}, {"reason", e.what()}});
  }
}

} // namespace portcullis
