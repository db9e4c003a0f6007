#include "net/tls_client.hpp"

#include "caf/test/unit_test.hpp"

#include <openssl/pem.h>

using namespace portcullis;
using namespace portcullis::net;
using namespace portcullis::test;

namespace {

const auto now = std::chrono::system_clock::now();

std::string refusal(const tls_files& files) {
  const auto loaded = tls_context::load(files, now);
  if (loaded)
    return "none";
  CAF_CHECK(loaded.error().code == errc::value_unacceptable);
  return loaded.error().detail;
}

} // namespace

CAF_TEST(a good pair is loaded and tells when it expires) {
  const tls_world world;
  const auto loaded = tls_context::load(world.files(), now);
  CAF_REQUIRE(loaded);
  const auto left = (*loaded)->expires_at() - now;
  CAF_CHECK(left > std::chrono::seconds{3500});
  CAF_CHECK(left < std::chrono::seconds{3700});
}

CAF_TEST(files that cannot be read are named) {
  const tls_world world;
  auto files = world.files();
  files.certificate = world.folder.path("missing.pem");
  CAF_CHECK_EQUAL(refusal(files), files.certificate + " cannot be read: No such file or directory");
  files = world.files();
  files.key = world.folder.path("missing.key");
  CAF_CHECK_EQUAL(refusal(files), files.key + " cannot be read: No such file or directory");
  files = world.files();
  files.key = world.folder.path(".");
  CAF_CHECK_EQUAL(refusal(files), files.key + " cannot be read: Is a directory");
}

CAF_TEST(files of something else are refused without repeating them) {
  const tls_world world;
  auto files = world.files();
  files.certificate = world.folder.write("text", "a secret\n");
  CAF_CHECK_EQUAL(refusal(files), files.certificate + " holds no certificate in PEM form");
  files = world.files();
  files.key = world.folder.path("server.pem");
  CAF_CHECK_EQUAL(refusal(files), files.key + " holds no private key in PEM form, or one under a pass phrase");
  files = world.files();
  files.certificate = world.folder.path("server.key");
  CAF_CHECK_EQUAL(refusal(files), files.certificate + " holds no certificate in PEM form");
  auto pem = world.server.certificate_pem();
  pem.replace(pem.size() / 2, 20, 20, '!');
  files.certificate = world.folder.write("broken.pem", pem);
  CAF_CHECK_EQUAL(refusal(files), files.certificate + " holds a certificate that cannot be read");
  files.certificate = world.folder.write("half.pem", world.server.certificate_pem().substr(0, 200));
  CAF_CHECK_EQUAL(refusal(files), files.certificate + " holds a certificate that cannot be read");
  files.certificate = world.folder.write("large.pem", std::string(1024 * 1024 + 1, 'x'));
  CAF_CHECK_EQUAL(refusal(files), files.certificate + " is larger than 1048576 bytes");
}

CAF_TEST(a key under a pass phrase is refused and nobody is asked for it) {
  const tls_world world;
  const bio_ptr bio{BIO_new(BIO_s_mem())};
  CAF_REQUIRE_EQUAL(PEM_write_bio_PKCS8PrivateKey(bio.get(), world.server.key.get(), EVP_aes_128_cbc(), "pass", 4,
                                                  nullptr, nullptr),
                    1);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &bytes);
  auto files = world.files();
  files.key = world.folder.write("locked.key", {bytes, static_cast<std::size_t>(size)});
  CAF_CHECK_EQUAL(refusal(files), files.key + " holds no private key in PEM form, or one under a pass phrase");
}

CAF_TEST(a key of another certificate is refused) {
  const tls_world world;
  const auto other = make_identity({});
  auto files = world.files();
  files.key = world.folder.write("other.key", other.key_pem());
  CAF_CHECK_EQUAL(refusal(files),
                  "the key in " + files.key + " does not belong to the certificate in " + files.certificate);
}

CAF_TEST(a certificate out of its time is refused) {
  const tls_world world;
  const auto load_with = [&](long from_s, long to_s) {
    const auto made = make_identity({"localhost", "DNS:localhost", from_s, to_s}, &world.authority);
    auto files = world.files();
    files.certificate = world.folder.write("timed.pem", made.certificate_pem());
    files.key = world.folder.write("timed.key", made.key_pem());
    return refusal(files);
  };
  const auto where = "the certificate in " + world.folder.path("timed.pem");
  CAF_CHECK_EQUAL(load_with(-3600, 60), "none");
  CAF_CHECK_EQUAL(load_with(-3600, -60), where + " has expired");
  CAF_CHECK_EQUAL(load_with(60, 3600), where + " is not valid yet");
}

CAF_TEST(certificates of clients need an authority) {
  const tls_world world;
  auto files = world.files(client_certificates::optional);
  files.client_ca.clear();
  CAF_CHECK_EQUAL(refusal(files),
                  "certificates of clients can only be checked with a file of the authorities that issue them");
  files.client_ca = world.folder.path("server.key");
  CAF_CHECK_EQUAL(refusal(files), files.client_ca + " holds no certificate in PEM form");
  files.client_ca = world.folder.path("ca.pem");
  CAF_CHECK_EQUAL(refusal(files), "none");
}

CAF_TEST(the whole chain is sent) {
  const tls_world world;
  const auto middle = make_identity({"intermediate", "", -3600, 3600, true}, &world.authority);
  const auto server = make_identity({"localhost", "DNS:localhost"}, &middle);
  auto files = world.files();
  files.certificate = world.folder.write("chain.pem", server.certificate_pem() + middle.certificate_pem());
  files.key = world.folder.write("chain.key", server.key_pem());
  const auto loaded = tls_context::load(files, now);
  CAF_REQUIRE(loaded);
  tls_pair pair{*loaded, world.authority};
  pair.run();
  CAF_CHECK(pair.client.is_established());
  CAF_CHECK(!pair.client.has_failed());
}

CAF_TEST(a connection keeps the context that it began with) {
  const tls_world world;
  auto old = world.context();
  tls_pair pair{old, world.authority};
  pair.run();
  old.reset(); // another was loaded
  pair.to_read = pair.client.send("still here");
  pair.run();
  CAF_CHECK_EQUAL(pair.server_plain(), "still here");
}
