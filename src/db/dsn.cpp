#include "db/dsn.hpp"

#include "core/environment.hpp"
#include "core/percent.hpp"
#include "db/connection.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>
#include <system_error>

namespace portcullis::db {

namespace {

constexpr std::string_view mask = "***";
constexpr std::string_view required_path = "backend";

/// Parameters of pgx and its pool that libpq does not know: named in the error, for they are no secret.
constexpr std::array<std::string_view, 12> pgx_parameters{"pool_max_conns",
                                                          "pool_min_conns",
                                                          "pool_min_idle_conns",
                                                          "pool_max_conn_lifetime",
                                                          "pool_max_conn_idle_time",
                                                          "pool_health_check_period",
                                                          "pool_max_conn_lifetime_jitter",
                                                          "default_query_exec_mode",
                                                          "statement_cache_capacity",
                                                          "statement_cache_mode",
                                                          "description_cache_capacity",
                                                          "prefer_simple_protocol"};

/// Where a parameter stands in the text: [begin, end) with its separator, and its value in between.
struct span {
  std::string key;
  std::string value; // decoded
  std::size_t begin = 0;
  std::size_t value_begin = 0;
  std::size_t end = 0;
};

bool is_url(std::string_view dsn) {
  return dsn.substr(0, 13) == "postgresql://" || dsn.substr(0, 11) == "postgres://";
}

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// RFC 3986, section 2.1. A text with a broken escape stays as it is: libpq refuses it, and it is no name that is
/// looked for here.
std::string decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  const auto size = percent_decode(text, false, out.data());
  if (!size)
    return std::string{text};
  out.resize(*size);
  return out;
}

/// Where the query of a URL begins: libpq takes a '?' before the '@' as part of the password.
std::size_t query_of(std::string_view dsn) {
  auto authority = std::min(dsn.find("://"), dsn.size());
  auto user_end = dsn.find_first_of("@/", authority + 3);
  return dsn.find('?', user_end < dsn.size() && dsn[user_end] == '@' ? user_end : authority);
}

/// The query parameters of a URL; each span starts at its '?' or '&'.
std::vector<span> url_spans(std::string_view dsn) {
  std::vector<span> out;
  for (auto at = query_of(dsn); at < dsn.size();) {
    span one;
    one.begin = at;
    one.end = std::min(dsn.find('&', at + 1), dsn.size());
    auto text = dsn.substr(at + 1, one.end - at - 1);
    auto equals = std::min(text.find('='), text.size());
    one.key = decoded(text.substr(0, equals));
    one.value_begin = std::min(at + 1 + equals + 1, one.end);
    one.value = decoded(dsn.substr(one.value_begin, one.end - one.value_begin));
    at = one.end;
    out.push_back(std::move(one));
  }
  return out;
}

/// The parameters of the key=value form, by libpq's rules (quotes, backslashes, spaces around the equals sign).
std::vector<span> key_value_spans(std::string_view dsn) {
  std::vector<span> out;
  std::size_t at = 0;
  auto skip_spaces = [&] {
    while (at < dsn.size() && is_space(dsn[at]))
      ++at;
  };
  for (skip_spaces(); at < dsn.size(); skip_spaces()) {
    span one;
    one.begin = at;
    while (at < dsn.size() && dsn[at] != '=' && !is_space(dsn[at]))
      one.key.push_back(dsn[at++]);
    skip_spaces();
    if (at < dsn.size() && dsn[at] == '=')
      ++at;
    skip_spaces();
    one.value_begin = at;
    bool is_quoted = at < dsn.size() && dsn[at] == '\'';
    at += is_quoted ? 1 : 0;
    while (at < dsn.size() && (is_quoted ? dsn[at] != '\'' : !is_space(dsn[at]))) {
      at += dsn[at] == '\\' && at + 1 < dsn.size() ? 1 : 0;
      one.value.push_back(dsn[at++]);
    }
    at = std::min(at + (is_quoted ? 1 : 0), dsn.size());
    one.end = at;
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<span> spans_of(std::string_view dsn) {
  return is_url(dsn) ? url_spans(dsn) : key_value_spans(dsn);
}

/// Takes `search_path` out of the text, for libpq knows no such parameter.
std::string extract_search_path(std::string_view dsn, std::optional<std::string>* path) {
  std::string out{dsn};
  auto spans = spans_of(dsn);
  for (auto one = spans.rbegin(); one != spans.rend(); ++one) {
    if (one->key != "search_path")
      continue;
    if (!*path)
      *path = one->value; // the last one counts
    out.erase(one->begin, one->end - one->begin);
  }
  if (auto query = query_of(dsn); is_url(dsn) && query < out.size() && out[query] == '&')
    out[query] = '?'; // the first parameter has gone
  return out;
}

/// The value of search_path that the server would take from `options`: the last of `-c name=value`, `-cname=value`
/// and
/// `--name=value`, where a backslash escapes (see pg_split_opts in PostgreSQL's postinit.c).
std::optional<std::string> search_path_in(std::string_view options) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (is_space(options[i])) {
      in_word = false;
      continue;
    }
    if (!in_word)
      words.emplace_back();
    in_word = true;
    i += options[i] == '\\' && i + 1 < options.size() ? 1 : 0;
    words.back().push_back(options[i]);
  }
  std::optional<std::string> path;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word == "-c" && i + 1 < words.size())
      word = words[++i];
    else if (word.substr(0, 2) == "-c" || word.substr(0, 2) == "--")
      word.remove_prefix(2);
    constexpr std::string_view name = "search_path=";
    if (word.substr(0, name.size()) == name)
      path = word.substr(name.size());
  }
  return path;
}

std::string escape_option(std::string_view value) {
  std::string out;
  for (auto c : value) {
    if (is_space(c) || c == '\\')
      out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

bool is_integer(std::string_view text) {
  constexpr std::size_t digits_max = 9; // fits into the int that libpq reads
  auto digits = text.substr(!text.empty() && (text.front() == '-' || text.front() == '+') ? 1 : 0);
  return !digits.empty() && digits.size() <= digits_max
         && std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_port(std::string_view text) {
  constexpr int port_max = 65535;
  if (text.empty()) // the default
    return true;
  return is_integer(text) && std::isdigit(static_cast<unsigned char>(text.front())) != 0
         && std::stoi(std::string{text}) >= 1 && std::stoi(std::string{text}) <= port_max;
}

std::vector<std::string_view> split_at_commas(std::string_view list) {
  std::vector<std::string_view> out;
  for (std::size_t begin = 0; begin <= list.size();) {
    auto end = std::min(list.find(',', begin), list.size());
    out.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

/// What libpq takes, which reads it only when it connects. A parameter that this libpq does not know was refused
/// before.
struct value_rule {
  std::string_view key;
  std::string_view takes; // words with commas between, or empty: an integer
};

constexpr value_rule value_rules[] = {
  {"connect_timeout", ""},
  {"keepalives", ""},
  {"keepalives_idle", ""},
  {"keepalives_interval", ""},
  {"keepalives_count", ""},
  {"tcp_user_timeout", ""},
  {"sslmode", "disable,allow,prefer,require,verify-ca,verify-full"},
  {"gssencmode", "disable,prefer,require"},
  {"channel_binding", "disable,prefer,require"},
  {"sslnegotiation", "postgres,direct"},
  {"sslcompression", "0,1"},
  {"sslsni", "0,1"},
  {"ssl_min_protocol_version", "TLSv1,TLSv1.1,TLSv1.2,TLSv1.3"},
  {"ssl_max_protocol_version", "TLSv1,TLSv1.1,TLSv1.2,TLSv1.3"},
  {"load_balance_hosts", "disable,random"},
  {"replication", "false,off,no,0"},
  {"target_session_attrs", "read-write,primary,any"},
};

std::string check_value(const value_rule& rule, std::string_view value) {
  if (rule.takes.empty())
    return is_integer(value) ? std::string{} : std::string{rule.key} + " must be an integer";
  auto words = split_at_commas(rule.takes);
  if (std::find(words.begin(), words.end(), value) != words.end())
    return {};
  return std::string{rule.key} + " must be left out or one of " + std::string{rule.takes};
}

std::string check_hosts(const conninfo_parameters& parameters) {
  const auto* ports = find_parameter(parameters, "port");
  auto port_list = split_at_commas(ports != nullptr ? std::string_view{*ports} : std::string_view{});
  if (!std::all_of(port_list.begin(), port_list.end(), is_port))
    return "each port must be a number from 1 to 65535";
  std::size_t hosts = 1;
  for (auto key : {"host", "hostaddr"}) {
    const auto* list = find_parameter(parameters, key);
    auto length = list != nullptr ? split_at_commas(*list).size() : 1;
    if (length != 1 && hosts != 1 && length != hosts)
      return "host and hostaddr must name equally many";
    hosts = std::max(hosts, length);
  }
  if (port_list.size() != 1 && port_list.size() != hosts)
    return "there must be one port, or one for each host";
  return {};
}

/// What of the parameters cannot work, as far as that can be told without a connection. Repeats no value.
std::string check_values(const conninfo_parameters& parameters) {
  for (const auto& rule : value_rules)
    if (const auto* value = find_parameter(parameters, rule.key))
      if (auto wrong = check_value(rule, *value); !wrong.empty())
        return wrong;
  return check_hosts(parameters);
}

failure refuse(std::string detail) {
  return {errc::value_unacceptable, std::move(detail)};
}

bool is_secret(std::string_view key) {
  constexpr std::string_view suffix = "password"; // password and sslpassword
  return key.size() >= suffix.size() && key.substr(key.size() - suffix.size()) == suffix;
}

/// Everything between the user's colon and the last '@' of the authority: more than libpq would call the password
/// when it holds an '@' that was not encoded.
void mask_authority(std::string& url) {
  auto begin = url.find("://") + 3;
  auto authority = std::string_view{url}.substr(begin, url.find('/', begin) - begin);
  auto at = authority.rfind('@');
  auto colon = authority.find(':');
  if (at != std::string_view::npos && colon < at)
    url.replace(begin + colon + 1, at - colon - 1, mask);
}

} // namespace

std::optional<conninfo_parameters> parse_conninfo(const std::string& conninfo) {
  char* message = nullptr;
  std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> list{PQconninfoParse(conninfo.c_str(), &message),
                                                                      PQconninfoFree};
  PQfreemem(message);
  if (!list)
    return std::nullopt;
  conninfo_parameters out;
  for (auto* one = list.get(); one->keyword != nullptr; ++one)
    if (one->val != nullptr)
      out.emplace_back(one->keyword, one->val);
  return out;
}

std::string to_conninfo(const conninfo_parameters& parameters) {
  std::string out;
  for (const auto& [key, value] : parameters) {
    out += (out.empty() ? "" : " ") + key + "='";
    for (auto c : value) {
      if (c == '\'' || c == '\\')
        out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('\'');
  }
  return out;
}

const std::string* find_parameter(const conninfo_parameters& parameters, std::string_view key) {
  for (const auto& one : parameters)
    if (one.first == key)
      return &one.second;
  return nullptr;
}

void set_parameter(conninfo_parameters& parameters, std::string_view key, std::string value) {
  for (auto& one : parameters) {
    if (one.first == key) {
      one.second = std::move(value);
      return;
    }
  }
  parameters.emplace_back(key, std::move(value));
}

void set_default(conninfo_parameters& parameters, std::string_view key, std::string value) {
  if (find_parameter(parameters, key) == nullptr)
    set_parameter(parameters, key, std::move(value));
}

bool reads_client_key(const std::string& conninfo) {
  const auto own = parse_conninfo(conninfo).value_or(conninfo_parameters{});
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> defaults{PQconndefaults(), PQconninfoFree};
  const auto value_of = [&](std::string_view key) {
    if (const auto* said = find_parameter(own, key))
      return *said;
    for (const auto* one = defaults.get(); one != nullptr && one->keyword != nullptr; ++one)
      if (key == one->keyword && one->val != nullptr)
        return std::string{one->val};
    return std::string{};
  };
  if (value_of("sslmode") == "disable")
    return false;
  if (!value_of("sslkey").empty())
    return true;
  const auto home = environment_variable("HOME");
  std::error_code ignored;
  return !home.empty() && std::filesystem::exists(std::string{home} + "/.postgresql/postgresql.key", ignored);
}

result<std::string> parse_dsn(std::string_view text) {
  auto dsn = trim(text);
  if (dsn.find('\0') != std::string_view::npos)
    return refuse("it holds a NUL character");
  std::optional<std::string> path;
  auto plain = extract_search_path(dsn, &path);
  for (const auto& one : spans_of(plain))
    for (auto name : pgx_parameters)
      if (one.key == name)
        return refuse("the parameter " + one.key + " is one of pgx's, which libpq does not know: remove it");
  auto parameters = parse_conninfo(plain);
  if (!parameters)
    return refuse(
      "it is neither a URL nor a key=value string that libpq takes: look for a parameter that libpq does "
      "not know, and for a reserved character in the password that is not percent-encoded");
  if (auto wrong = check_values(*parameters); !wrong.empty())
    return refuse(std::move(wrong));
  const auto* given = find_parameter(*parameters, "options");
  std::string options = given != nullptr ? *given : "";
  if (path)
    options += (options.empty() ? "" : " ") + ("-csearch_path=" + escape_option(*path));
  if (search_path_in(options) != required_path)
    return refuse("it must pin the schema with search_path=backend, as in "
                  "postgres://user:password@host:5432/database?search_path=backend");
  set_parameter(*parameters, "options", std::move(options));
  return to_conninfo(*parameters);
}

std::string mask_dsn(std::string_view text) {
  auto dsn = trim(text);
  // What cannot be taken apart may hold the password anywhere.
  std::optional<std::string> path;
  auto parameters = parse_conninfo(extract_search_path(dsn, &path));
  if (!parameters)
    return std::string{mask};
  // A URL whose `@` was forgotten has its password where the port belongs.
  const auto* port = find_parameter(*parameters, "port");
  if (port != nullptr && port->find_first_not_of("0123456789,") != std::string::npos)
    return std::string{mask};
  std::string out{dsn};
  auto spans = spans_of(dsn);
  for (auto one = spans.rbegin(); one != spans.rend(); ++one)
    if (is_secret(one->key))
      out.replace(one->value_begin, one->end - one->value_begin, mask);
  if (is_url(dsn))
    mask_authority(out);
  return out;
}

} // namespace portcullis::db
