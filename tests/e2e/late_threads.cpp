// Preloaded into a service: the threads of its detached actors give back what OpenSSL keeps for them only after
// main() has returned and everything has cleaned up behind itself, and the process lingers until they have. That
// happens by itself, but seldom.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

namespace {

using destructor = void (*)(void*);

constexpr std::chrono::seconds patience{5}; // with threads that end long before the process does

destructor end_of_thread = nullptr; // OpenSSL's own
std::atomic<bool> is_exiting{false};
std::atomic<int> waiting{0};

template <class Predicate>
void wait_for(Predicate is_so) {
  auto until = std::chrono::steady_clock::now() + patience;
  while (!is_so() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

void end_late(void* state) {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  if (std::strcmp(name, "caf.actor") != 0) // CAF joins the others
    return end_of_thread(state);
  ++waiting;
  wait_for([] { return is_exiting.load(); });
  end_of_thread(state);
  --waiting;
}

/// Made before anything that the process cleans up, so it ends after that.
struct lingering {
  ~lingering() {
    wait_for([] { return waiting > 0; }); // on a busy machine main() may be first
    std::fprintf(stderr, "threads that end late: %d\n", waiting.load());
    is_exiting = true;
    wait_for([] { return waiting == 0; });
  }
} until_all_have_ended;

} // namespace

extern "C" int pthread_key_create(pthread_key_t* key, destructor end) {
  static auto next = reinterpret_cast<decltype(&pthread_key_create)>(dlsym(RTLD_NEXT, "pthread_key_create"));
  Dl_info from{};
  bool is_openssls = end != nullptr && dladdr(reinterpret_cast<void*>(end), &from) != 0
                     && from.dli_fname != nullptr && std::strstr(from.dli_fname, "libcrypto") != nullptr;
  if (is_openssls && end_of_thread == nullptr) { // its first key is that of the state of each thread
    end_of_thread = end;
    end = end_late;
  }
  return next(key, end);
}
