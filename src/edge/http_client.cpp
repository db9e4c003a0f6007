#include "edge/http_client.hpp"

#include "edge/address_health.hpp"
#include "edge/transfer.hpp"
#include "telemetry/log.hpp"

#include <signal.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <exception>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace portcullis::edge {

namespace {

using transfer_ptr = std::unique_ptr<transfer>;

constexpr std::chrono::milliseconds nap_max{1'000}; // the loop looks at its queue at least this often

failure unreachable() {
  return {errc::database_unavailable, "the session service does not answer"};
}

bool is_refusal(int status) {
  return status >= 500;
}

address_health::options health_options_of(const http_client_options& o) {
  return {o.backoff_min, o.backoff_max, o.refusals_max, o.seed};
}

} // namespace

/// Everything but the intake and the numbers belongs to the client's thread.
class http_client::impl {
public:
  explicit impl(http_client_options options)
    : settings_(options), health_(options.addresses.size(), health_options_of(options)),
      multi_(curl_multi_init()) {
    assert(multi_ != nullptr);
    usable_ = options.addresses.size();
    auto kept = static_cast<long>(options.connections_max + options.long_polls_max + options.addresses.size());
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, kept);
    thread_ = std::thread{[this] { run(); }};
  }

  void send(http_request request, http_callback callback);
  void stop();
  http_client_stats stats() const;

  const http_client_options& options() const noexcept {
    return settings_.options;
  }

private:
  failure admit(transfer_ptr& what); // takes it, unless there is no room
  void run();
  void take_intake();
  void expire_waiting(instant now);
  instant waiting_until() const;
  void start_waiting(instant now);
  void start_probes(instant now);
  void start(transfer_ptr what, instant now);
  void launch(transfer_ptr what, std::size_t address, instant now);
  void take_finished();
  void finished(transfer_ptr what, CURLcode code, instant now);
  void judge(const transfer& what, CURLcode code, instant now);
  void end_probe(const transfer& what, bool is_ready, CURLcode code, instant now);
  void address_failed(std::size_t address, const char* reason);
  void end_long_polls(std::size_t address);
  void end(transfer_ptr what, result<http_answer> with);
  void end_all();
  int nap_ms(instant now) const;
  bool is_stopping() const;
  std::size_t requests_out() const noexcept {
    return out_.size() - long_polls_ - probes_;
  }

  const transfer_settings settings_;
  address_health health_;
  net::curl_multi multi_;
  std::deque<transfer_ptr> waiting_; // in the order of their coming
  std::unordered_map<transfer*, transfer_ptr> out_;
  std::size_t long_polls_ = 0; // of those out
  std::size_t probes_ = 0;     // of those out

  mutable std::mutex mutex_; // guards what follows
  std::vector<transfer_ptr> intake_;
  std::size_t pending_ = 0; // requests that have not ended, long polls excepted
  std::size_t pending_long_polls_ = 0;
  bool is_stopping_ = false;
  http_client_stats stats_;
  std::size_t usable_ = 0;

  std::thread thread_;
};

// -- any thread --------------------------------------------------------------------------------------------

void http_client::impl::send(http_request request, http_callback callback) {
  auto& o = options();
  auto kind = request.is_long_poll ? transfer::kind::long_poll : transfer::kind::request;
  auto patience = request.timeout.count() > 0 ? request.timeout : o.request_timeout;
  auto what =
    std::make_unique<transfer>(kind, std::move(request), std::move(callback), boot_clock::now() + patience);
  if (auto why = admit(what); why.code != errc::none)
    what->callback(std::move(why));
  else
    curl_multi_wakeup(multi_.get());
}

failure http_client::impl::admit(transfer_ptr& what) {
  const auto& o = options();
  const bool is_long_poll = what->type == transfer::kind::long_poll;
  std::lock_guard<std::mutex> guard{mutex_};
  ++stats_.requests;
  if (is_stopping_)
    return {errc::draining, "the edge is stopping"};
  const bool has_room =
    is_long_poll ? pending_long_polls_ < o.long_polls_max : pending_ < o.connections_max + o.waiting_max;
  if (!has_room) {
    ++stats_.refused;
    return {errc::overloaded, "too many requests wait for the session service"};
  }
  ++(is_long_poll ? pending_long_polls_ : pending_);
  intake_.push_back(std::move(what));
  return {};
}

void http_client::impl::stop() {
  {
    std::lock_guard<std::mutex> guard{mutex_};
    is_stopping_ = true;
  }
  curl_multi_wakeup(multi_.get());
  if (thread_.joinable())
    thread_.join();
}

http_client_stats http_client::impl::stats() const {
  std::lock_guard<std::mutex> guard{mutex_};
  auto result = stats_;
  result.addresses_usable = usable_;
  return result;
}

bool http_client::impl::is_stopping() const {
  std::lock_guard<std::mutex> guard{mutex_};
  return is_stopping_;
}

// -- the client's thread -----------------------------------------------------------------------------------

void http_client::impl::run() {
  // OpenSSL writes to sockets whose peer may be gone, and libcurl is told to leave signals alone.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  while (!is_stopping()) {
    take_intake();
    auto now = boot_clock::now();
    expire_waiting(now);
    start_probes(now);
    start_waiting(now);
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    take_finished();
    curl_multi_poll(multi_.get(), nullptr, 0, nap_ms(boot_clock::now()), nullptr);
  }
  end_all();
}

int http_client::impl::nap_ms(instant now) const {
  auto until = now + nap_max;
  until = std::min(until, waiting_until());
  if (auto probe = health_.next_probe())
    until = std::min(until, *probe);
  if (!waiting_.empty() && requests_out() < options().connections_max)
    until = now;
  return static_cast<int>(
    std::max<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(until - now).count(), 0));
}

void http_client::impl::take_intake() {
  std::vector<transfer_ptr> taken;
  {
    std::lock_guard<std::mutex> guard{mutex_};
    taken.swap(intake_);
  }
  auto now = boot_clock::now();
  for (auto& what : taken) {
    if (what->type == transfer::kind::long_poll)
      start(std::move(what), now);
    else
      waiting_.push_back(std::move(what));
  }
}

/// Deadlines are not in the order of the queue: a request may have less patience than those before it.
void http_client::impl::expire_waiting(instant now) {
  if (waiting_until() > now)
    return;
  std::deque<transfer_ptr> late;
  auto first = std::stable_partition(waiting_.begin(), waiting_.end(),
                                     [now](const transfer_ptr& one) { return one->deadline > now; });
  std::move(first, waiting_.end(), std::back_inserter(late));
  waiting_.erase(first, waiting_.end());
  for (auto& one : late)
    end(std::move(one), unreachable());
}

/// When the first of those that wait runs out of time.
instant http_client::impl::waiting_until() const {
  auto until = instant::max();
  for (auto& one : waiting_)
    until = std::min(until, one->deadline);
  return until;
}

void http_client::impl::start_waiting(instant now) {
  while (!waiting_.empty() && requests_out() < options().connections_max) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    start(std::move(next), now);
  }
}

void http_client::impl::start_probes(instant now) {
  while (auto address = health_.take_probe(now)) {
    auto probe =
      std::make_unique<transfer>(transfer::kind::probe, http_request{options().probe_target, "", {}, false},
                                 http_callback{}, now + options().attempt_timeout);
    launch(std::move(probe), *address, now);
  }
}

/// Sends the request to the next address that it was not tried at, or ends it.
void http_client::impl::start(transfer_ptr what, instant now) {
  if (what->deadline <= now)
    return end(std::move(what), unreachable());
  auto address = health_.choose(what->tried);
  if (!address && what->tried == 0 && what->type == transfer::kind::request) {
    address = health_.take_trial();
    what->is_trial = address.has_value();
  }
  if (!address)
    return end(std::move(what), unreachable());
  if (what->tried != 0) {
    std::lock_guard<std::mutex> guard{mutex_};
    ++stats_.failovers;
  }
  launch(std::move(what), *address, now);
}

void http_client::impl::launch(transfer_ptr what, std::size_t address, instant now) {
  auto* handle = what->handle();
  bool is_ready = what->prepare(settings_, address, now);
  if (!is_ready || curl_multi_add_handle(multi_.get(), handle) != CURLM_OK) {
    if (what->type == transfer::kind::probe || what->is_trial)
      health_.probed(address, probe_outcome::silent, now);
    if (what->type == transfer::kind::probe)
      return;
    return end(std::move(what), {failure{errc::internal, "the request could not be sent"}});
  }
  long_polls_ += what->type == transfer::kind::long_poll ? 1 : 0;
  probes_ += what->type == transfer::kind::probe ? 1 : 0;
  auto* key = what.get();
  out_.emplace(key, std::move(what));
}

void http_client::impl::take_finished() {
  int left = 0;
  while (auto* news = curl_multi_info_read(multi_.get(), &left)) {
    if (news->msg != CURLMSG_DONE)
      continue;
    auto code = news->data.result; // `news` is gone once the handle is removed
    auto* handle = news->easy_handle;
    auto found = out_.find(transfer::of(handle));
    assert(found != out_.end());
    auto what = std::move(found->second);
    out_.erase(found);
    curl_multi_remove_handle(multi_.get(), handle);
    long_polls_ -= what->type == transfer::kind::long_poll ? 1 : 0;
    probes_ -= what->type == transfer::kind::probe ? 1 : 0;
    finished(std::move(what), code, boot_clock::now());
  }
}

void http_client::impl::finished(transfer_ptr what, CURLcode code, instant now) {
  what->end_span(code);
  if (what->type == transfer::kind::probe)
    return end_probe(*what, code == CURLE_OK && what->status() == 200, code, now);
  if (code == CURLE_OK)
    what->answer.status = what->status();
  bool is_served = code == CURLE_OK && !is_refusal(what->answer.status);
  if (std::exchange(what->is_trial, false))
    end_probe(*what, is_served || what->is_too_large, code, now);
  else
    judge(*what, code, now);
  bool has_other = what->type == transfer::kind::request && health_.choose(what->tried) && what->deadline > now;
  if (!is_served && !what->is_too_large && has_other)
    return start(std::move(what), now);
  if (code == CURLE_OK) {
    auto answer = std::move(what->answer);
    return end(std::move(what), std::move(answer));
  }
  if (what->is_too_large)
    return end(std::move(what), failure{errc::internal, "the session service answered with too much"});
  end(std::move(what), unreachable());
}

/// What the end of an attempt says of its address. A time-out says nothing of it after a brief attempt, nor after
/// a long poll, which may have had no news to tell. The time that the attempt was given decides, not the time that
/// passed: libcurl's clock is another, and ends an attempt up to a millisecond early.
void http_client::impl::judge(const transfer& what, CURLcode code, instant now) {
  bool has_answered = code == CURLE_OK || what.is_too_large;
  if (has_answered && (code != CURLE_OK || !is_refusal(what.status())))
    return health_.answered(what.address);
  if (has_answered) {
    if (health_.refused(what.address, now))
      address_failed(what.address, "it answers that it cannot serve");
    return;
  }
  if (code == CURLE_OPERATION_TIMEDOUT && (what.is_brief || what.type == transfer::kind::long_poll))
    return;
  if (health_.failed(what.address, now))
    address_failed(what.address, curl_easy_strerror(code));
}

void http_client::impl::end_probe(const transfer& what, bool is_ready, CURLcode code, instant now) {
  auto outcome = is_ready           ? probe_outcome::ready
                 : code == CURLE_OK ? probe_outcome::not_ready
                                    : probe_outcome::silent;
  health_.probed(what.address, outcome, now);
  if (!health_.is_usable(what.address))
    return;
  log::info("session service is used again", {{"address", options().addresses[what.address]}});
  std::lock_guard<std::mutex> guard{mutex_};
  usable_ = health_.usable();
}

void http_client::impl::address_failed(std::size_t address, const char* reason) {
  log::warn("session service has failed", {{"address", options().addresses[address]}, {"reason", reason}});
  {
    std::lock_guard<std::mutex> guard{mutex_};
    usable_ = health_.usable();
  }
  end_long_polls(address);
}

/// Nobody waits for news at an address that gives no answers.
void http_client::impl::end_long_polls(std::size_t address) {
  std::vector<transfer_ptr> ended;
  for (auto at = out_.begin(); at != out_.end();) {
    if (at->second->type == transfer::kind::long_poll && at->second->address == address) {
      curl_multi_remove_handle(multi_.get(), at->second->handle());
      --long_polls_;
      ended.push_back(std::move(at->second));
      at = out_.erase(at);
    } else {
      ++at;
    }
  }
  for (auto& what : ended)
    end(std::move(what), unreachable());
}

void http_client::impl::end(transfer_ptr what, result<http_answer> with) {
  {
    std::lock_guard<std::mutex> guard{mutex_};
    --(what->type == transfer::kind::long_poll ? pending_long_polls_ : pending_);
    stats_.failures += with ? 0 : 1;
  }
  try {
    what->callback(std::move(with));
  } catch (const std::exception& err) {
    log::error("a callback of the session service's client failed", {{"reason", err.what()}});
  }
}

void http_client::impl::end_all() {
  take_intake();
  for (auto& [key, what] : std::exchange(out_, {})) {
    curl_multi_remove_handle(multi_.get(), what->handle());
    if (what->type != transfer::kind::probe)
      end(std::move(what), failure{errc::draining, "the edge is stopping"});
  }
  for (auto& what : std::exchange(waiting_, {}))
    end(std::move(what), failure{errc::draining, "the edge is stopping"});
}

// -- the interface -----------------------------------------------------------------------------------------

http_client::http_client(http_client_options options) {
  [[maybe_unused]] bool is_usable = net::curl_is_usable();
  assert(is_usable);
  impl_ = std::make_unique<impl>(std::move(options));
}

http_client::~http_client() {
  stop();
}

void http_client::send(http_request request, http_callback callback) {
  impl_->send(std::move(request), std::move(callback));
}

result<http_answer> http_client::ask(http_request request, instant deadline) {
  auto promise = std::make_shared<std::promise<result<http_answer>>>();
  auto future = promise->get_future();
  auto left = std::chrono::floor<std::chrono::milliseconds>(deadline - boot_clock::now());
  if (left.count() <= 0)
    return unreachable();
  request.timeout = request.timeout.count() > 0 ? std::min(request.timeout, left) : left;
  send(std::move(request), [promise](result<http_answer> answer) { promise->set_value(std::move(answer)); });
  return future.get();
}

void http_client::stop() {
  impl_->stop();
}

http_client_stats http_client::stats() const {
  return impl_->stats();
}

void add_to(metrics::snapshot& s, const http_client_stats& stats) {
  s.add("portcullis_edge_requests_total", stats.requests);
  s.add("portcullis_edge_requests_failed_total", stats.failures);
  s.add("portcullis_edge_failovers_total", stats.failovers);
  s.add("portcullis_edge_requests_refused_total", stats.refused);
  s.add("portcullis_edge_addresses_usable", stats.addresses_usable);
}

} // namespace portcullis::edge
