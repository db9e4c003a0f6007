#include "ctl/doctor.hpp"

#include "ctl/table.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <iostream>

namespace portcullis::ctl {

namespace json = boost::json;

namespace {

std::string_view to_string(health how) {
  switch (how) {
  case health::good:
    return "ok";
  case health::skipped:
    return "skip";
  case health::doubtful:
    return "warn";
  case health::bad:
    return "FAIL";
  }
  return "FAIL";
}

style style_of(health how) {
  switch (how) {
  case health::good:
    return style::good;
  case health::skipped:
    return style::bold;
  case health::doubtful:
    return style::doubtful;
  case health::bad:
    return style::bad;
  }
  return style::bad;
}

std::string lower(std::string_view text) {
  return text == "FAIL" ? "fail" : std::string{text};
}

void print(const findings& all) {
  constexpr std::size_t check_width = 20;
  for (const auto& one : all) {
    std::string state{to_string(one.how)};
    state.resize(4, ' ');
    auto check = one.check;
    check.resize(std::max(check_width, check.size()), ' ');
    std::cout << styled(style_of(one.how), state) << "  " << check << "  " << printable(one.what) << '\n';
    if (!one.advice.empty())
      std::cout << std::string(6, ' ') << "→ " << one.advice << '\n';
  }
}

void print_as_json(const findings& all) {
  json::array list;
  for (const auto& one : all)
    list.push_back({{"check", one.check},
                    {"state", lower(to_string(one.how))},
                    {"found", one.what},
                    {"advice", one.advice.empty() ? json::value(nullptr) : json::value(one.advice)}});
  std::cout << json::serialize(json::object{{"checks", std::move(list)}}) << '\n';
}

} // namespace

exit_code examine(const context& with) {
  findings all;
  check_service(with, all);
  check_database(all);
  if (with.wants_json())
    print_as_json(all);
  else
    print(all);
  const bool is_bad = std::any_of(all.begin(), all.end(), [](const finding& f) { return f.how == health::bad; });
  return is_bad || !std::cout.flush() ? exit_code::refused : exit_code::done;
}

} // namespace portcullis::ctl
