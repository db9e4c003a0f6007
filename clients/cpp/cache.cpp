#include "portcullis.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace portcullis::client {

namespace {

namespace json = boost::json;

constexpr unsigned load_attempts_max = 3;    // a load that revocations overtake is begun again this often
constexpr std::size_t page_events_max = 200; // of the feed, in one answer
constexpr double age_ms_max = 31.0 * 24 * 3600 * 1000;

// -- values of JSON

const json::value* member(const json::object& in, std::string_view name) {
  return in.if_contains(name);
}

/// Empty where there is no such text.
std::string text_of(const json::object& in, std::string_view name) {
  const auto* value = member(in, name);
  return value && value->is_string() ? std::string{value->get_string()} : std::string{};
}

std::uint64_t seq_of(const json::object& in) {
  const auto* value = member(in, "seq");
  if (value && value->is_uint64())
    return value->get_uint64();
  return value && value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

std::optional<std::chrono::nanoseconds> age_of(const json::object& in) {
  const auto* value = member(in, "log_age_ms");
  if (!value || !value->is_number())
    return std::nullopt;
  const auto ms = value->to_number<double>();
  if (!(ms >= 0) || ms > age_ms_max)
    return std::nullopt;
  return std::chrono::nanoseconds{static_cast<std::int64_t>(ms * 1e6)};
}

/// The number that the digits of `text` from `at` on say; nothing when one of them is none.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (auto i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9')
      return std::nullopt;
    number = 10 * number + (text[i] - '0');
  }
  return number;
}

/// Days since 1970 of a date of the Gregorian calendar (Howard Hinnant, chrono-Compatible Low-Level Date
/// Algorithms).
std::int64_t days_of(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const auto era = year / 400;
  const auto year_of_era = year - era * 400;
  const auto day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

/// `2026-11-21T06:04:54.895418Z`, as the service writes it; what is below a microsecond is cut off.
std::optional<timestamp> parse_time(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00";
  if (text.size() <= form.size() || text.back() != 'Z')
    return std::nullopt;
  for (const std::size_t at : {4U, 7U, 10U, 13U, 16U})
    if (text[at] != form[at])
      return std::nullopt;
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || *month < 1 || *month > 12)
    return std::nullopt;
  auto fraction = text.substr(form.size(), text.size() - form.size() - 1);
  std::int64_t us = 0;
  if (!fraction.empty()) {
    if (fraction[0] != '.' || fraction.size() < 2 || fraction.size() > 10
        || !digits(fraction, 1, fraction.size() - 1))
      return std::nullopt;
    std::string six{fraction.substr(1, 6)};
    six.resize(6, '0');
    us = *digits(six, 0, 6);
  }
  const auto seconds = ((days_of(*year, *month, *day) * 24 + *hour) * 60 + *minute) * 60 + *second;
  return timestamp{std::chrono::microseconds{seconds * 1'000'000 + us}};
}

/// Nothing when it is none.
std::optional<session> session_of(const json::object& in) {
  session made{text_of(in, "session_id"), text_of(in, "account_id"), false, text_of(in, "created_at"),
               std::nullopt};
  if (made.session_id.empty() || made.account_id.empty())
    return std::nullopt;
  const auto* is_guest = member(in, "is_guest");
  made.is_guest = is_guest && is_guest->is_bool() && is_guest->get_bool();
  const auto* end = member(in, "expires_at");
  if (end && !end->is_null()) {
    made.expires_at = parse_time(text_of(in, "expires_at"));
    if (!made.expires_at)
      return std::nullopt;
  }
  return made;
}

} // namespace

std::optional<cursor> parse_cursor(std::string_view text) {
  constexpr std::size_t epoch_digits = 16, seq_digits_max = 20;
  const auto is_hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() < epoch_digits + 2 || text.size() > epoch_digits + 1 + seq_digits_max
      || text[epoch_digits] != '-' || !std::all_of(text.begin(), text.begin() + epoch_digits, is_hexadecimal))
    return std::nullopt;
  cursor made{std::string{text.substr(0, epoch_digits)}, 0};
  const auto [end, error] = std::from_chars(text.data() + epoch_digits + 1, text.data() + text.size(), made.seq);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return made;
}

std::string to_string(const cursor& place) {
  return place.epoch + '-' + std::to_string(place.seq);
}

std::string_view to_string(kind what) noexcept {
  switch (what) {
  case kind::active:
    return "active";
  case kind::dead:
    return "dead";
  case kind::expired:
    return "expired";
  case kind::unknown:
    return "unknown";
  case kind::ask:
    return "ask";
  case kind::again:
    return "again";
  case kind::unavailable:
    break;
  }
  return "unavailable";
}

// -- the cache: look-ups

bool session_cache::has_lease(instant now) const noexcept {
  return now - as_of_ < options_.staleness_max;
}

verdict session_cache::peek(const std::string& hash, instant now, std::string_view min_cursor) {
  const auto found = entries_.find(hash);
  if (found == entries_.end())
    return {kind::ask};
  const entry& held = *found->second;
  if (!held.whose)
    return {kind::dead};
  if (!min_cursor.empty() && !has_read(min_cursor))
    return {kind::ask};
  if (!has_lease(now) || now - held.loaded >= options_.ttl || may_be_over(*held.whose, now))
    return {kind::ask};
  used_.splice(used_.begin(), used_, found->second);
  return {kind::active, held.whose};
}

bool session_cache::has_read(std::string_view wanted) const {
  const auto place = parse_cursor(wanted);
  return place && position_ && position_->epoch == place->epoch && position_->seq >= place->seq;
}

bool session_cache::may_be_over(const session& whose, instant now) const {
  if (!whose.expires_at)
    return false;
  if (!service_clock_)
    return true;
  return service_clock_->said + std::chrono::ceil<std::chrono::microseconds>(now - service_clock_->heard)
         >= *whose.expires_at;
}

session_cache::load_id session_cache::begin(std::string hash, std::string min_cursor) {
  loads_[next_load_] = pending{std::move(hash), std::move(min_cursor), 0, {}, false};
  return next_load_++;
}

json::object session_cache::question(load_id load) {
  auto& asked = loads_.at(load);
  ++asked.attempts;
  asked.ended.clear();
  asked.is_void = false;
  json::object body{{"hashes", json::array{asked.hash}}};
  if (const auto least = at_least(asked.min_cursor); !least.empty())
    body["min_cursor"] = least;
  return body;
}

/// What an answer must have seen to have seen this cache's position and the caller's cursor. Of two histories
/// neither says where the other is: a position that no log reaches makes the service ask its database.
std::string session_cache::at_least(const std::string& wanted) const {
  if (!position_)
    return wanted;
  auto place = *position_;
  if (const auto asked = parse_cursor(wanted))
    place.seq =
      asked->epoch == place.epoch ? std::max(asked->seq, place.seq) : std::numeric_limits<std::uint64_t>::max();
  return to_string(place);
}

verdict session_cache::finish(load_id load, const json::value& answer, instant sent, instant now) {
  const auto& asked = loads_.at(load);
  auto made = judge(asked, answer, sent, now);
  if (made.is == kind::again && asked.attempts >= load_attempts_max)
    made = {kind::unavailable};
  if (made.is != kind::again)
    loads_.erase(load);
  return made;
}

verdict session_cache::judge(const pending& load, const json::value& answer, instant sent, instant now) {
  const auto* told = answer.if_object();
  const auto age = told ? age_of(*told) : std::nullopt;
  if (!age || now - (sent - *age) >= options_.staleness_max)
    return {kind::unavailable};
  const auto* results = member(*told, "results");
  if (!results || !results->is_array() || results->get_array().size() != 1 || !results->get_array()[0].is_object())
    return {kind::unavailable};
  const auto& found = results->get_array()[0].get_object();
  const auto status = text_of(found, "status");
  if (status == "unknown")
    return {kind::unknown};
  if (status == "expired")
    return {kind::expired};
  if (status == "revoked") {
    hold(load.hash, std::nullopt, now);
    return {kind::dead};
  }
  auto whose = session_of(found);
  if (status != "active" || !whose)
    return {kind::unavailable};
  return judge_active(load, std::move(*whose), now);
}

verdict session_cache::judge_active(const pending& load, session whose, instant now) {
  if (load.is_void || load.ended.count(whose.session_id) || load.ended.count(whose.account_id))
    return {kind::again};
  hold(load.hash, whose, now);
  return {kind::active, std::move(whose)};
}

// -- the cache: the feed

std::string session_cache::feed_query(int wait_s) const {
  auto query = "limit=" + std::to_string(page_events_max) + "&clock=true";
  if (position_)
    query += "&cursor=" + to_string(*position_) + "&wait=" + std::to_string(wait_s);
  return query;
}

std::optional<session_cache::page> session_cache::apply(const json::value& answer, instant sent) {
  const auto* told = answer.if_object();
  const auto position = told ? parse_cursor(text_of(*told, "cursor")) : std::nullopt;
  const auto* reset = told ? member(*told, "reset") : nullptr;
  if (!position || !reset || !reset->is_bool())
    return std::nullopt;
  const bool goes_on = !reset->get_bool() && position_ && position_->epoch == position->epoch;
  auto events = events_of(*told, goes_on ? position_->seq : 0, position->seq);
  if (!events)
    return std::nullopt;

  page made{std::move(*events), reset->get_bool() || (position_ && !goes_on), false};
  if (!goes_on)
    forget_all();
  if (const auto said = parse_time(text_of(*told, "now")))
    service_clock_ = reading{*said, sent};
  for (const auto& each : made.events)
    end(each);
  position_ = *position;
  made.has_more = made.events.size() >= page_events_max;
  if (const auto age = age_of(*told); age && !made.has_more)
    as_of_ = std::max(as_of_, sent - *age);
  return made;
}

/// An event comes once, and in order. Nothing: they are none, or the answer is to another cursor.
std::optional<std::vector<event>> session_cache::events_of(const json::object& answer, std::uint64_t read,
                                                           std::uint64_t last) const {
  const auto* events = member(answer, "events");
  if (!events || !events->is_array() || last < read)
    return std::nullopt;
  std::vector<event> made;
  for (const auto& each : events->get_array()) {
    const auto* told = each.if_object();
    if (!told)
      return std::nullopt;
    event one{seq_of(*told), text_of(*told, "session_id"), text_of(*told, "account_id"), text_of(*told, "reason")};
    const auto type = text_of(*told, "type");
    if (type == "account.revoked")
      one.session_id.clear();
    const bool is_known = (type == "session.revoked" && !one.session_id.empty())
                          || (type == "account.revoked" && !one.account_id.empty());
    if (!is_known || one.seq <= read || one.seq > last)
      return std::nullopt;
    read = one.seq;
    made.push_back(std::move(one));
  }
  return made;
}

void session_cache::end(const event& what) {
  const bool is_session = !what.session_id.empty();
  for (auto& [_, load] : loads_)
    load.ended.insert(is_session ? what.session_id : what.account_id);
  if (is_session) {
    if (const auto found = by_session_.find(what.session_id); found != by_session_.end()) {
      auto& held = *entries_.at(found->second);
      unlink(held);
      held.whose.reset();
    }
    return;
  }
  const auto own = by_account_.find(what.account_id);
  if (own == by_account_.end())
    return;
  const auto doomed = own->second;
  for (const auto& hash : doomed)
    drop(hash); // one that was spared resolves again
}

void session_cache::forget_all() {
  used_.clear();
  entries_.clear();
  by_session_.clear();
  by_account_.clear();
  as_of_ = instant::min() / 2;
  service_clock_.reset();
  for (auto& [_, load] : loads_)
    load.is_void = true;
}

// -- the cache: memory

void session_cache::hold(const std::string& hash, std::optional<session> whose, instant now) {
  drop(hash);
  if (whose) {
    by_session_[whose->session_id] = hash;
    by_account_[whose->account_id].insert(hash);
  }
  used_.push_front(entry{hash, std::move(whose), now});
  entries_[hash] = used_.begin();
  while (entries_.size() > options_.entries_max)
    drop(std::string{used_.back().hash});
}

void session_cache::drop(const std::string& hash) {
  const auto found = entries_.find(hash);
  if (found == entries_.end())
    return;
  unlink(*found->second);
  used_.erase(found->second);
  entries_.erase(found);
}

void session_cache::unlink(const entry& held) {
  if (!held.whose)
    return;
  by_session_.erase(held.whose->session_id);
  const auto own = by_account_.find(held.whose->account_id);
  if (own != by_account_.end() && own->second.erase(held.hash) && own->second.empty())
    by_account_.erase(own);
}

} // namespace portcullis::client
