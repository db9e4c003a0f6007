#pragma once

#include "actors/interfaces.hpp"
#include "config/settings.hpp"

#include <caf/typed_response_promise.hpp>

#include <functional>
#include <optional>

namespace portcullis {

/// The stop of a supervisor. First a time in which /readyz fails and everything else is served, so that balancers
/// can look elsewhere; then the front drains; then everything ends.
class orderly_stop {
public:
  /// `settings` says how long each part may take. `end_all` ends the other actors. `promise` is kept, with the
  /// numbers of just before, and `self` ends, once that was called; from then on nothing of this is used again.
  void begin(supervisor_actor::pointer self, http_front_actor front, const config::http_settings& settings,
             caf::typed_response_promise<all_numbers> promise, std::function<void()> end_all);

  /// The first time is over: at the `step_atom` that `begin` has the supervisor sent.
  void drain();

private:
  void take_numbers();
  void finish(all_numbers last);

  supervisor_actor::pointer self_ = nullptr;
  http_front_actor front_;
  config::milliseconds grace_{};
  std::optional<caf::typed_response_promise<all_numbers>> stopped_;
  std::function<void()> end_all_;
};

} // namespace portcullis
