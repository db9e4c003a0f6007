#include "telemetry/log.hpp"

#include "telemetry/logfmt.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>
#include <utility>

namespace portcullis::log {

namespace {

using steady_clock = std::chrono::steady_clock;
using pool_type = spdlog::details::thread_pool;

std::atomic<level> current_threshold{level::info};
std::atomic<listener> current_listener{nullptr};

// Where lines go. A line is at most PIPE_BUF bytes, so a pipe that poll(2) calls writable takes it whole without
// blocking; thus the writer can be told to give up.
class output {
public:
  explicit output(int descriptor) noexcept : descriptor_{descriptor} {}

  /// From now on, waits no longer than until `deadline` for the reader.
  void give_up_at(steady_clock::time_point deadline) noexcept {
    deadline_.store(deadline.time_since_epoch().count(), std::memory_order_relaxed);
  }

  void write(std::string_view text) noexcept {
    while (!text.empty() && wait_writable()) {
      const ssize_t taken = ::write(descriptor_, text.data(), text.size());
      if (taken > 0)
        text.remove_prefix(static_cast<std::size_t>(taken));
      else if (errno != EINTR && errno != EAGAIN)
        return; // nobody reads any more: there is nowhere to say so
    }
  }

private:
  bool wait_writable() const noexcept {
    constexpr int slice_ms = 50; // how late a new deadline may be noticed
    for (;;) {
      const bool is_past =
        steady_clock::now().time_since_epoch().count() >= deadline_.load(std::memory_order_relaxed);
      pollfd p{descriptor_, POLLOUT, 0};
      if (::poll(&p, 1, is_past ? 0 : slice_ms) > 0)
        return true;
      if (is_past)
        return false;
    }
  }

  const int descriptor_;
  std::atomic<steady_clock::rep> deadline_{steady_clock::time_point::max().time_since_epoch().count()};
};

// Runs on the log's thread. Lines come formatted.
class sink final : public spdlog::sinks::sink {
public:
  sink(int descriptor, std::string service, form how)
    : out{descriptor}, service_{std::move(service)}, form_{how} {}

  void log(const spdlog::details::log_msg& message) override {
    report_dropped();
    out.write({message.payload.data(), message.payload.size()});
  }

  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  output out;
  pool_type* pool = nullptr;

private:
  void report_dropped() {
    const std::size_t dropped = pool->overrun_counter();
    if (dropped == reported_)
      return;
    line l{wall_clock_now(), level::warn, "log lines dropped", service_, form_};
    l.add({"count", dropped - reported_});
    out.write(l.finish());
    reported_ = dropped;
  }

  std::string service_;
  log::form form_;
  std::size_t reported_ = 0;
};

// On the log's thread: signals are for others, and a pipe whose reader has gone is no reason to die.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// A running log. A thread that writes holds it, so that `stop` cannot take it away meanwhile.
struct running {
  running(int descriptor, std::string_view name, log::form f) : service{name}, how{f} {
    using spdlog::async_overflow_policy;
    target = std::make_shared<sink>(descriptor, service, how);
    pool = std::make_shared<pool_type>(queue_lines_max, 1, block_signals);
    logger = std::make_shared<spdlog::async_logger>("", target, pool, async_overflow_policy::overrun_oldest);
    target->pool = pool.get();
    logger->set_level(spdlog::level::trace);
    logger->set_error_handler([](const std::string&) {}); // it would print in a form of its own
  }

  std::string service;
  log::form how;
  std::shared_ptr<sink> target;
  std::shared_ptr<pool_type> pool; // its destructor writes what waits and joins
  std::shared_ptr<spdlog::async_logger> logger;
};

std::shared_ptr<running> current; // by std::atomic_load and the like

} // namespace

std::string_view to_string(level l) noexcept {
  switch (l) {
  case level::debug:
    return "debug";
  case level::info:
    return "info";
  case level::warn:
    return "warn";
  case level::error:
    return "error";
  }
  return "error";
}

std::optional<level> parse_level(std::string_view text) noexcept {
  for (const level l : {level::debug, level::info, level::warn, level::error})
    if (text == to_string(l))
      return l;
  return std::nullopt;
}

std::string_view to_string(form f) noexcept {
  switch (f) {
  case form::logfmt:
    return "logfmt";
  case form::json:
    return "json";
  }
  return "logfmt";
}

std::optional<form> parse_form(std::string_view text) noexcept {
  for (const form f : {form::logfmt, form::json})
    if (text == to_string(f))
      return f;
  return std::nullopt;
}

void start(level threshold, std::string_view service_name, int descriptor, form how) {
  stop();
  current_threshold.store(threshold, std::memory_order_relaxed);
  std::atomic_store(&current, std::make_shared<running>(descriptor, service_name, how));
}

void stop() {
  const std::shared_ptr<running> ending = std::atomic_exchange(&current, std::shared_ptr<running>{});
  if (ending == nullptr)
    return;
  ending->target->out.give_up_at(steady_clock::now() + stop_wait_max);
}

std::size_t dropped_lines() {
  const std::shared_ptr<running> log = std::atomic_load(&current);
  return log != nullptr ? log->pool->overrun_counter() : 0;
}

bool enabled(level l) noexcept {
  return l >= current_threshold.load(std::memory_order_relaxed);
}

void set_listener(listener next) noexcept {
  current_listener.store(next, std::memory_order_release);
}

void write(level l, std::string_view event, const field* fields, std::size_t count) {
  if (const listener hears = current_listener.load(std::memory_order_acquire))
    hears(l, event, fields, count);
  const std::shared_ptr<running> log = std::atomic_load(&current);
  const bool is_running = log != nullptr;
  line text{wall_clock_now(), l, event, is_running ? std::string_view{log->service} : std::string_view{},
            is_running ? log->how : form::logfmt};
  for (const field* f = fields; f != fields + count; ++f)
    text.add(*f);
  const std::string_view finished = text.finish();
  if (log != nullptr)
    log->logger->log(spdlog::level::info, spdlog::string_view_t{finished.data(), finished.size()});
  else
    output{STDERR_FILENO}.write(finished);
}

} // namespace portcullis::log
