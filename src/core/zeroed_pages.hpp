#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

/// Internal to core.
namespace portcullis::detail {

/// Memory straight from the kernel: zeroed when it is first touched, so a large block costs nothing before it is
/// used, and given back in parts, so none of it is given back in one long call.
class zeroed_pages {
public:
  zeroed_pages() = default;

  explicit zeroed_pages(std::size_t bytes) : bytes_(whole_pages(bytes)) {
    auto* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      throw std::bad_alloc{};
    memory_ = static_cast<std::byte*>(memory);
  }

  zeroed_pages(zeroed_pages&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {
    // nop
  }

  zeroed_pages& operator=(zeroed_pages&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  ~zeroed_pages() {
    release_tail(bytes_);
  }

  std::byte* data() const noexcept {
    return memory_;
  }

  std::size_t size() const noexcept {
    return bytes_;
  }

  /// Gives the last `bytes` back, or all that there is.
  void release_tail(std::size_t bytes) noexcept {
    auto released = std::min(whole_pages(bytes), bytes_);
    if (released == 0)
      return;
    bytes_ -= released;
    ::munmap(memory_ + bytes_, released);
  }

private:
  static constexpr std::size_t page_bytes = 4096; // or a multiple: then what is released is rounded by the kernel

  static constexpr std::size_t whole_pages(std::size_t bytes) noexcept {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
  }

  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

using page_blocks = std::vector<zeroed_pages>;

/// Memory that nothing leads to any more, given back a slice at a time.
class retired_memory {
public:
  static constexpr std::size_t slice_bytes = std::size_t{64} * 1024;

  void add(page_blocks&& blocks) {
    if (!blocks.empty())
      retired_.push_back(std::move(blocks));
  }

  void add(zeroed_pages&& block) {
    page_blocks blocks;
    blocks.push_back(std::move(block));
    add(std::move(blocks));
  }

  bool empty() const noexcept {
    return retired_.empty();
  }

  std::size_t bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto& blocks : retired_)
      for (const auto& block : blocks)
        sum += block.size();
    return sum;
  }

  /// Gives one slice back. Requires that there is one.
  void release_slice() noexcept {
    auto& blocks = retired_.back();
    blocks.back().release_tail(slice_bytes);
    if (blocks.back().size() == 0)
      blocks.pop_back();
    if (blocks.empty())
      retired_.pop_back();
  }

private:
  std::vector<page_blocks> retired_;
};

} // namespace portcullis::detail
