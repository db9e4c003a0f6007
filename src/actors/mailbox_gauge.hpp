#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace portcullis {

/// How many messages wait for actors that cannot be asked, since they block their threads: what each saw when it
/// last took one, added up. Thread-safe.
class mailbox_gauge {
public:
  std::size_t waiting() const noexcept {
    return static_cast<std::size_t>(waiting_.load(std::memory_order_relaxed));
  }

private:
  friend class mailbox_share;
  std::atomic<std::int64_t> waiting_{0};
};

using mailbox_gauge_ptr = std::shared_ptr<mailbox_gauge>;

/// One actor's share of it, which ends with the actor. Without a gauge it tells nobody.
class mailbox_share {
public:
  mailbox_share() = default;
  ~mailbox_share() {
    tell(0);
  }
  mailbox_share(const mailbox_share&) = delete;
  mailbox_share& operator=(const mailbox_share&) = delete;

  void join(mailbox_gauge_ptr to) noexcept {
    tell(0);
    gauge_ = std::move(to);
  }

  /// By the actor itself: no other may look into its mailbox.
  void tell(std::size_t waiting) noexcept {
    const auto now = static_cast<std::int64_t>(waiting);
    if (gauge_ != nullptr)
      gauge_->waiting_.fetch_add(now - std::exchange(told_, now), std::memory_order_relaxed);
  }

private:
  mailbox_gauge_ptr gauge_;
  std::int64_t told_ = 0;
};

} // namespace portcullis
