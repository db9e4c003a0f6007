#include "app/front_parts.hpp"

#include "actors/guard.hpp"
#include "actors/mailbox.hpp"
#include "api/account_api.hpp"
#include "api/admin_api.hpp"
#include "api/bulk_api.hpp"
#include "api/console_api.hpp"
#include "api/feed_api.hpp"
#include "api/lookup_api.hpp"
#include "api/oauth_api.hpp"
#include "api/openapi_api.hpp"
#include "api/presence_api.hpp"
#include "api/session_api.hpp"
#include "api/user_api.hpp"
#include "api/version_api.hpp"

#include <caf/io/typed_broker.hpp>

#include <utility>

namespace portcullis {

namespace {

/// One round trip to the database, within the operation time-out, which the pool keeps.
api::readiness_check database_check(api::front_pointer self, http::server& server, const log_store_actor& log) {
  return {"database", [self, &server, log](const std::function<void(std::string_view)>& done) {
            self->request(log, caf::infinite, store::ping{})
              .then(
                [&server, done](const store::ping::result&) {
                  bool is_starting = server.at() == http::server::phase::starting;
                  guard("ping", [&] { done(is_starting ? "migrating" : "ok"); });
                },
                [done](const caf::error&) { guard("ping", [&] { done("unreachable"); }); });
          }};
}

} // namespace

api::front_parts make_front_parts(api::front_pointer self, http::server& server, const front_peers& peers,
                                  const front_parts_options& options) {
  auto feed = std::make_unique<api::feed_api>(self, server, peers.pool, options.feed);
  auto probes = std::make_unique<api::health_api>(self, server, options.health);
  probes->add_check(database_check(self, server, peers.pool));
  probes->add_source(metrics_source_actor{peers.cache});
  probes->add_source(metrics_source_actor{peers.pool});
  probes->add_source(metrics_source_actor{peers.sessions});
  probes->add_source(metrics_source_actor{peers.accounts});
  if (peers.mailboxes_of_workers)
    probes->add_source(
      [of = peers.mailboxes_of_workers](metrics::snapshot& s) { add_mailbox(s, "db_worker", *of); });
  if (peers.mailbox_of_feed)
    probes->add_source(
      [of = peers.mailbox_of_feed](metrics::snapshot& s) { add_mailbox(s, "revocation_feed", *of); });
  if (peers.bulk)
    probes->add_source(metrics_source_actor{peers.bulk});
  if (peers.reaper)
    probes->add_source(metrics_source_actor{peers.reaper});
  if (peers.canary)
    probes->add_source(metrics_source_actor{peers.canary});
  api::admin_api::peers operators{peers.accounts, peers.reaper, peers.cache, peers.pool};

  api::front_parts parts;
  parts.health = probes.get();
  parts.modules.push_back(std::make_unique<api::gatekeeper>(self, server, peers.accounts, options.gate));
  auto handshakes = std::make_unique<api::handshake_limit>(options.handshakes);
  handshakes->guard(server);
  parts.modules.push_back(std::move(handshakes));
  auto resolving = std::make_unique<api::resolve_api>(self, server, peers.cache, options.resolve);
  parts.modules.push_back(
    std::make_unique<api::oauth_api>(self, *resolving, peers.sessions, options.resolve.issuer));
  parts.modules.push_back(std::move(resolving));
  parts.modules.push_back(
    std::make_unique<api::lookup_api>(self, server, peers.cache, options.resolve.cursor_wait));
  parts.modules.push_back(std::make_unique<api::session_api>(self, peers.sessions));
  parts.modules.push_back(std::make_unique<api::account_api>(self, peers.accounts));
  parts.modules.push_back(std::make_unique<api::user_api>(self, peers.cache, peers.sessions, peers.accounts));
  parts.modules.push_back(std::make_unique<api::admin_api>(self, std::move(operators), feed->hub()));
  parts.modules.push_back(std::make_unique<api::presence_api>(feed->hub(), options.gate.callers));
  parts.modules.push_back(std::make_unique<api::version_api>(options.service_name, options.version));
  parts.modules.push_back(std::make_unique<api::openapi_api>());
  parts.modules.push_back(std::make_unique<api::console_api>());
  parts.modules.push_back(std::make_unique<api::bulk_api>(self, server, peers.bulk));
  parts.modules.push_back(std::move(feed));
  parts.modules.push_back(std::move(probes));
  return parts;
}

} // namespace portcullis
