#pragma once

#include "http/request.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace portcullis::http {

class responder;

/// Who may call an endpoint.
enum class audience : std::uint8_t { probe, public_, internal, user, admin };

std::string_view to_string(audience group) noexcept; // `user`, `internal`, …

/// What the server has to know of an endpoint. Flags, to be combined.
enum class trait : std::uint8_t {
  none = 0,
  change = 1,    // it changes something: worth a line in the log
  pipelined = 2, // its answer is small and comes soon, so that the requests behind it need not wait for it
  early = 4,     // it answers while the service is still starting
};

constexpr trait operator|(trait a, trait b) noexcept {
  return static_cast<trait>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(trait set, trait one) noexcept {
  return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(one)) != 0;
}

/// The `{…}` segments of a path in their order, percent-decoding not applied.
using path_params = std::array<std::string_view, 3>;

/// Who sent a request, as far as it is known.
struct sender {
  std::string_view caller;  // by the name under which the gate knows it; empty: nobody that it knows
  std::string_view address; // of the client, or of the peer where nothing better is known
};

/// A request on its way to its handler. Views live until the handler returns.
struct call {
  const http::request& request;
  path_params params{};
  sender from{};
};

/// One row of an API's table: `GET /things/{id}` and what answers it. `verb::any` takes every method; a pattern
/// that ends in `/**` takes the path before it and everything below. The text has static storage.
template <class Api>
struct endpoint {
  verb method;
  std::string_view pattern;
  std::string_view name; // in metrics, traces and logs
  audience group;
  trait traits;
  void (Api::*handler)(const call&, responder);
};

} // namespace portcullis::http
