#pragma once

#include "api/access.hpp"
#include "api/module.hpp"
#include "api/refusal_samples.hpp"
#include "core/published.hpp"
#include "http/server/server.hpp"
#include "trust/caller_registry.hpp"
#include "trust/client_address.hpp"
#include "trust/rate_limiter.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::api {

struct gate_options {
  std::shared_ptr<const published<trust::caller_registry>> callers; // null: whoever reaches the port is believed
  std::vector<audience_set> listeners;                              // by the server's numbers
  trust::forwarding_field forwarding = trust::forwarding_field::x_forwarded_for;
  std::size_t forwarding_hops = 1;
  std::optional<trust::quota> caller_rate;
  std::optional<trust::quota> guest_rate;
  std::optional<trust::quota> guess_rate;
  std::size_t limiter_places = std::size_t{1} << 16; // of each limit
  std::function<trust::rate_limiter::clock::time_point()> now = trust::rate_limiter::clock::now;
};

/// Looks at each request before its handler: whether its listener serves the route, who asks, whether they may and
/// whether they have asked for too much. Rights are looked up for each request in the callers of now, so that one
/// who was taken out of the file is refused on the connection that it has.
class gatekeeper final : public module {
public:
  /// `audit` takes what is sampled of refused callers; nobody does where it is null.
  gatekeeper(front_pointer self, http::server& server, account_actor audit, gate_options options);

  void add_routes(http::router&) override {}
  void tick() override;
  void add_to(metrics::snapshot& s) const override;

  std::optional<http::refusal> admit(http::call& c, const http::route& to, const http::request_origin& from);

private:
  const route_access* access_of(const http::route& to);
  const trust::caller* identify(const http::call& c, const route_access& wants, const http::request_origin& from);
  std::optional<http::refusal> refuse(http::call& c, const http::route& to, const route_access* wants,
                                      const trust::caller* who, const http::request_origin& from);
  std::optional<http::refusal> limit(const http::call& c, const route_access& wants, const trust::caller* who,
                                     const http::request_origin& from);
  std::optional<http::refusal> limit_guesses(const route_access& wants, const trust::caller* who,
                                             const http::request_origin& from);
  void note_answer(std::uint64_t asker, int status);
  trust::ip_address client_of(const http::request& r, const trust::caller* who,
                              const http::request_origin& from) const;
  void note_client(http::call& c, const trust::caller* who, const http::request_origin& from);
  void note_refusal(http::call& c, const http::route& to, const trust::caller* who, std::string_view why,
                    const http::request_origin& from);
  void log_refusal(const http::route& to, std::string_view caller, std::string_view why);

  front_pointer self_;
  account_actor audit_;
  gate_options options_;
  std::optional<published_view<trust::caller_registry>> callers_;
  std::vector<const route_access*> access_; // by the routes' numbers, as far as they were asked for
  std::vector<bool> is_known_;              // which of them
  trust::rate_limiter by_caller_;
  trust::rate_limiter guests_;
  trust::rate_limiter guesses_;
  trust::siphash_key asker_secret_; // of the numbers that stand for who asks
  std::uint64_t unknown_ = 0;
  std::uint64_t forbidden_ = 0;
  std::uint64_t guesses_refused_ = 0;
  refusal_samples samples_;
  bool is_recording_ = false;  // samples are on their way: the next wait
  std::string client_address_; // of the request that is looked at
  std::uint64_t unlogged_ = 0; // refusals since the last that was logged
  trust::rate_limiter::clock::time_point logged_at_{};
};

} // namespace portcullis::api
