// Plays the conformance suite's commands, one JSON a line, on the cache; or follows a service:
//
//   conformance        commands on standard input, answers on standard output
//   conformance URL [STALENESS_MS [TIMEOUT_MS]]
//                      tokens on standard input (and a cursor after a blank), verdicts on standard output; to
//                      `events`: whether it is current, how many resets it saw, and the seqs of all events
#include "portcullis.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <iostream>
#include <map>

namespace {

namespace json = boost::json;
using namespace portcullis::client;

class player {
public:
  json::object play(const json::object& command) {
    const auto what = text(command, "do");
    if (what == "new")
      return start(command);
    if (what == "verify")
      return verify(command);
    if (what == "loaded")
      return loaded(command);
    if (what == "page")
      return page(command);
    if (what == "token")
      return {{"is_token", is_token(text(command, "text"))}};
    return {{"query", cache_->feed_query(static_cast<int>(number(command, "wait")))}};
  }

private:
  static std::int64_t number(const json::object& command, std::string_view name) {
    return command.at(name).to_number<std::int64_t>();
  }
  static std::string text(const json::object& command, std::string_view name) {
    const auto* value = command.if_contains(name);
    return value ? std::string{value->as_string()} : std::string{};
  }
  static instant time(const json::object& command, std::string_view name) {
    return std::chrono::milliseconds{number(command, name)};
  }
  static json::value body(const json::object& command) {
    const auto* value = command.if_contains("body");
    return value ? *value : json::value{};
  }
  static json::object told(const verdict& what) {
    json::object out{{"answer", to_string(what.is)}};
    if (what.whose)
      out["session_id"] = what.whose->session_id;
    return out;
  }

  json::object start(const json::object& command) {
    cache_.emplace(cache_options{static_cast<std::size_t>(number(command, "entries_max")), time(command, "ttl_ms"),
                                 time(command, "staleness_max_ms")});
    loads_.clear();
    return {};
  }

  json::object verify(const json::object& command) {
    const auto hash = text(command, "hash"), min_cursor = text(command, "min_cursor");
    const auto known = cache_->peek(hash, time(command, "now"), min_cursor);
    if (known.is != kind::ask)
      return told(known);
    const auto load = cache_->begin(hash, min_cursor);
    loads_[number(command, "load")] = load;
    return {{"ask", cache_->question(load)}};
  }

  json::object loaded(const json::object& command) {
    const auto load = loads_.at(number(command, "load"));
    const auto made = cache_->finish(load, body(command), time(command, "sent"), time(command, "now"));
    return made.is == kind::again ? json::object{{"ask", cache_->question(load)}} : told(made);
  }

  json::object page(const json::object& command) {
    const auto made = cache_->apply(body(command), time(command, "sent"));
    return made ? json::object{{"more", made->has_more}} : json::object{{"error", true}};
  }

  std::optional<session_cache> cache_;
  std::map<std::int64_t, session_cache::load_id> loads_;
};

std::string said(const verdict& what) {
  switch (what.is) {
  case kind::active:
    return "active " + what.whose->session_id;
  case kind::dead:
    return "denied session_revoked";
  case kind::expired:
    return "denied session_expired";
  case kind::unknown:
    return "denied session_unknown";
  default:
    return "unavailable";
  }
}

/// What a follower was told of.
class log {
public:
  void take(const session_cache::page& page) {
    std::lock_guard<std::mutex> guard{mutex_};
    resets_ += page.is_reset ? 1 : 0;
    for (const auto& each : page.events)
      seqs_ += (seqs_.empty() ? "" : ",") + std::to_string(each.seq);
  }

  std::string tell(bool is_current) const {
    std::lock_guard<std::mutex> guard{mutex_};
    return (is_current ? "current " : "behind ") + std::to_string(resets_) + ' ' + seqs_;
  }

private:
  mutable std::mutex mutex_;
  std::string seqs_;
  int resets_ = 0;
};

void follow(const std::string& url, std::chrono::milliseconds staleness_max, std::chrono::milliseconds timeout) {
  const client asked{client_options{url, {}, {}, {}, {}, timeout}};
  log told;
  cache_options opts;
  opts.staleness_max = staleness_max;
  follower who{asked, opts, [&told](const session_cache::page& page) { told.take(page); }};
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "events") {
      std::cout << told.tell(who.is_current()) << std::endl;
      continue;
    }
    const auto blank = line.find(' ');
    const auto min_cursor = blank == std::string::npos ? std::string{} : line.substr(blank + 1);
    std::cout << said(who.verify(std::string_view{line}.substr(0, blank), min_cursor)) << std::endl;
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    const auto argument = [&](int n, int standard) {
      return std::chrono::milliseconds{n < argc ? std::stoi(argv[n]) : standard};
    };
    follow(argv[1], argument(2, 60'000), argument(3, 5'000));
    return 0;
  }
  player plays;
  for (std::string line; std::getline(std::cin, line);)
    std::cout << json::serialize(plays.play(json::parse(line).as_object())) << std::endl;
}
