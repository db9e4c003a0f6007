#include "config/settings.hpp"
#include "config/variables.hpp"

#include "caf/test/unit_test.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using namespace portcullis::config;
using namespace std::chrono_literals;

namespace {

environment with(environment changes) {
  changes.emplace("GATEWAY_BACKEND_URL", "http://127.0.0.1:8080");
  return changes;
}

settings sound(environment changes) {
  const auto loaded = load(role::edge, with(std::move(changes)));
  if (const auto* problems = std::get_if<std::vector<problem>>(&loaded))
    CAF_FAIL(problems->at(0).to_string());
  return std::get<settings>(loaded);
}

std::vector<std::string> problems(const environment& env) {
  const auto loaded = load(role::edge, env);
  std::vector<std::string> lines;
  if (const auto* found = std::get_if<std::vector<problem>>(&loaded))
    for (const problem& p : *found)
      lines.push_back(p.to_string());
  return lines;
}

/// A file that is gone with the test.
class file {
public:
  explicit file(const std::string& content) {
    char name[] = "/tmp/portcullis-settings-XXXXXX";
    ::close(::mkstemp(name));
    path_ = name;
    std::ofstream{path_} << content;
  }
  ~file() {
    ::unlink(path_.c_str());
  }
  const std::string& path() const {
    return path_;
  }

private:
  std::string path_;
};

} // namespace

CAF_TEST(the defaults of an edge hold when only the service is given) {
  const settings s = sound({});
  CAF_CHECK(s.role == role::edge);
  CAF_CHECK_EQUAL(s.http.listen.at(0).port, 8081);
  CAF_CHECK_EQUAL(s.session_cache.limits.memory.index.entries_max, 50'000u);
  CAF_CHECK(s.session_cache.limits.memory.index.entry_ttl == 10min);
  CAF_CHECK(s.session_cache.limits.fail_static == 0ms);
  CAF_CHECK(s.session_cache.verdict_max_age == 0ms);
  CAF_CHECK(s.staleness_max() == 60s);
  CAF_CHECK(s.revocation.poll_interval == 1s);
  CAF_CHECK(s.service.addresses == std::vector<std::string>{"http://127.0.0.1:8080"});
  CAF_CHECK(s.request_timeout() == 6s);
  CAF_CHECK(s.postgres.conninfo.empty()); // it asks for no DSN
}

CAF_TEST(the service is required) {
  CAF_CHECK_EQUAL(problems({}), std::vector<std::string>{
                                  "GATEWAY_BACKEND_URL is not set: takes 1 to 16 http or https URLs without "
                                  "user, query and fragment, separated by commas"});
}

CAF_TEST(several services may be given) {
  using urls = std::vector<std::string>;
  const auto given = [](const std::string& text) {
    return sound({{"GATEWAY_BACKEND_URL", text}}).service.addresses;
  };
  CAF_CHECK(given("http://a") == urls{"http://a"});
  CAF_CHECK(given("http://a:80/, https://b.example:8443/sessions/ ,http://[::1]:9")
            == (urls{"http://a:80", "https://b.example:8443/sessions", "http://[::1]:9"}));
  CAF_CHECK(given("http://[::1]") == urls{"http://[::1]"});
  std::string many = "http://h0";
  for (int i = 1; i < 16; ++i)
    many += ",http://h" + std::to_string(i);
  CAF_CHECK_EQUAL(given(many).size(), 16u);
  for (const std::string& text :
       {std::string{"a:80"}, std::string{"ftp://a"}, std::string{"http://"}, std::string{"http://:80"},
        std::string{"http://user:secret@a"}, std::string{"http://a?x=1"}, std::string{"http://a#x"},
        std::string{"http://a:0"}, std::string{"http://a:65536"}, std::string{"http://a b"},
        std::string{"http://a,"}, std::string{",http://a"}, std::string{"http://a,http://a/"},
        std::string{"http://a\nX: y"}, many + ",http://h16"})
    if (problems({{"GATEWAY_BACKEND_URL", text}}).size() != 1)
      CAF_ERROR("GATEWAY_BACKEND_URL took " << text);
}

CAF_TEST(the key of the caller comes out of a file and is shown nowhere) {
  const file key{"pck_secret\nmore\n"};
  const settings s = sound({{"GATEWAY_CALLER_KEY_FILE", key.path()}});
  CAF_CHECK_EQUAL(s.service.caller_key, "pck_secret");
  CAF_CHECK_EQUAL(describe(s, with({})).find("pck_secret"), std::string::npos);
  for (const std::string& content :
       {std::string{""}, std::string{"\nkey"}, std::string{"two words"}, std::string(513, 'k')}) {
    const file bad{content};
    const auto lines = problems(with({{"GATEWAY_CALLER_KEY_FILE", bad.path()}}));
    CAF_CHECK_EQUAL(lines.size(), 1u);
  }
  CAF_CHECK_EQUAL(problems(with({{"GATEWAY_CALLER_KEY_FILE", "/nowhere/key"}})).size(), 1u);
}

CAF_TEST(a certificate comes with its key and files are there) {
  const file there{"x"};
  CAF_CHECK_EQUAL(problems(with({{"GATEWAY_BACKEND_CERT_FILE", there.path()}})),
                  std::vector<std::string>{"GATEWAY_BACKEND_CERT_FILE=\"" + there.path()
                                           + "\": takes GATEWAY_BACKEND_KEY_FILE beside it"});
  CAF_CHECK_EQUAL(problems(with({{"GATEWAY_BACKEND_KEY_FILE", there.path()}})).size(), 1u);
  const settings s = sound({{"GATEWAY_BACKEND_CERT_FILE", there.path()},
                            {"GATEWAY_BACKEND_KEY_FILE", there.path()},
                            {"GATEWAY_BACKEND_CA_FILE", there.path()}});
  CAF_CHECK_EQUAL(s.service.certificate_file, there.path());
  CAF_CHECK_EQUAL(
    problems(with({{"GATEWAY_BACKEND_CA_FILE", "/nowhere/ca.pem"}})),
    std::vector<std::string>{"GATEWAY_BACKEND_CA_FILE=\"/nowhere/ca.pem\": takes the path of a file that "
                             "can be read"});
}

CAF_TEST(listeners with TLS want a certificate and callers that are required a file) {
  const settings s = sound({{"GATEWAY_HTTP_ADDR", "127.0.0.1:1,:2;audiences=metrics"}});
  CAF_CHECK_EQUAL(s.http.listen.size(), 2u);
  const auto found = problems(with({{"GATEWAY_HTTP_ADDR", ":1;tls"}, {"GATEWAY_CALLERS_REQUIRED", "true"}}));
  CAF_CHECK_EQUAL(found, (std::vector<std::string>{
                           "GATEWAY_TLS_CERT_FILE is not set: takes the path of a file, since a listener has TLS",
                           "GATEWAY_TLS_KEY_FILE is not set: takes the path of a file, since a listener has TLS",
                           "GATEWAY_CALLERS_FILE is not set: takes the path of a file, since callers are required",
                         }));
}

CAF_TEST(a time inside another is lowered to it and the bound leaves room) {
  const settings s = sound({{"GATEWAY_BACKEND_OPERATION_TIMEOUT", "500ms"}});
  CAF_CHECK(s.service.attempt_timeout == 500ms);
  CAF_CHECK(s.service.connect_timeout == 500ms);
  CAF_CHECK_EQUAL(problems(with({{"GATEWAY_REVOCATION_MAX_STALENESS", "1s"}})),
                  std::vector<std::string>{"GATEWAY_REVOCATION_MAX_STALENESS=\"1s\": takes at least twice "
                                           "GATEWAY_REVOCATION_POLL_INTERVAL, which is 1s"});
}

CAF_TEST(neither role minds the variables of the other) {
  const environment both = with({{"BACKEND_POSTGRES_DSN", "nonsense"}, {"BACKEND_HTTP_ADDR", "nonsense"}});
  CAF_CHECK(problems(both).empty());
  CAF_CHECK(unknown_variables(both).empty());
  CAF_CHECK_EQUAL(unknown_variables(with({{"GATEWAY_BACKEND_URI", ""}})),
                  std::vector<std::string>{"GATEWAY_BACKEND_URI"});
}

CAF_TEST(what is shown of an edge can be given back) {
  const settings before = sound({{"GATEWAY_BACKEND_URL", "http://a,https://b:1/x"},
                                 {"GATEWAY_FAIL_STATIC", "5m"},
                                 {"GATEWAY_VERDICT_MAX_AGE", "3s"},
                                 {"GATEWAY_BACKEND_MAX_CONNECTIONS", "3"}});
  environment shown;
  for (const variable& v : variables(role::edge))
    shown.emplace(v.name, v.show(before));
  const settings after = sound(shown);
  for (const variable& v : variables(role::edge))
    CAF_CHECK_EQUAL(v.show(before), v.show(after));
  CAF_CHECK(after.session_cache.limits.fail_static == 5min);
  CAF_CHECK(after.session_cache.verdict_max_age == 3s);
  CAF_CHECK_EQUAL(after.service.connections_max, 3u);
}

CAF_TEST(every variable of an edge is documented with its default) {
  const std::string help = help_table(role::edge);
  const std::string markdown = markdown_table(role::edge);
  for (const variable& v : variables(role::edge)) {
    CAF_CHECK_EQUAL(v.name.rfind("GATEWAY_", 0), 0u);
    CAF_CHECK_NOT_EQUAL(help.find("  " + v.name + " ("), std::string::npos);
    CAF_CHECK_NOT_EQUAL(markdown.find("| `" + v.name + "` |"), std::string::npos);
  }
  CAF_CHECK_NOT_EQUAL(help.find("GATEWAY_BACKEND_CA_FILE (default none)"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(help.find("GATEWAY_SESSION_CACHE_TTL (default 10m)"), std::string::npos);
}
