#include "app/serve.hpp"

#include "actors/interfaces.hpp"
#include "app/edge_supervisor.hpp"
#include "app/reloading.hpp"
#include "app/service_manager.hpp"
#include "app/supervisor.hpp"
#include "core/published.hpp"
#include "db/dsn.hpp"
#include "net/curl_handles.hpp"
#include "net/listener.hpp"
#include "net/secret_memory.hpp"
#include "telemetry/log.hpp"
#include "telemetry/tracing.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

namespace portcullis {

namespace {

constexpr std::chrono::seconds shutdown_grace{5}; // beyond the drain; then the process ends as it is

class actor_config : public caf::actor_system_config {
public:
  actor_config() {
    load<caf::io::middleman>();
    add_message_types<caf::id_block::portcullis>();
    // Work stealing, the default, wakes an idle worker up to 10 ms late.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-throughput", std::size_t{100});
    // One read per readiness event: a second would only find the socket empty. epoll is level-triggered, so
    // nothing is lost.
    set("middleman.max-consecutive-reads", std::size_t{1});
    set("middleman.workers", std::size_t{0}); // they serve CAF's own network protocol, which is not used
  }
};

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Waits for one of `signals` until `patience` is over; returns its number, or -1. A debugger that attaches, or a
/// SIGCONT, interrupts the system call, which says nothing about the time.
int wait_for_signal(const sigset_t& signals, std::chrono::milliseconds patience) {
  using clock = std::chrono::steady_clock;
  const auto deadline = clock::now() + patience;
  for (;;) {
    const auto left = std::max(deadline - clock::now(), clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const auto rest = std::chrono::nanoseconds{left - seconds};
    const timespec timeout{seconds.count(), rest.count()};
    const int signal = sigtimedwait(&signals, nullptr, &timeout);
    if (signal != -1 || errno != EINTR)
      return signal;
  }
}

/// Ends the process when an orderly stop takes too long, or is asked for twice. Once every caller has been
/// answered (`is_drained`) it only cuts short the wait for a collector, or for a worker whose statement hangs:
/// that is no failure.
void watch_shutdown(std::chrono::milliseconds patience, std::shared_ptr<std::atomic<bool>> is_drained) {
  std::thread([patience, is_drained] {
    const int again = wait_for_signal(stop_signals(), patience);
    bool is_clean = *is_drained && again <= 0;
    if (is_clean)
      log::warn("stopped without waiting for the database or a collector any longer");
    else
      log::error(again > 0 ? "told to stop twice" : "the orderly stop took too long");
    log::stop();
    std::_Exit(is_clean ? EXIT_SUCCESS : EXIT_FAILURE);
  }).detach();
}

/// With the one that asks to read files again.
sigset_t waited_signals() {
  auto signals = stop_signals();
  sigaddset(&signals, SIGHUP);
  return signals;
}

/// Tells the service manager of a process that lives: one whose actors and I/O thread answer.
class heartbeat {
public:
  heartbeat(const service_manager& manager, std::function<bool()> answers)
    : manager_(manager), interval_(manager.alive_interval()), answers_(std::move(answers)) {}

  /// How long it can be left alone.
  std::chrono::milliseconds pause(std::chrono::milliseconds longest) const {
    return interval_ ? std::min(longest, std::chrono::floor<std::chrono::milliseconds>(*interval_ / 2)) : longest;
  }

  void beat() {
    const auto now = boot_clock::now();
    if (!interval_ || now - last_ < *interval_ / 2 || !answers_())
      return;
    last_ = now;
    manager_.alive();
  }

private:
  const service_manager& manager_;
  std::optional<std::chrono::microseconds> interval_;
  std::function<bool()> answers_;
  instant last_ = boot_clock::now();
};

/// Waits for the signal that ends the service, and reads files again as they change meanwhile.
void wait_for_stop(reloading& files, heartbeat& heart) {
  constexpr std::chrono::milliseconds look_interval{1'000};
  const auto signals = waited_signals();
  for (;;) {
    const int signal = wait_for_signal(signals, heart.pause(look_interval));
    if (signal == SIGTERM || signal == SIGINT)
      return;
    if (signal == SIGHUP)
      files.reload();
    else
      files.look_again();
    heart.beat();
  }
}

bool has_tls(const config::settings& settings) {
  const auto& listen = settings.http.listen;
  return std::any_of(listen.begin(), listen.end(), [](const auto& address) { return address.is_tls; });
}

/// Of a listener, or of us as a client of the database or the service. What TLS makes up for one connection is
/// none.
bool reads_private_keys(const config::settings& settings) {
  const bool is_edge = settings.role == config::role::edge;
  return has_tls(settings)
         || (is_edge ? !settings.service.key_file.empty() : db::reads_client_key(settings.postgres.conninfo));
}

/// Before any key is read. What the system refuses is told where there is a key to lose, and is no reason not to
/// serve.
void keep_keys_in_memory(const config::settings& settings) {
  const auto bytes = net::secret_memory_size(has_tls(settings) ? settings.http.limits.connections_max : 0,
                                             settings.postgres.pool.workers_max);
  const auto outcome = net::set_up_secret_memory(bytes);
  if (!reads_private_keys(settings))
    return;
  switch (outcome) {
  case net::secret_memory::locked:
    break;
  case net::secret_memory::unlocked:
    log::warn("private keys may be swapped out: the system refuses to lock their memory (RLIMIT_MEMLOCK)",
              {{"bytes", bytes}});
    break;
  case net::secret_memory::ordinary:
    log::warn("private keys may be swapped out: there is no memory of their own for them", {{"bytes", bytes}});
    break;
  }
}

/// Whatever can go wrong before any actor exists.
result<void> prepare(const config::settings& settings, reloading& files, supervisor_options& options) {
  if (auto loaded = files.load(); !loaded)
    return loaded;
  options.callers = files.callers;
  options.tls = files.tls;
  for (const auto& address : settings.http.listen) {
    auto& made = options.listening.emplace_back();
    if (auto err = listen_on(address.host, address.port, &made, settings.http.sharing); err.code != errc::none)
      return err;
  }
  return {};
}

/// Everybody's numbers; nothing from a service that does not answer, because it has ended or hangs.
std::optional<metrics::snapshot> collect(caf::actor_system& system, const supervisor_actor& boss) {
  std::optional<metrics::snapshot> result;
  caf::scoped_actor self{system};
  self->request(boss, std::chrono::seconds{1}, read_numbers{})
    .receive([&](all_numbers& numbers) { result = std::move(numbers.snapshot); }, [](const caf::error&) {});
  return result;
}

/// Ends the service; its last numbers.
metrics::snapshot stop(caf::actor_system& system, const supervisor_actor& boss) {
  metrics::snapshot result;
  caf::scoped_actor self{system};
  self->request(boss, caf::infinite, stop_service{})
    .receive([&](all_numbers& last) { result = std::move(last.snapshot); }, [](const caf::error&) {});
  return result;
}

tracing::options tracing_options_of(const config::settings& settings, const std::string& version) {
  tracing::options result;
  result.service_name = settings.telemetry.service_name;
  result.service_version = version;
  result.traces = settings.telemetry.traces;
  result.metrics = settings.telemetry.metrics;
  result.logs = settings.telemetry.logs;
  return result;
}

using spawn_supervisor = std::function<supervisor_actor(caf::actor_system& system, supervisor_options options)>;

/// Runs a process of ours from its settings to its exit status.
int run(const config::settings& settings, const std::string& version, const spawn_supervisor& spawn) {
  auto signals = waited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  log::start(settings.telemetry.log_level, settings.telemetry.service_name, STDERR_FILENO,
             settings.telemetry.log_form);
  log::info("starting", {{"version", version}});
  supervisor_options options;
  options.settings = settings;
  options.version = version;
  options.descriptors_max = raise_descriptor_limit();
  keep_keys_in_memory(settings);
  reloading files{settings};
  if (auto ready = prepare(settings, files, options); !ready) {
    log::error(ready.error().detail);
    log::stop();
    return EXIT_FAILURE;
  }
  const auto manager = service_manager::from_environment();
  options.serving = [manager] { manager.ready(); };
  std::atomic<bool> has_failed{false};
  options.give_up = [&has_failed](const std::string& reason) {
    log::error("the service cannot go on", {{"reason", reason}});
    has_failed = true;
    ::kill(::getpid(), SIGTERM);
  };
  published<metrics::snapshot> last_numbers; // of a service that has ended
  last_numbers.publish(std::make_shared<metrics::snapshot>());
  {
    actor_config cfg;
    caf::actor_system system{cfg};
    auto boss = spawn(system, std::move(options));
    auto exporting = tracing_options_of(settings, version);
    exporting.collect = [&system, boss, &last_numbers] {
      return collect(system, boss).value_or(*last_numbers.get());
    };
    if (auto err = tracing::start(std::move(exporting)); err.code != errc::none)
      log::error(err.detail);
    heartbeat heart{manager, [&system, boss] { return collect(system, boss).has_value(); }};
    wait_for_stop(files, heart);
    manager.stopping();
    auto is_drained = std::make_shared<std::atomic<bool>>(false);
    watch_shutdown(settings.http.shutdown_delay + settings.http.drain_timeout + shutdown_grace, is_drained);
    last_numbers.publish(std::make_shared<metrics::snapshot>(stop(system, boss)));
    *is_drained = !has_failed;
    tracing::stop();
  }
  log::info("stopped");
  log::stop();
  return has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

} // namespace

int serve(const config::settings& settings, const std::string& version) {
  return run(settings, version, [](caf::actor_system& system, supervisor_options options) {
    log::info("database", {{"address", options.settings.postgres.masked_dsn}});
    return system.spawn(supervisor, std::move(options));
  });
}

int run_edge(const config::settings& settings, const std::string& version) {
  if (!net::curl_is_usable()) {
    std::cerr << "portcullis: the HTTP client's library cannot be used\n";
    return EXIT_FAILURE;
  }
  return run(settings, version, [](caf::actor_system& system, supervisor_options options) {
    for (auto& address : options.settings.service.addresses)
      log::info("service", {{"address", address}});
    return system.spawn(edge_supervisor, std::move(options));
  });
}

} // namespace portcullis
