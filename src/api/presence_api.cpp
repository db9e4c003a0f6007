#include "api/presence_api.hpp"

#include "api/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <chrono>
#include <string>

namespace portcullis::api {

namespace {

namespace json = boost::json;

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

double seconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>(span).count();
}

json::object to_object(const feed::follower_state& follower, instant now) {
  return {
    {"kind", follower.is_stream ? "stream" : "long_poll"},
    {"caller", text_or_null(follower.origin.caller)},
    {"address", text_or_null(follower.origin.address)},
    {"cursor", to_string(follower.position)},
    {"behind", follower.behind},
    {"since_s", seconds(now - follower.since)},
  };
}

json::array to_array(const trust::right_set& may) {
  json::array out;
  for (unsigned i = 0; i < static_cast<unsigned>(trust::right::count); ++i)
    if (const auto each = static_cast<trust::right>(i); may.has(each))
      out.emplace_back(trust::to_string(each));
  return out;
}

json::object to_object(const trust::caller_registry::listed& listed) {
  const auto& who = *listed.who;
  json::object out{{"name", who.name}, {"may", to_array(who.may)}, {"keys", listed.keys}};
  out["certificates"] = json::array(listed.certificates->begin(), listed.certificates->end());
  out["rate"] = who.rate ? json::value{{"quota", who.rate->requests}, {"window_s", who.rate->window_s}} : nullptr;
  return out;
}

} // namespace

void presence_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<presence_api>;
  static constexpr std::array table{
    row{verb::get, "/api/v1/admin/followers", "admin_followers", audience::admin, trait::none,
        &presence_api::list_followers},
    row{verb::get, "/api/v1/admin/callers", "admin_callers", audience::admin, trait::none,
        &presence_api::list_callers},
  };
  to.add(*this, table);
}

void presence_api::list_followers(const http::call& c, http::responder to) {
  const auto page = decode_page(c.request.query);
  if (!page)
    return to.problem(page.error());
  const auto count = hub_.count();
  json::array followers;
  for (const auto& each : hub_.followers(page->limit))
    followers.push_back(to_object(each, hub_.now()));
  const auto age = hub_.log_age();
  to.json(200, json::serialize(json::object{
                 {"cursor", hub_.has_position() ? json::value(to_string(hub_.position())) : json::value(nullptr)},
                 {"lag_s", age ? seconds(*age) : -1},
                 {"streams", count.subscribers},
                 {"long_polls", count.polls},
                 {"followers", std::move(followers)},
               }));
}

void presence_api::list_callers(const http::call&, http::responder to) {
  json::array callers;
  const auto registry = callers_ ? callers_->get() : nullptr;
  if (registry)
    for (const auto& each : registry->list())
      callers.push_back(to_object(each));
  to.json(200, json::serialize(json::object{{"required", registry != nullptr}, {"callers", std::move(callers)}}));
}

} // namespace portcullis::api
