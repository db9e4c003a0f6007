#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace portcullis {

/// A value that never changes, but is replaced by another as a whole, by one thread for all others.
template <class T>
class published {
public:
  void publish(std::shared_ptr<const T> next) {
    const std::lock_guard guard{mutex_};
    current_ = std::move(next);
    version_.fetch_add(1, std::memory_order_release);
  }

  std::shared_ptr<const T> get() const {
    const std::lock_guard guard{mutex_};
    return current_;
  }

  /// Another one after each `publish`.
  std::uint64_t version() const noexcept {
    return version_.load(std::memory_order_acquire);
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
  std::atomic<std::uint64_t> version_{0};
};

/// One thread's look at it: takes the lock only after a change.
template <class T>
class published_view {
public:
  explicit published_view(std::shared_ptr<const published<T>> of) : of_(std::move(of)) {}

  const std::shared_ptr<const T>& get() {
    if (const auto version = of_->version(); version != seen_) {
      seen_ = version;
      current_ = of_->get();
    }
    return current_;
  }

private:
  std::shared_ptr<const published<T>> of_;
  std::shared_ptr<const T> current_;
  std::uint64_t seen_ = 0;
};

} // namespace portcullis
