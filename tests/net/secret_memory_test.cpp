#include "net/secret_memory.hpp"

#include "net/tls_client.hpp"

#include "caf/test/unit_test.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

using namespace portcullis;
using namespace portcullis::net;
using namespace portcullis::test;

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

/// Of all tests here, since there is one in a process.
struct fixture {
  fixture() {
    static const auto made = set_up_secret_memory(secret_memory_size(10'000, 50));
    CAF_REQUIRE(made != secret_memory::ordinary);
  }
  tls_world world;
};

/// What each of some connections of this client, and its server, holds.
std::size_t bytes_of_connection(const tls_world& world, int version, const char* group) {
  constexpr std::size_t connections = 4;
  client_wish wish;
  wish.version_min = wish.version_max = version;
  const auto context = world.context();
  const auto before = secret_memory_used();
  std::vector<std::unique_ptr<tls_pair>> open;
  for (std::size_t i = 0; i < connections; ++i) {
    auto& pair = open.emplace_back(std::make_unique<tls_pair>(context, world.authority, wish));
    CAF_REQUIRE_EQUAL(SSL_set1_groups_list(pair->client.native(), group), 1);
    pair->run();
    CAF_REQUIRE(pair->client.is_established());
  }
  return (secret_memory_used() - before) / connections;
}

} // namespace

CAF_TEST(there is room for the keys of as many connections as may be open) {
  CAF_CHECK_EQUAL(secret_memory_size(0, 0), mebibyte);
  CAF_CHECK_EQUAL(secret_memory_size(10'000, 50), 4 * mebibyte);
  CAF_CHECK_EQUAL(secret_memory_size(0, 1'000), 2 * mebibyte);
  CAF_CHECK_EQUAL(secret_memory_size(1'000'000, 50), 256 * mebibyte);
}

CAF_TEST_FIXTURE_SCOPE(keys, fixture)

CAF_TEST(the key of a file is in it and goes with its context) {
  const auto before = secret_memory_used();
  auto context = world.context();
  CAF_CHECK(secret_memory_used() >= before + 32);
  context.reset();
  CAF_CHECK_EQUAL(secret_memory_used(), before);
}

CAF_TEST(a connection takes no more of it than it is counted with) {
  for (const char* group : {"P-256", "P-384", "P-521", "X25519", "X448", "ffdhe2048", "ffdhe8192"}) {
    const auto both = bytes_of_connection(world, TLS1_3_VERSION, group);
    CAF_CHECK(both > 0);
    CAF_CHECK(both <= std::size_t{2} * 256); // the client's is here as well
  }
  CAF_CHECK(bytes_of_connection(world, TLS1_2_VERSION, "P-256") <= std::size_t{2} * 256);
}

CAF_TEST(a thread takes no more of it than it is counted with and gives it back) {
  std::array<unsigned char, 32> bytes{};
  const auto before = secret_memory_used();
  std::thread([&] {
    CAF_CHECK(RAND_bytes(bytes.data(), bytes.size()) == 1 && RAND_priv_bytes(bytes.data(), bytes.size()) == 1);
    const auto taken = secret_memory_used() - before;
    CAF_CHECK(taken > 0);
    CAF_CHECK(taken <= std::size_t{1024} - 256); // a connection goes with it
  }).join();
  CAF_CHECK_EQUAL(secret_memory_used(), before);
}

CAF_TEST(what connections took is given back) {
  const auto before = secret_memory_used();
  bytes_of_connection(world, TLS1_3_VERSION, "X25519");
  CAF_CHECK_EQUAL(secret_memory_used(), before);
}

CAF_TEST_FIXTURE_SCOPE_END()
