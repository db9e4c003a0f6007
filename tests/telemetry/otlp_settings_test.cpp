#define CAF_SUITE otlp_settings
#include "telemetry/otlp_settings.hpp"

#include "caf/test/unit_test.hpp"

#include <map>

using namespace std::chrono_literals;
using namespace portcullis::tracing;

namespace {

std::vector<std::string> unusable;

otlp_settings read(const std::map<std::string, std::string>& variables, std::string_view signal = "TRACES") {
  unusable.clear();
  const auto get = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view{} : std::string_view{found->second};
  };
  return read_otlp_settings(signal, get, unusable);
}

otlp_settings at(const std::string& endpoint) {
  return read({{"OTEL_EXPORTER_OTLP_ENDPOINT", endpoint}});
}

text_pairs headers(const std::string& text) {
  return read({{"OTEL_EXPORTER_OTLP_HEADERS", text}}).headers;
}

using names = std::vector<std::string>;

} // namespace

CAF_TEST(the path of a signal goes below the address of all) {
  CAF_CHECK_EQUAL(read({}).url, "http://localhost:4318/v1/traces");
  CAF_CHECK_EQUAL(read({}, "LOGS").url, "http://localhost:4318/v1/logs");
  CAF_CHECK_EQUAL(at("http://c:4318").url, "http://c:4318/v1/traces");
  CAF_CHECK_EQUAL(at("http://c:4318/").url, "http://c:4318/v1/traces");
  CAF_CHECK_EQUAL(at("https://c/base").url, "https://c/base/v1/traces");
  CAF_CHECK_EQUAL(at("https://c/base//").url, "https://c/base/v1/traces");
  CAF_CHECK_EQUAL(at("https://c/base/?tenant=a").url, "https://c/base/v1/traces?tenant=a");
  CAF_CHECK_EQUAL(at("http://[::1]:4318").url, "http://[::1]:4318/v1/traces");
  CAF_CHECK_EQUAL(at("collector:4318").url, "http://collector:4318/v1/traces");
  CAF_CHECK_EQUAL(at(" ").url, "http://localhost:4318/v1/traces");
}

CAF_TEST(the address of one signal is used as it is) {
  const auto own = [](const std::string& endpoint) {
    return read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all"}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint}})
      .url;
  };
  CAF_CHECK_EQUAL(own("http://c/own/?a=b"), "http://c/own/?a=b");
  CAF_CHECK_EQUAL(own("http://c"), "http://c");
  CAF_CHECK_EQUAL(own(""), "http://all/v1/traces");
  CAF_CHECK_EQUAL(own("ftp://c"), "http://all/v1/traces");
  CAF_CHECK_EQUAL(unusable, names{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"});
}

CAF_TEST(who an address names is no part of it) {
  const auto to = at("https://user:p%40ss@c:4318/base");
  CAF_CHECK_EQUAL(to.url, "https://c:4318/base/v1/traces");
  CAF_CHECK_EQUAL(to.credentials, "user:p@ss");
}

CAF_TEST(an address that is none is named) {
  for (const char* wrong : {"ftp://c", "unix:///run/c", "http://", "http://c:99999", "http://c:0", "http://c:x",
                            "http://c d", "http://:4318", "http://[::1", "http://u:%zz@c", "http://a:b:c"}) {
    CAF_CHECK_EQUAL(at(wrong).url, "http://localhost:4318/v1/traces");
    CAF_CHECK_EQUAL(unusable, names{"OTEL_EXPORTER_OTLP_ENDPOINT"});
  }
}

CAF_TEST(pairs are decoded and trimmed) {
  const text_pairs expected{{"k1", "v 1"}, {"k2", "a=b+c"}, {"k3", ""}};
  CAF_CHECK(parse_pairs(" k1 = v%201 ,k2=a=b+c,, k3=") == expected);
  CAF_CHECK(parse_pairs("") == text_pairs{});
  for (const char* wrong : {"k", "=v", "k=%zz", "k=%2", "a=1,b"})
    CAF_CHECK(!parse_pairs(wrong));
}

CAF_TEST(header fields cannot end their line) {
  CAF_CHECK(headers("authorization=Basic%20eA==,k=%C3%A9")
            == (text_pairs{{"authorization", "Basic eA=="}, {"k", "\xc3\xa9"}}));
  CAF_CHECK(unusable.empty());
  for (const char* wrong : {"k=a%0d%0aX: y", "k%20l=v", "k%0a=v", "k=%00", "key"}) {
    CAF_CHECK(headers(wrong).empty());
    CAF_CHECK_EQUAL(unusable, names{"OTEL_EXPORTER_OTLP_HEADERS"});
  }
}

CAF_TEST(header fields of one signal come before those of all) {
  const auto to = read(
    {{"OTEL_EXPORTER_OTLP_HEADERS", "a=all,Both=all"}, {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "both=own,b=own"}});
  CAF_CHECK(to.headers == (text_pairs{{"a", "all"}, {"both", "own"}, {"b", "own"}}));
}

CAF_TEST(a time is of milliseconds and the words are as the standard has them) {
  const auto to = read({{"OTEL_EXPORTER_OTLP_TIMEOUT", "10000"},
                        {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250"},
                        {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"},
                        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"},
                        {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                        {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/all.pem"},
                        {"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/own.key"}});
  CAF_CHECK_EQUAL(to.timeout, 250ms);
  CAF_CHECK(!to.is_json);
  CAF_CHECK(to.is_gzip);
  CAF_CHECK_EQUAL(to.ca_file, "/all.pem");
  CAF_CHECK_EQUAL(to.key_file, "/own.key");
  CAF_CHECK(unusable.empty());
}

CAF_TEST(what cannot be used is named once for all signals) {
  const std::map<std::string, std::string> wrong{{"OTEL_EXPORTER_OTLP_TIMEOUT", "1s"},
                                                 {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
                                                 {"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"}};
  const auto get = [&](const char* name) {
    const auto found = wrong.find(name);
    return found == wrong.end() ? std::string_view{} : std::string_view{found->second};
  };
  unusable.clear();
  for (const char* signal : {"TRACES", "METRICS", "LOGS"})
    CAF_CHECK_EQUAL(read_otlp_settings(signal, get, unusable).timeout, 10s);
  CAF_CHECK_EQUAL(unusable, (names{"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_PROTOCOL",
                                   "OTEL_EXPORTER_OTLP_COMPRESSION"}));
}
