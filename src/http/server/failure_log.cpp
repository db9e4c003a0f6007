#include "http/server/failure_log.hpp"

#include "telemetry/log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace portcullis::http {

namespace {

constexpr std::chrono::seconds told_again_after{10};

} // namespace

failure_log::kind& failure_log::kind_of(const failure& why) {
  const auto known = std::find_if(kinds_.begin(), kinds_.end(), [&](const kind& one) {
    return one.code == why.code && one.sqlstate == why.sqlstate;
  });
  if (known != kinds_.end())
    return *known;
  if (kinds_.size() == kinds_max)
    return kinds_.back();
  return kinds_.emplace_back(kind{why.code, why.sqlstate, instant::min(), 0});
}

void failure_log::note(const failure& why, std::string_view route, std::string_view request_id, instant now) {
  auto& one = kind_of(why);
  if (one.told_at != instant::min() && now - one.told_at < told_again_after) {
    ++one.untold;
    return;
  }
  one.told_at = now;
  log::write(why.code == errc::internal ? log::level::error : log::level::warn, "request failed",
             {{"code", to_string(why.code)},
              {"reason", why.detail},
              {"sqlstate", why.sqlstate.empty() ? std::string_view{"none"} : std::string_view{why.sqlstate}},
              {"route", route},
              {"request_id", request_id},
              {"untold", std::exchange(one.untold, 0)}});
}

} // namespace portcullis::http
