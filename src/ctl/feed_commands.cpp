#include "ctl/commands.hpp"
#include "ctl/table.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

namespace portcullis::ctl {

namespace json = boost::json;

namespace {

using std::chrono::milliseconds;

constexpr milliseconds pause_min{250}; // after a look that was not answered, doubling
constexpr milliseconds pause_max{5'000};
constexpr int wait_s = 20; // of a look, below the request's time-out

std::string target_of(const std::string& cursor, bool waits) {
  std::string out = "/api/v1/internal/revocations?limit=200";
  if (!cursor.empty())
    out += "&cursor=" + percent_encoded(cursor);
  if (waits && !cursor.empty())
    out += "&wait=" + std::to_string(wait_s);
  return out;
}

void print_event(const context& with, const json::value& event) {
  if (with.wants_json()) {
    std::cout << json::serialize(event) << '\n';
    return;
  }
  const auto session_id = text_at(event, "session_id");
  std::cout << text_at(event, "seq") << "  " << text_at(event, "occurred_at") << "  "
            << (session_id.empty() ? "account " + text_at(event, "account_id") : "session " + session_id) << "  "
            << printable(text_at(event, "reason")) << '\n';
}

/// Prints the events of a page, at most `room` of them (0: all); returns how many.
std::size_t print_page(const context& with, const json::value& page, std::size_t room) {
  const auto* events = page.as_object().if_contains("events");
  if (events == nullptr || !events->is_array())
    return 0;
  std::size_t printed = 0;
  for (const auto& one : events->get_array()) {
    if (room > 0 && printed == room)
      break;
    print_event(with, one);
    ++printed;
  }
  std::cout.flush();
  return printed;
}

} // namespace

/// It follows until it is told to stop; a service that is away is asked again, from the same place.
exit_code tail_feed(const context& with, const tail_order& order) {
  auto cursor = order.since;
  std::size_t printed = 0;
  auto pause = pause_min;
  while (true) {
    const auto answer = with.ask(verb::get, target_of(cursor, !order.ends_at_end));
    if (!answer || answer->status >= 500) {
      if (const auto code = context::judge(answer); order.ends_at_end)
        return code;
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, pause_max);
      continue;
    }
    if (const auto code = context::judge(answer); code != exit_code::done)
      return code;
    pause = pause_min;
    const auto page = context::parse(answer->body);
    if (!page || !page->is_object() || text_at(*page, "cursor").empty())
      return context::garbage();
    if (text_at(*page, "reset") == "true")
      complain("the cursor is too old or of another history; events may be missing before "
               + text_at(*page, "cursor"));
    const auto room = order.count == 0 ? 0 : order.count - printed;
    const auto now = print_page(with, *page, room);
    printed += now;
    cursor = text_at(*page, "cursor");
    if (!std::cout || (order.count > 0 && printed >= order.count) || (order.ends_at_end && now == 0))
      return exit_code::done;
  }
}

} // namespace portcullis::ctl
