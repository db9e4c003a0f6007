#include "ctl/commands.hpp"
#include "ctl/confirmation.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <thread>

namespace portcullis::ctl {

namespace json = boost::json;

namespace {

const std::string jobs_path = "/api/v1/admin/revocations";

constexpr std::chrono::milliseconds look_every{500};
constexpr int silences_max = 120; // looks in a row that are not answered

json::array to_array(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts)
    out.emplace_back(text);
  return out;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (auto comma = list.find(','); comma != std::string::npos; comma = list.find(',', begin)) {
    parts.push_back(list.substr(begin, comma - begin));
    begin = comma + 1;
  }
  parts.push_back(list.substr(begin));
  return parts;
}

/// `name=value` as the service takes it. What it means, and whether it is sound, the service says.
bool add_condition(const std::string& text, json::object& to) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    complain("a condition is NAME=VALUE");
    return false;
  }
  const auto name = text.substr(0, equals);
  const auto value = text.substr(equals + 1);
  if (to.contains(name)) {
    complain("the condition " + name + " is given twice");
    return false;
  }
  if (name == "ip_in")
    to[name] = to_array(split(value));
  else if (name == "guest" && (value == "true" || value == "false"))
    to[name] = value == "true";
  else
    to[name] = value;
  return true;
}

std::optional<json::object> body_of(const revoke_order& order) {
  json::object body;
  if (!order.accounts.empty())
    body["accounts"] = to_array(order.accounts);
  if (!order.sessions.empty())
    body["sessions"] = to_array(order.sessions);
  if (order.is_all)
    body["all"] = true;
  json::object filter;
  for (const auto& one : order.conditions)
    if (!add_condition(one, filter))
      return std::nullopt;
  if (!filter.empty())
    body["filter"] = filter;
  if (body.size() != 1) {
    complain("say exactly one of --account, --session, --where and --all");
    return std::nullopt;
  }
  if (!order.reason.empty())
    body["reason"] = order.reason;
  return body;
}

void print_progress(const json::value& job) {
  if (isatty(STDERR_FILENO) != 1)
    return;
  const auto total = text_at(job, "total.sessions");
  std::cerr << '\r' << text_at(job, "done.sessions") << (total.empty() ? "" : " of " + total) << " sessions of "
            << text_at(job, "done.accounts") << " accounts ended " << std::flush;
}

void print_job(const json::value& job) {
  std::cout << text_at(job, "state") << ": " << text_at(job, "done.sessions") << " sessions of "
            << text_at(job, "done.accounts") << " accounts ended";
  if (const auto total = text_at(job, "total.sessions"); text_at(job, "state") != "done" && !total.empty())
    std::cout << ", of " << total;
  if (const auto cursor = text_at(job, "cursor"); !cursor.empty())
    std::cout << ", cursor " << cursor;
  std::cout << '\n';
}

exit_code show(const context& with, const std::string& body, const json::value& job) {
  if (with.wants_json())
    return context::print_json(body);
  print_job(job);
  return exit_code::done;
}

exit_code wait_for(const context& with, const std::string& job_id) {
  int silences = 0;
  while (true) {
    const auto answer = with.ask(verb::get, jobs_path + "/" + percent_encoded(job_id));
    // The job goes on whether anybody asks or not: a replica that is away, or busy, is asked again.
    const bool is_silent = !answer || answer->status >= 500;
    silences = is_silent ? silences + 1 : 0;
    if (!is_silent || silences >= silences_max) {
      if (const auto code = context::judge(answer); code != exit_code::done)
        return code;
      const auto job = context::parse(answer->body);
      if (!job)
        return context::garbage();
      print_progress(*job);
      if (text_at(*job, "state") == "done") {
        if (isatty(STDERR_FILENO) == 1)
          std::cerr << '\n';
        return show(with, answer->body, *job);
      }
    }
    std::this_thread::sleep_for(look_every);
  }
}

} // namespace

exit_code revoke_many(const context& with, const revoke_order& order) {
  auto body = body_of(order);
  if (!body)
    return exit_code::usage;
  auto counting = *body;
  counting["dry_run"] = true;
  if (order.is_dry_run || !with.given().is_confirmed) {
    const auto counted = with.ask(verb::post, jobs_path, json::serialize(counting));
    if (const auto code = context::judge(counted); code != exit_code::done)
      return code;
    const auto counts = context::parse(counted->body);
    if (!counts)
      return context::garbage();
    const auto sentence =
      text_at(*counts, "sessions") + " sessions of " + text_at(*counts, "accounts") + " accounts";
    if (order.is_dry_run && with.wants_json())
      return context::print_json(counted->body);
    if (order.is_dry_run) {
      std::cout << sentence << " would end\n";
      return exit_code::done;
    }
    if (!is_confirmed(with, "End " + sentence + "?"))
      return exit_code::declined;
  }
  const auto accepted = with.ask(verb::post, jobs_path, json::serialize(*body));
  if (const auto code = context::judge(accepted); code != exit_code::done)
    return code;
  const auto job = context::parse(accepted->body);
  if (!job)
    return context::garbage();
  const auto job_id = text_at(*job, "job_id");
  if (!order.is_detached) {
    std::cerr << "job " << job_id << '\n';
    return wait_for(with, job_id);
  }
  if (with.wants_json())
    return context::print_json(accepted->body);
  std::cout << "job " << job_id << '\n';
  return exit_code::done;
}

exit_code show_job(const context& with, const std::string& job_id, bool waits) {
  if (waits)
    return wait_for(with, job_id);
  return with.ask_and_show(verb::get, jobs_path + "/" + percent_encoded(job_id), {}, print_job);
}

} // namespace portcullis::ctl
