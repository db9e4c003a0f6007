#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

/// Preloaded into a process, counts its allocations, those of all libraries included, where another process reads
/// them: in the file that COUNT_ALLOCATIONS_IN names, as two native 64-bit numbers, calls and bytes.

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

struct numbers {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> bytes{0};
};

numbers before_it_is_mapped;
std::atomic<numbers*> counted{&before_it_is_mapped};

void note(std::size_t size) {
  auto* to = counted.load(std::memory_order_relaxed);
  to->calls.fetch_add(1, std::memory_order_relaxed);
  to->bytes.fetch_add(size, std::memory_order_relaxed);
}

__attribute__((constructor)) void map_numbers() {
  const char* path = std::getenv("COUNT_ALLOCATIONS_IN");
  const int fd = path != nullptr ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  void* memory = ::mmap(nullptr, sizeof(numbers), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (memory != MAP_FAILED)
    counted = static_cast<numbers*>(memory);
}

} // namespace

extern "C" {

void* malloc(std::size_t size) {
  note(size);
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  note(count * size);
  return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) {
  note(size);
  return __libc_realloc(memory, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  note(size);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  note(size);
  *memory = __libc_memalign(alignment, size);
  return *memory != nullptr ? 0 : 12; // ENOMEM
}

} // extern "C"
