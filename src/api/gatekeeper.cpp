#include "api/gatekeeper.hpp"

#include "api/asking.hpp"
#include "http/query.hpp"
#include "telemetry/log.hpp"
#include "trust/authenticate.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace portcullis::api {

namespace {

constexpr std::chrono::seconds refusal_log_interval{1};
constexpr std::size_t forwarding_lines_max = 32; // of one field; the last of more are looked at

using trust::right;

/// What a form says of its sender. A field that is given twice, or is no text, proves nothing.
struct form_credentials {
  std::optional<std::string> id;
  std::optional<std::string> secret;

  explicit form_credentials(const http::request& r) : id(read(r, "client_id")), secret(read(r, "client_secret")) {}

  static std::optional<std::string> read(const http::request& r, std::string_view name) {
    auto value = http::decode_form_field(r.get(http::field::content_type), r.body, name);
    return value ? std::optional{*std::move(value)} : std::nullopt;
  }
};

std::string_view bytes_of(const std::uint64_t& number) noexcept {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

std::optional<std::string_view> view_of(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>{*text} : std::nullopt;
}

http::refusal too_many(std::string_view policy, const trust::quota& allowed, const trust::rate_decision& decision,
                       std::string_view detail, const route_access& wants) {
  if (wants.is_forward_auth)
    return {{errc::overloaded, std::string{detail}}, {}};
  return {{errc::rate_limited, std::string{detail}},
          {{"Retry-After", std::to_string(decision.retry_after_s())},
           {"RateLimit-Policy", trust::render_rate_policy(policy, allowed)},
           {"RateLimit", trust::render_rate_limit(policy, decision)}}};
}

} // namespace

gatekeeper::gatekeeper(front_pointer self, http::server& server, account_actor audit, gate_options options)
  : self_(self), audit_(std::move(audit)), options_(std::move(options)), by_caller_(options_.limiter_places),
    guests_(options_.limiter_places), guesses_(options_.limiter_places) {
  fill_random(reinterpret_cast<std::uint8_t*>(asker_secret_.data()), sizeof asker_secret_);
  if (options_.callers)
    callers_.emplace(options_.callers);
  server.on_request(
    [this](http::call& c, const http::route& to, const http::request_origin& from) { return admit(c, to, from); });
  server.on_answer([this](std::uint64_t asker, int status) { note_answer(asker, status); });
}

std::optional<http::refusal> gatekeeper::admit(http::call& c, const http::route& to,
                                               const http::request_origin& from) {
  const auto* wants = access_of(to);
  if (from.listener < options_.listeners.size() && !options_.listeners[from.listener].serves(to.group, wants))
    return http::refusal{{errc::route_unknown, "there is no such resource"}, {}};
  const trust::caller* who = nullptr;
  if (callers_) {
    if (wants != nullptr && (wants->needs || wants->limit != costly::nothing))
      who = identify(c, *wants, from);
    if (who != nullptr)
      c.from.caller = who->name;
    if (auto refused = refuse(c, to, wants, who, from))
      return refused;
  }
  // The client's address is read from the header only where it goes into the audit.
  if (http::has(to.traits, http::trait::change) || to.group == http::audience::admin)
    note_client(c, who, from);
  return wants == nullptr ? std::nullopt : limit(c, *wants, who, from);
}

const route_access* gatekeeper::access_of(const http::route& to) {
  if (to.index >= is_known_.size()) {
    is_known_.resize(to.index + 1);
    access_.resize(to.index + 1);
  }
  if (!is_known_[to.index]) {
    is_known_[to.index] = true;
    access_[to.index] = find_access(to.name);
  }
  return access_[to.index];
}

/// Null when nobody was proven.
const trust::caller* gatekeeper::identify(const http::call& c, const route_access& wants,
                                          const http::request_origin& from) {
  const auto& r = c.request;
  if (r.is_repeated(http::field::x_caller_key))
    return nullptr;
  trust::credentials presented;
  presented.key_header = r.get(http::field::x_caller_key);
  if (wants.field == authorization::of_caller)
    presented.authorization = r.get(http::field::authorization);
  if (from.peer != nullptr && !from.peer->names.empty())
    presented.certificate_names = &from.peer->names;
  const auto& registry = *callers_->get();
  if (!wants.has_form_credentials) {
    const auto found = trust::authenticate(presented, registry);
    return found ? *found : nullptr;
  }
  form_credentials form{r};
  presented.client_id = view_of(form.id);
  presented.client_secret = view_of(form.secret);
  const auto found = trust::authenticate(presented, registry);
  return found ? *found : nullptr;
}

std::optional<http::refusal> gatekeeper::refuse(http::call& c, const http::route& to, const route_access* wants,
                                                const trust::caller* who, const http::request_origin& from) {
  if (wants != nullptr && !wants->needs)
    return std::nullopt;
  if (who == nullptr) {
    ++unknown_;
    note_refusal(c, to, who, "unknown", from);
    if (wants != nullptr && wants->is_forward_auth)
      return http::refusal{{errc::caller_forbidden, "the caller did not prove who it is"}, {}};
    return http::refusal{{errc::caller_unknown, "the caller did not prove who it is"}, {}};
  }
  if (wants != nullptr && who->may.has(*wants->needs))
    return std::nullopt;
  ++forbidden_;
  note_refusal(c, to, who, "forbidden", from);
  auto detail = wants == nullptr ? std::string{"the caller may not ask this"}
                                 : "the caller has no right to " + std::string{trust::to_string(*wants->needs)};
  return http::refusal{{errc::caller_forbidden, std::move(detail)}, {}};
}

std::optional<http::refusal> gatekeeper::limit(const http::call& c, const route_access& wants,
                                               const trust::caller* who, const http::request_origin& from) {
  if (who != nullptr)
    if (const auto& allowed = who->rate ? who->rate : options_.caller_rate) {
      const auto decision = by_caller_.take(who->name, *allowed, options_.now());
      if (!decision.is_allowed)
        return too_many("caller", *allowed, decision, "the caller asks too often", wants);
    }
  if (wants.limit == costly::guest_mint && options_.guest_rate) {
    const trust::address_key client{client_of(c.request, who, from)};
    const auto decision = guests_.take(client.bytes(), *options_.guest_rate, options_.now());
    if (!decision.is_allowed)
      return too_many("guests", *options_.guest_rate, decision, "too many guests of one address", wants);
  }
  return wants.limit == costly::token_guess ? limit_guesses(wants, who, from) : std::nullopt;
}

/// Whether a token was a guess turns out with the answer. The caller's name, or the peer's address where there are
/// no callers, is noted as a number for then.
std::optional<http::refusal> gatekeeper::limit_guesses(const route_access& wants, const trust::caller* who,
                                                       const http::request_origin& from) {
  if (!options_.guess_rate)
    return std::nullopt;
  const auto asker =
    trust::siphash(asker_secret_, who != nullptr ? std::string_view{who->name} : from.address) | 1;
  const auto decision = guesses_.peek(bytes_of(asker), *options_.guess_rate, options_.now());
  if (!decision.is_allowed) {
    ++guesses_refused_;
    return too_many("guesses", *options_.guess_rate, decision, "too many tokens that were answered 401", wants);
  }
  if (from.asker != nullptr)
    *from.asker = asker;
  return std::nullopt;
}

void gatekeeper::note_answer(std::uint64_t asker, int status) {
  constexpr int unauthorized = 401;
  if (status == unauthorized)
    guesses_.take(bytes_of(asker), *options_.guess_rate, options_.now());
}

trust::ip_address gatekeeper::client_of(const http::request& r, const trust::caller* who,
                                        const http::request_origin& from) const {
  const auto peer = trust::parse_ip_address(from.address).value_or(trust::ip_address{});
  if (who == nullptr || !who->may.has(right::public_forward))
    return peer;
  const bool is_standard = options_.forwarding == trust::forwarding_field::forwarded;
  http::field_lines lines{r.head, is_standard ? "Forwarded" : "X-Forwarded-For"};
  std::array<std::string_view, forwarding_lines_max> found;
  std::size_t count = 0;
  while (auto line = lines.next()) {
    if (count == found.size()) // the last were written by those who are trusted
      std::move(found.begin() + 1, found.end(), found.begin());
    else
      ++count;
    found[count - 1] = *line;
  }
  return trust::client_address(options_.forwarding, {found.data(), count}, peer, options_.forwarding_hops);
}

void gatekeeper::note_client(http::call& c, const trust::caller* who, const http::request_origin& from) {
  const auto client = client_of(c.request, who, from);
  client_address_ = client == trust::ip_address{} ? std::string{} : to_string(client);
  c.from.address = client_address_;
}

void gatekeeper::note_refusal(http::call& c, const http::route& to, const trust::caller* who, std::string_view why,
                              const http::request_origin& from) {
  log_refusal(to, c.from.caller, why);
  if (!audit_ || !samples_.wants(c.from.caller, to.name, why, options_.now()))
    return;
  note_client(c, who, from);
  samples_.add(to.name, why, origin_of(c, from.answer, to.group));
}

/// Not in the way of any request: one message at a time, and if the database is away the samples are lost.
void gatekeeper::tick() {
  if (is_recording_)
    return;
  auto entries = samples_.take(options_.now());
  if (!entries)
    return;
  is_recording_ = true;
  self_->request(audit_, caf::infinite, *std::move(entries))
    .then([this](const store::record_audit::result&) { is_recording_ = false; },
          [this](const caf::error& err) {
            is_recording_ = false;
            log::warn("refused callers are missing in the audit", {{"reason", to_failure(err).detail}});
          });
}

/// One line a second at most: a refused caller may ask as often as it likes.
void gatekeeper::log_refusal(const http::route& to, std::string_view caller, std::string_view why) {
  const auto now = options_.now();
  ++unlogged_;
  if (logged_at_ != decltype(logged_at_){} && now - logged_at_ < refusal_log_interval)
    return;
  logged_at_ = now;
  log::warn("caller refused",
            {{"caller", caller}, {"route", to.name}, {"why", why}, {"refused", std::exchange(unlogged_, 0)}});
}

void gatekeeper::add_to(metrics::snapshot& s) const {
  constexpr std::string_view refused = "portcullis_callers_refused_total";
  s.add(refused, unknown_, {{"why", "unknown"}});
  s.add(refused, forbidden_, {{"why", "forbidden"}});
  constexpr std::string_view limited = "portcullis_rate_limited_total";
  s.add(limited, by_caller_.refusals(), {{"limit", "caller"}});
  s.add(limited, guests_.refusals(), {{"limit", "guests"}});
  s.add(limited, guesses_refused_, {{"limit", "guesses"}});
  constexpr std::string_view evicted = "portcullis_rate_limit_evictions_total";
  s.add(evicted, by_caller_.evictions(), {{"limit", "caller"}});
  s.add(evicted, guests_.evictions(), {{"limit", "guests"}});
  if (callers_)
    s.add("portcullis_callers", options_.callers->get()->size());
}

} // namespace portcullis::api
