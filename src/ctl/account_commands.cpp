#include "ctl/commands.hpp"
#include "ctl/confirmation.hpp"
#include "ctl/table.hpp"

#include <boost/json.hpp>

#include <iostream>

namespace portcullis::ctl {

namespace json = boost::json;

namespace {

const std::string accounts_path = "/api/v1/internal/accounts/";

std::string identities_of(const json::value& account) {
  std::string out;
  const auto* object = account.if_object();
  const auto* list = object == nullptr ? nullptr : object->if_contains("identities");
  if (list != nullptr && list->is_array())
    for (const auto& one : list->get_array())
      out += (out.empty() ? "" : ", ") + text_at(one, "kind") + ":" + text_at(one, "external_id");
  return out;
}

std::vector<std::string> row_of(const json::value& a) {
  return {text_at(a, "account_id"), text_at(a, "is_guest") == "true" ? "guest" : "full", text_at(a, "created_at"),
          text_at(a, "display_name"), identities_of(a)};
}

table account_table() {
  return table{{"ACCOUNT", "KIND", "CREATED", "NAME", "IDENTITIES"}};
}

} // namespace

exit_code find_accounts(const context& with, const account_search& search) {
  std::string target = "/api/v1/admin/accounts";
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty())
      target +=
        (target.find('?') == std::string::npos ? "?" : "&") + std::string{name} + "=" + percent_encoded(value);
  };
  add("kind", search.kind);
  add("external_id", search.external_id);
  add("guest", search.guest);
  add("created_before", search.created_before);
  add("created_after", search.created_after);
  auto code = exit_code::done;
  const auto rows = ask_for_pages(with, target, "accounts", search.rows_max, code);
  if (!rows)
    return code;
  if (with.wants_json())
    return context::print_json(json::serialize(json::object{{"accounts", *rows}}));
  auto shown = account_table();
  for (const auto& one : *rows)
    shown.add(row_of(one));
  shown.print();
  return exit_code::done;
}

exit_code show_account(const context& with, const std::string& account_id) {
  return with.ask_and_show(
    verb::get, accounts_path + percent_encoded(account_id), {}, [](const json::value& answer) {
      auto shown = account_table();
      if (const auto* object = answer.if_object(); object != nullptr && object->contains("account"))
        shown.add(row_of(object->at("account")));
      shown.print();
    });
}

exit_code delete_account(const context& with, const std::string& account_id, const std::string& reason) {
  if (!is_confirmed(with, "Delete account " + account_id + " and all it has?"))
    return exit_code::declined;
  auto target = accounts_path + percent_encoded(account_id);
  if (!reason.empty())
    target += "?reason=" + percent_encoded(reason);
  const auto answer = with.ask(verb::delete_, target);
  const auto code = context::judge(answer);
  if (code == exit_code::done && !with.wants_json())
    std::cout << "deleted\n";
  return code;
}

} // namespace portcullis::ctl
