#include "api/refusal_samples.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace portcullis::api {

bool refusal_samples::wants(std::string_view caller, std::string_view route, std::string_view why,
                            clock::time_point now) {
  const auto same = std::find_if(held_.begin(), held_.end(), [&](const sample& s) {
    return s.route == route && s.why == why && s.from.caller == caller;
  });
  if (same != held_.end()) {
    ++same->more;
    return false;
  }
  refill(now);
  if (held_.size() >= held_max || allowed_ == 0)
    return false;
  --allowed_;
  return true;
}

void refusal_samples::add(std::string_view route, std::string_view why, audit_origin from) {
  held_.push_back({route, why, std::move(from)});
}

void refusal_samples::refill(clock::time_point now) {
  if (refilled_at_ == clock::time_point{})
    refilled_at_ = now;
  const auto earned = static_cast<std::size_t>((now - refilled_at_) / entry_every);
  allowed_ = std::min(allowed_ + earned, burst_max);
  refilled_at_ += earned * entry_every;
}

std::optional<store::record_audit> refusal_samples::take(clock::time_point now) {
  if (held_.empty() || (taken_at_ != clock::time_point{} && now - taken_at_ < take_interval))
    return std::nullopt;
  taken_at_ = now;
  store::record_audit out;
  for (auto& s : std::exchange(held_, {})) {
    auto reason = std::string{s.why} + ": " + std::string{s.route};
    if (s.more > 0)
      reason += ", and " + std::to_string(s.more) + " more";
    out.notes.push_back({audit_action::caller_refused, std::nullopt, std::move(reason), std::move(s.from)});
  }
  return out;
}

} // namespace portcullis::api
