#include "ctl/commands.hpp"
#include "ctl/confirmation.hpp"
#include "ctl/table.hpp"

#include <boost/json.hpp>

#include <iostream>

namespace portcullis::ctl {

namespace json = boost::json;

namespace {

const std::string sessions_path = "/api/v1/internal/sessions/";

std::string reason_query(const std::string& reason) {
  return reason.empty() ? std::string{} : "?reason=" + percent_encoded(reason);
}

std::vector<std::string> row_of(const json::value& s) {
  const auto ended = text_at(s, "revoked_at");
  return {text_at(s, "session_id"),       text_at(s, "account_id"), ended.empty() ? "active" : "ended " + ended,
          text_at(s, "created_at"),       text_at(s, "device.ip"),  text_at(s, "device.label"),
          text_at(s, "device.user_agent")};
}

table session_table() {
  return table{{"SESSION", "ACCOUNT", "STATE", "CREATED", "ADDRESS", "LABEL", "USER AGENT"}};
}

} // namespace

exit_code show_session(const context& with, const std::string& session_id) {
  return with.ask_and_show(
    verb::get, sessions_path + percent_encoded(session_id), {}, [](const json::value& answer) {
      auto shown = session_table();
      if (const auto* object = answer.if_object(); object != nullptr && object->contains("session"))
        shown.add(row_of(object->at("session")));
      shown.print();
    });
}

exit_code list_sessions(const context& with, const std::string& account_id, std::size_t rows_max) {
  auto code = exit_code::done;
  const auto rows = ask_for_pages(with, "/api/v1/internal/accounts/" + percent_encoded(account_id) + "/sessions",
                                  "sessions", rows_max, code);
  if (!rows)
    return code;
  if (with.wants_json())
    return context::print_json(json::serialize(json::object{{"sessions", *rows}}));
  auto shown = session_table();
  for (const auto& one : *rows)
    shown.add(row_of(one));
  shown.print();
  return exit_code::done;
}

exit_code revoke_session(const context& with, const std::string& session_id, const std::string& reason) {
  if (!is_confirmed(with, "End session " + session_id + "?"))
    return exit_code::declined;
  return with.ask_and_show(verb::delete_, sessions_path + percent_encoded(session_id) + reason_query(reason), {},
                           [](const json::value& answer) {
                             std::cout << (text_at(answer, "revoked") == "true" ? "ended" : "was over already")
                                       << ", cursor " << text_at(answer, "cursor") << '\n';
                           });
}

} // namespace portcullis::ctl
