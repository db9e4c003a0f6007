#include "ctl/commands.hpp"
#include "ctl/confirmation.hpp"
#include "ctl/table.hpp"

#include <boost/json.hpp>

#include <iostream>

namespace portcullis::ctl {

namespace json = boost::json;

namespace {

const std::string admin_path = "/api/v1/admin/";

void add_number(table& to, const json::value& from, const char* name, const char* path) {
  if (auto text = text_at(from, path); !text.empty())
    to.add({name, std::move(text)});
}

} // namespace

exit_code show_followers(const context& with) {
  return with.ask_and_show(verb::get, admin_path + "followers?limit=200", {}, [](const json::value& told) {
    table replica{{"THIS REPLICA", ""}};
    add_number(replica, told, "streams", "streams");
    add_number(replica, told, "long polls", "long_polls");
    add_number(replica, told, "cursor", "cursor");
    add_number(replica, told, "age of the log, s", "lag_s");
    replica.print();
    const auto* object = told.if_object();
    const auto* followers = object ? object->if_contains("followers") : nullptr;
    if (!followers || !followers->is_array() || followers->get_array().empty())
      return;
    table shown{{"CALLER", "ADDRESS", "HOW", "BEHIND", "FOR, S", "CURSOR"}};
    for (const auto& one : followers->get_array())
      shown.add({text_at(one, "caller"), text_at(one, "address"), text_at(one, "kind"), text_at(one, "behind"),
                 text_at(one, "since_s"), text_at(one, "cursor")});
    std::cout << '\n';
    shown.print();
  });
}

exit_code show_stats(const context& with) {
  return with.ask_and_show(verb::get, admin_path + "stats", {}, [](const json::value& stats) {
    table shown{{"NUMBER", "VALUE"}};
    for (const auto& member : stats.as_object()) {
      const std::string name{member.key().data(), member.key().size()};
      if (const auto* group = member.value().if_object()) {
        for (const auto& one : *group)
          shown.add({name + "." + std::string{one.key().data(), one.key().size()},
                     text_at(stats, name + "." + std::string{one.key().data(), one.key().size()})});
      } else {
        shown.add({name, text_at(stats, name)});
      }
    }
    shown.print();
  });
}

exit_code sweep(const context& with, bool is_dry_run) {
  if (!is_dry_run && !is_confirmed(with, "Sweep abandoned guests, dead rows and old events now?"))
    return exit_code::declined;
  const auto body = json::serialize(json::object{{"dry_run", is_dry_run}});
  return with.ask_and_show(verb::post, admin_path + "reaper/run", body, [](const json::value& run) {
    table shown{{"SWEEP", ""}};
    for (const auto* name : {"guests", "sessions", "events", "took_ms", "elsewhere", "dry_run"})
      add_number(shown, run, name, name);
    shown.print();
  });
}

exit_code show_audit(const context& with, const audit_search& search) {
  auto target = admin_path + "audit";
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty())
      target +=
        (target.find('?') == std::string::npos ? "?" : "&") + std::string{name} + "=" + percent_encoded(value);
  };
  add("account_id", search.account_id);
  add("caller", search.caller);
  add("action", search.action);
  add("since", search.since);
  add("until", search.until);
  auto code = exit_code::done;
  const auto rows = ask_for_pages(with, target, "events", search.rows_max, code);
  if (!rows)
    return code;
  if (with.wants_json())
    return context::print_json(json::serialize(json::object{{"events", *rows}}));
  table shown{{"TIME", "ACTION", "ACCOUNT", "SESSION", "ACTOR", "CALLER", "REASON"}};
  for (const auto& one : *rows)
    shown.add({text_at(one, "occurred_at"), text_at(one, "action"), text_at(one, "account_id"),
               text_at(one, "session_id"), text_at(one, "actor"), text_at(one, "caller"), text_at(one, "reason")});
  shown.print();
  return exit_code::done;
}

} // namespace portcullis::ctl
