#include "core/allocation_count.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// In a unit of its own: where the compiler sees both halves of a pair, it mistakes malloc and delete for a
// mismatch.

namespace {

std::atomic<std::size_t> count{0};

void* counted(void* memory) {
  ++count;
  if (memory == nullptr)
    throw std::bad_alloc{};
  return memory;
}

} // namespace

std::size_t portcullis::test::allocation_count() noexcept {
  return count;
}

void* operator new(std::size_t size) {
  return counted(std::malloc(size));
}

void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto bytes = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(bytes, (size + bytes - 1) / bytes * bytes));
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
