#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace portcullis::tracing {

/// Bytes that grow at their end, for what is written in many small pieces: an append is a few instructions in the
/// place of a call. An attribute of a span is about a dozen of them.
class wire_buffer {
public:
  explicit wire_buffer(std::size_t capacity) : data_{new char[capacity]}, capacity_{capacity} {}

  std::size_t size() const noexcept {
    return size_;
  }
  std::size_t capacity() const noexcept {
    return capacity_;
  }
  char* data() noexcept {
    return data_.get();
  }
  std::string_view view() const noexcept {
    return {data_.get(), size_};
  }

  void push_back(char c) {
    reserve(1);
    data_[size_++] = c;
  }

  void append(const char* bytes, std::size_t count) {
    reserve(count);
    std::copy_n(bytes, count, data_.get() + size_); // of an empty text `bytes` may be null
    size_ += count;
  }

  void append_zeros(std::size_t count) {
    reserve(count);
    std::memset(data_.get() + size_, 0, count);
    size_ += count;
  }

  void erase(std::size_t from, std::size_t to) noexcept {
    std::memmove(data_.get() + from, data_.get() + to, size_ - to);
    size_ -= to - from;
  }

  /// To `size`, at most as much as there is. Keeps the memory.
  void shrink(std::size_t size) noexcept {
    size_ = size;
  }

  /// So that `more` bytes can be appended.
  void reserve(std::size_t more) {
    if (capacity_ - size_ < more)
      grow(more);
  }

private:
  void grow(std::size_t more) {
    const std::size_t capacity = std::max(2 * capacity_, size_ + more);
    std::unique_ptr<char[]> larger{new char[capacity]};
    std::memcpy(larger.get(), data_.get(), size_);
    data_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_;
};

} // namespace portcullis::tracing
