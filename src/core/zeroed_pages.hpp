#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
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
    auto* memory =
      ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      throw std::bad_alloc{};
    memory_ = static_cast<std::byte*>(memory);
    // A large table is read at random: with small pages nearly every look-up would miss the TLB as well. A kernel
    // that has no huge pages to give goes on without.
    if (bytes_ >= huge_pages_from)
      ::madvise(memory, bytes_, MADV_HUGEPAGE);
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

  /// Gives whole pages of the last `bytes` back, or all that there is.
  void release_tail(std::size_t bytes) noexcept {
    release_from(bytes_ - std::min(bytes, bytes_));
  }

  /// Gives the last slice back: what lies after a multiple of `slice_bytes`, so that no huge page is split.
  void release_slice(std::size_t slice_bytes) noexcept {
    auto begin = reinterpret_cast<std::uintptr_t>(memory_);
    auto cut = (begin + bytes_ - 1) / slice_bytes * slice_bytes;
    release_from(cut > begin ? cut - begin : 0);
  }

private:
  void release_from(std::size_t offset) noexcept {
    auto released = bytes_ - std::min(whole_pages(offset), bytes_);
    if (released == 0)
      return;
    bytes_ -= released;
    ::munmap(memory_ + bytes_, released);
  }

  static constexpr std::size_t huge_pages_from = std::size_t{8} * 1024 * 1024;
  static constexpr std::size_t page_bytes = 4096; // or a multiple: then what is released is rounded by the kernel

  static constexpr std::size_t whole_pages(std::size_t bytes) noexcept {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
  }

  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Memory that nothing leads to any more, given back a slice at a time.
class retired_memory {
public:
  /// A huge page. The kernel takes up to a tenth of a millisecond for one that is made of small pages.
  static constexpr std::size_t slice_bytes = std::size_t{2} * 1024 * 1024;

  void add(zeroed_pages&& block) {
    if (block.size() > 0)
      retired_.push_back(std::move(block));
  }

  bool empty() const noexcept {
    return retired_.empty();
  }

  std::size_t bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto& block : retired_)
      sum += block.size();
    return sum;
  }

  /// Gives one slice back. Requires that there is one.
  void release_slice() noexcept {
    retired_.back().release_slice(slice_bytes);
    if (retired_.back().size() == 0)
      retired_.pop_back();
  }

private:
  std::vector<zeroed_pages> retired_;
};

} // namespace portcullis::detail
