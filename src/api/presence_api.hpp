#pragma once

#include "api/module.hpp"
#include "core/published.hpp"
#include "feed/hub.hpp"
#include "http/server/responder.hpp"
#include "trust/caller_registry.hpp"

#include <memory>

namespace portcullis::api {

/// For operators: who follows the feed of this replica, and who may ask.
class presence_api final : public module {
public:
  using published_callers = std::shared_ptr<const published<trust::caller_registry>>;

  /// `callers` is null where whoever reaches the port is believed.
  presence_api(const feed::hub& hub, published_callers callers) : hub_(hub), callers_(std::move(callers)) {}

  void add_routes(http::router& to) override;

private:
  void list_followers(const http::call& c, http::responder to);
  void list_callers(const http::call& c, http::responder to);

  const feed::hub& hub_;
  published_callers callers_;
};

} // namespace portcullis::api
