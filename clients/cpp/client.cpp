#include "portcullis.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <curl/curl.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <random>
#include <stdexcept>
#include <utility>

namespace portcullis::client {

namespace {

namespace json = boost::json;

constexpr std::size_t answer_bytes_max = 4 * 1024 * 1024;
constexpr int wait_s = 1;                          // of a long poll: what it adds to the age of the lease
constexpr std::chrono::milliseconds pause_min{50}; // after a failure
constexpr std::chrono::milliseconds pause_max{2'000};

const std::string internal = "/api/v1/internal";

/// Of a clock that nobody sets and that, on Linux, goes on while the machine sleeps: a lease ends then as well.
instant now() {
#ifdef CLOCK_BOOTTIME
  timespec told{};
  if (::clock_gettime(CLOCK_BOOTTIME, &told) == 0)
    return std::chrono::seconds{told.tv_sec} + std::chrono::nanoseconds{told.tv_nsec};
#endif
  return std::chrono::steady_clock::now().time_since_epoch();
}

std::string hash_of(std::string_view token) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), sum.data());
  constexpr std::string_view hexadecimal = "0123456789abcdef";
  std::string text;
  for (const unsigned byte : sum) {
    text += hexadecimal[byte >> 4];
    text += hexadecimal[byte & 15];
  }
  return text;
}

struct easy_closer {
  void operator()(CURL* handle) const noexcept {
    curl_easy_cleanup(handle);
  }
};
using easy = std::unique_ptr<CURL, easy_closer>;

struct list_closer {
  void operator()(curl_slist* list) const noexcept {
    curl_slist_free_all(list);
  }
};

/// Header fields of a request.
class fields {
public:
  void add(std::string_view name, const std::string& value) {
    if (value.empty())
      return;
    auto* longer = curl_slist_append(list_.get(), (std::string{name} + ": " + value).c_str());
    if (!longer)
      throw std::bad_alloc{};
    static_cast<void>(list_.release()); // the first of `longer` now, or nothing
    list_.reset(longer);
  }
  curl_slist* get() const noexcept {
    return list_.get();
  }

private:
  std::unique_ptr<curl_slist, list_closer> list_;
};

/// For libcurl: takes in what comes. Less than all of it ends the call.
std::size_t take(char* data, std::size_t size, std::size_t count, void* into) {
  auto& text = *static_cast<std::string*>(into);
  if (text.size() + size * count > answer_bytes_max)
    return 0;
  text.append(data, size * count);
  return size * count;
}

std::string escaped(const std::string& id) {
  std::unique_ptr<char, void (*)(void*)> text{curl_easy_escape(nullptr, id.data(), static_cast<int>(id.size())),
                                              curl_free};
  return text ? text.get() : std::string{};
}

call_parts body_of(json::object body) {
  return {{}, {}, std::move(body)};
}

json::object reason_of(const std::string& reason) {
  return reason.empty() ? json::object{} : json::object{{"reason", reason}};
}

json::object with_device(json::object body, json::object device) {
  if (!device.empty())
    body["device"] = std::move(device);
  return body;
}

} // namespace

// -- calls

std::string answer::code() const {
  const auto* told = body.if_object();
  const auto* code = told ? told->if_contains("code") : nullptr;
  return code && code->is_string() ? std::string{code->get_string()} : std::string{};
}

/// Each with its kept connections; one is used by one thread at a time.
class client::handles {
public:
  easy take() {
    std::lock_guard<std::mutex> guard{mutex_};
    if (idle_.empty())
      return easy{curl_easy_init()};
    auto handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }

  void give_back(easy handle) {
    curl_easy_reset(handle.get()); // keeps its connections
    std::lock_guard<std::mutex> guard{mutex_};
    if (idle_.size() < idle_max)
      idle_.push_back(std::move(handle));
  }

private:
  static constexpr std::size_t idle_max = 16;

  std::mutex mutex_;
  std::vector<easy> idle_;
};

client::client(client_options opts) : options_(std::move(opts)), handles_(std::make_unique<handles>()) {
  if (options_.url.rfind("http://", 0) != 0 && options_.url.rfind("https://", 0) != 0)
    throw std::invalid_argument{options_.url + ": http or https is needed"};
  while (options_.url.back() == '/')
    options_.url.pop_back();
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    throw std::runtime_error{"libcurl cannot be used"};
}

client::~client() = default;

answer client::call(const char* method, const std::string& path, const call_parts& parts) const {
  auto handle = handles_->take();
  if (!handle)
    return {};
  fields header;
  header.add("Accept", "application/json");
  header.add("X-Caller-Key", options_.key);
  header.add("X-Min-Cursor", parts.min_cursor);
  header.add("Authorization", parts.token.empty() ? std::string{} : "Bearer " + parts.token);
  header.add("Content-Type", parts.body ? "application/json" : "");
  header.add("Expect", parts.body ? " " : ""); // no `100-continue`: bodies are small
  const auto body = parts.body ? json::serialize(*parts.body) : std::string{};
  std::string text;

  auto set = [h = handle.get()](auto option, auto value) { curl_easy_setopt(h, option, value); };
  const auto url = options_.url + path;
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_CUSTOMREQUEST, method);
  set(CURLOPT_HTTPHEADER, header.get());
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, ""); // libcurl would take one from the environment, for loopback too
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_WRITEFUNCTION, &take);
  set(CURLOPT_WRITEDATA, &text);
  if (parts.body) {
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    set(CURLOPT_POSTFIELDS, body.c_str());
  }
  for (const auto& [option, file] :
       {std::pair{CURLOPT_CAINFO, &options_.ca_file}, std::pair{CURLOPT_SSLCERT, &options_.certificate_file},
        std::pair{CURLOPT_SSLKEY, &options_.key_file}})
    if (!file->empty())
      set(option, file->c_str());

  answer made;
  if (curl_easy_perform(handle.get()) == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    json::error_code error;
    if (!text.empty())
      made.body = json::parse(text, error);
    made.status = error && status < 300 ? 0 : static_cast<int>(status);
  }
  handles_->give_back(std::move(handle));
  return made;
}

answer client::mint_session(const std::string& account_id, json::object device) const {
  return call("POST", internal + "/sessions",
              body_of(with_device({{"account_id", account_id}}, std::move(device))));
}

answer client::mint_session_for(const std::string& identity_kind, const std::string& external_id,
                                json::object device) const {
  json::object identity{{"kind", identity_kind}, {"external_id", external_id}};
  return call("POST", internal + "/sessions",
              body_of(with_device({{"identity", std::move(identity)}}, std::move(device))));
}

answer client::mint_guest(json::object device) const {
  return call("POST", "/api/v1/public/sessions/guest", body_of(with_device({}, std::move(device))));
}

answer client::resolve(const std::string& token, const std::string& min_cursor) const {
  return call("GET", internal + "/sessions/resolve", {token, min_cursor, std::nullopt});
}

answer client::revoke(const std::string& token, const std::string& reason) const {
  return call("POST", internal + "/sessions/revoke", {token, {}, reason_of(reason)});
}

answer client::revoke_session(const std::string& session_id, const std::string& reason) const {
  return call("DELETE", internal + "/sessions/" + escaped(session_id), body_of(reason_of(reason)));
}

answer client::revoke_account_sessions(const std::string& account_id, const std::string& reason) const {
  return call("DELETE", internal + "/accounts/" + escaped(account_id) + "/sessions", body_of(reason_of(reason)));
}

answer client::lookup(json::object question) const {
  return call("POST", internal + "/sessions/lookup", body_of(std::move(question)));
}

answer client::revocations(const std::string& query) const {
  return call("GET", internal + "/revocations?" + query);
}

// -- the follower

follower::follower(const client& asked, const cache_options& opts, listener on_events)
  : client_(asked), on_events_(std::move(on_events)), cache_(opts), thread_([this] { follow(); }) {}

follower::~follower() {
  {
    std::lock_guard<std::mutex> guard{mutex_};
    is_stopping_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

verdict follower::verify(std::string_view token, const std::string& min_cursor) {
  const auto hash = hash_of(token);
  {
    std::lock_guard<std::mutex> guard{mutex_};
    auto known = cache_.peek(hash, now(), min_cursor);
    if (known.is != kind::ask)
      return known;
  }
  return load(hash, min_cursor);
}

bool follower::is_current() const {
  std::lock_guard<std::mutex> guard{mutex_};
  return cache_.has_lease(now());
}

verdict follower::load(const std::string& hash, const std::string& min_cursor) {
  std::unique_lock<std::mutex> guard{mutex_};
  const auto id = cache_.begin(hash, min_cursor);
  for (;;) {
    auto question = cache_.question(id);
    guard.unlock();
    const auto sent = now();
    auto got = client_.lookup(std::move(question));
    guard.lock();
    auto made = cache_.finish(id, got.status == 200 ? got.body : json::value{}, sent, now());
    if (made.is != kind::again)
      return made;
  }
}

void follower::follow() {
  std::minstd_rand random{std::random_device{}()};
  auto pause = pause_min;
  for (;;) {
    if (read()) {
      pause = pause_min;
      std::lock_guard<std::mutex> guard{mutex_};
      if (is_stopping_)
        return;
      continue;
    }
    std::uniform_int_distribution<std::int64_t> jitter{pause.count() / 2, pause.count()};
    std::unique_lock<std::mutex> guard{mutex_};
    if (stopping_.wait_for(guard, std::chrono::milliseconds{jitter(random)}, [this] { return is_stopping_; }))
      return;
    pause = std::min(2 * pause, pause_max);
  }
}

bool follower::read() {
  std::string query;
  {
    std::lock_guard<std::mutex> guard{mutex_};
    query = cache_.feed_query(wait_s);
  }
  const auto sent = now();
  const auto got = client_.revocations(query);
  if (got.status != 200)
    return false;
  std::optional<session_cache::page> page;
  {
    std::lock_guard<std::mutex> guard{mutex_};
    page = cache_.apply(got.body, sent);
  }
  if (page && on_events_ && (!page->events.empty() || page->is_reset))
    on_events_(*page);
  return page.has_value();
}

} // namespace portcullis::client
