#include "core/session_index.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <vector>

/// What a session costs in the index: resident bytes of a full index, and the time of each operation.
///
///     session_index_bench [sessions] [sessions per account]
namespace {

using namespace portcullis;

std::size_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

/// SplitMix64: four draws of it.
token_hash hash_of(std::uint64_t n) {
  token_hash hash;
  for (std::size_t i = 0; i < 4; ++i) {
    auto x = (4 * n + i + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    std::memcpy(hash.bytes.data() + 8 * i, &x, sizeof x);
  }
  return hash;
}

uuid id_of(std::uint64_t n, std::uint8_t kind) {
  uuid id;
  id.bytes[0] = kind;
  for (std::size_t i = 0; i < 8; ++i)
    id.bytes[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  return id;
}

session_record record_of(std::uint64_t n, std::uint64_t per_account) {
  session_record record;
  record.session_id = id_of(n, 1);
  record.account_id = id_of(n / per_account, 2);
  return record;
}

/// CPU time of this thread: what others do to the machine counts only through its caches.
double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class F>
double ns_each(std::size_t times, F once) {
  const auto start = cpu_ns();
  for (std::size_t i = 0; i < times; ++i)
    once(i);
  return (cpu_ns() - start) / static_cast<double>(times);
}

template <class F>
double us_once(F once) {
  return ns_each(1, [&](std::size_t) { once(); }) / 1'000;
}

} // namespace

int main(int argc, char** argv) {
  const std::size_t sessions = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::size_t per_account = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  constexpr std::size_t lookups = 2'000'000;
  std::vector<token_hash> hashes;
  for (std::size_t n = 0; n < sessions; ++n)
    hashes.push_back(hash_of(n));
  std::mt19937 random{1};
  std::vector<std::uint32_t> order(lookups);
  for (auto& n : order)
    n = static_cast<std::uint32_t>(random() % sessions);
  const instant now{std::chrono::hours{1}};

  const auto before = resident_bytes();
  session_index::options options;
  options.entries_max = sessions;
  options.seed = 7;
  session_index index{options};
  const auto put_ns =
    ns_each(sessions, [&](std::size_t n) { index.put(hashes[n], record_of(n, per_account), now); });
  const auto resident = static_cast<double>(resident_bytes() - before) / static_cast<double>(sessions);
  session_record found;
  std::size_t hits = 0;
  const auto hit_ns = ns_each(lookups, [&](std::size_t i) {
    hits += index.find(hashes[order[i]], now, &found) == session_status::active ? 1 : 0;
  });
  const auto hot_ns = ns_each(lookups, [&](std::size_t i) {
    hits += index.find(hashes[order[i] % 1'000], now, &found) == session_status::active ? 1 : 0;
  });
  const auto evict_ns = ns_each(
    200'000, [&](std::size_t n) { index.put(hash_of(sessions + n), record_of(sessions + n, per_account), now); });
  std::size_t forgotten = 0;
  const auto forget_us = us_once([&] { forgotten = index.forget_active(id_of((sessions - 1) / per_account, 2)); });
  const auto clear_us = us_once([&] { index.clear(); });
  std::printf("sessions=%zu per_account=%zu resident_bytes=%.1f put_ns=%.0f hit_ns=%.0f hit_of_1000_ns=%.0f "
              "put_with_eviction_ns=%.0f forget_account_us=%.1f (%zu) clear_us=%.1f hits=%zu\n",
              sessions, per_account, resident, put_ns, hit_ns, hot_ns, evict_ns, forget_us, forgotten, clear_us,
              hits);
  double longest = 0;
  std::size_t turns = 0;
  for (bool has_more = true; has_more; ++turns)
    longest = std::max(longest, us_once([&] { has_more = index.reclaim(256); }));
  std::printf("reclaim: %zu turns, longest %.0f us\n", turns, longest);
}
