#pragma once

#include "actors/messages.hpp"

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

namespace portcullis {

using log_news = std::variant<epoch_changed, cache_warmed, log_progress>;

/// What one sink still has to hear. At most one message is on its way; what comes meanwhile merges into at most
/// one message of each kind. A new epoch makes what came before it void. Pure.
class sink_outbox {
public:
  /// Bounds the time that a sink spends on one message.
  static constexpr std::size_t message_events_max = 256;

  void put(epoch_changed news);
  void put(cache_warmed news);
  void put(log_progress news);

  /// What to send now, which then is on its way. Nothing while something is, or when there is nothing.
  const log_news* next();

  /// The sink has taken what was on its way; returns it.
  log_news taken();

  bool is_busy() const noexcept;
  bool has_waiting() const noexcept;
  std::size_t waiting_events() const noexcept;

private:
  log_progress cut_progress();
  void check_invariants() const;

  std::optional<log_news> on_its_way_;
  // Sent in this order: the warm-up and the progress belong to the epoch.
  std::optional<epoch_changed> epoch_;
  std::optional<cache_warmed> warmed_;
  std::optional<log_progress> progress_;
};

/// Tells a first sink everything, and the others what the first has taken. Each has an outbox of its own, so a
/// slow sink delays the lease of none before it. Pure: the owner sends, and says what was taken.
class log_broadcast {
public:
  /// Reading the log stops while a sink has this many events before it: the log itself is the queue then.
  static constexpr std::size_t waiting_events_max = 8'192;

  static constexpr std::size_t first = 0;

  explicit log_broadcast(std::size_t sinks);

  template <class News>
  void put(News news) {
    if (outboxes_[first])
      outboxes_[first]->put(std::move(news));
  }

  /// Calls `send(sink, news)` for each message that can go now.
  template <class Send>
  void send_ready(Send send) {
    for (std::size_t sink = 0; sink < outboxes_.size(); ++sink)
      if (outboxes_[sink])
        if (const auto* news = outboxes_[sink]->next())
          send(sink, *news);
  }

  void taken(std::size_t sink);

  /// The sink has ended: nothing more for it.
  void gone(std::size_t sink);

  /// Whether the first sink has not taken everything yet.
  bool is_first_behind() const noexcept;

  /// Whether news waits because some sink is busy.
  bool has_waiting() const noexcept;

  bool is_full() const noexcept;

private:
  std::vector<std::optional<sink_outbox>> outboxes_;
};

} // namespace portcullis
