#include "net/tls_client.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::net;
using namespace portcullis::test;

namespace {

const tls_world& world() {
  static const tls_world made;
  return made;
}

struct version {
  const char* name;
  const char* native_name;
  client_wish wish;
};

std::vector<version> versions() {
  client_wish old;
  old.version_max = TLS1_2_VERSION;
  client_wish current;
  current.version_min = TLS1_3_VERSION;
  return {{"TLS 1.2", "TLSv1.2", old}, {"TLS 1.3", "TLSv1.3", current}};
}

/// What a handshake with a client of this certificate ends in: the peer's names, or the failure.
std::string names_seen(client_certificates asked, const identity* shown, client_wish wish = {}) {
  wish.shows = shown;
  tls_pair pair{world().context(asked), world().authority, wish};
  pair.run();
  if (!pair.failure.empty())
    return pair.failure;
  std::string names;
  for (const auto& name : pair.server.peer().names)
    names += name + ' ';
  return names;
}

} // namespace

CAF_TEST(both versions shake hands and speak) {
  for (const auto& version : versions()) {
    tls_pair pair{world().context(), world().authority, version.wish};
    CAF_CHECK(!pair.server.is_established());
    pair.run();
    CAF_CHECK_EQUAL(pair.failure, "");
    CAF_CHECK(pair.server.is_established());
    CAF_CHECK(pair.client.is_established());
    CAF_CHECK_EQUAL(std::string{SSL_get_version(pair.client.native())}, version.native_name);
    CAF_CHECK_EQUAL(pair.client.protocol(), "http/1.1");
    CAF_CHECK(pair.server.peer().names.empty());
    pair.to_read = pair.client.send("ping");
    pair.run();
    CAF_CHECK_EQUAL(pair.server_plain(), "ping");
    pair.server_sends("pong");
    pair.run();
    CAF_CHECK_EQUAL(pair.client.plain(), "pong");
  }
}

CAF_TEST(the handshake does not depend on how its bytes are cut) {
  for (const auto& version : versions()) {
    std::size_t longest = 1;
    for (std::size_t first = 1; first <= longest; ++first) {
      tls_pair pair{world().context(), world().authority, version.wish};
      pair.to_read = pair.client.receive({});
      longest = std::max(longest, pair.to_read.size());
      // Every flight of either side is cut after `first` bytes.
      bool is_first = true;
      pair.run([&] {
        is_first = !is_first;
        return is_first ? first : static_cast<std::size_t>(-1);
      });
      pair.to_read = pair.client.send("ping");
      pair.run(first);
      if (!pair.failure.empty() || pair.server_plain() != "ping")
        CAF_FAIL(version.name << " cut after " << first << " bytes: " << pair.failure);
    }
    CAF_CHECK(longest > 100);
  }
}

CAF_TEST(the handshake may come byte by byte) {
  for (const auto& version : versions()) {
    const auto shown = make_identity({"client", "DNS:client.example"}, &world().authority);
    auto wish = version.wish;
    wish.shows = &shown;
    tls_pair pair{world().context(client_certificates::required), world().authority, wish};
    pair.run(1);
    pair.to_read = pair.client.send("ping");
    pair.run(1);
    CAF_CHECK_EQUAL(pair.failure, "");
    CAF_CHECK_EQUAL(pair.server_plain(), "ping");
    CAF_REQUIRE_EQUAL(pair.server.peer().names.size(), 1u);
    CAF_CHECK_EQUAL(pair.server.peer().names[0], "client.example");
  }
}

CAF_TEST(a request may come with the end of the handshake) {
  tls_pair pair{world().context(), world().authority, versions()[1].wish};
  pair.to_server(pair.client.receive({}));
  const std::string flight(pair.to_wire.begin(), pair.to_wire.end());
  pair.to_wire.clear();
  const auto finished = pair.client.receive(flight);
  pair.to_server(finished + pair.client.send("early bird"));
  CAF_CHECK_EQUAL(pair.failure, "");
  CAF_CHECK_EQUAL(pair.server_plain(), "early bird");
}

CAF_TEST(versions before TLS 1 2 are refused) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    client_wish wish;
    wish.version_min = wish.version_max = version;
    tls_pair pair{world().context(), world().authority, wish};
    pair.run();
    CAF_CHECK_EQUAL(pair.failure, "TLS: handshake failed: unsupported protocol");
    CAF_CHECK(!pair.server.is_established());
    CAF_CHECK(pair.client.has_failed()); // it was told
  }
}

CAF_TEST(ciphers of TLS 1 2 without forward secrecy or authentication are refused) {
  for (const char* ciphers : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "AES256-SHA"}) {
    tls_pair pair{world().context(), world().authority, versions()[0].wish};
    CAF_REQUIRE_EQUAL(SSL_set_cipher_list(pair.client.native(), ciphers), 1);
    pair.run();
    CAF_CHECK_EQUAL(pair.failure, "TLS: handshake failed: no shared cipher");
  }
}

CAF_TEST(ALPN chooses HTTP 1 1 and nothing else) {
  const auto spoken = [](std::vector<std::string> offered) {
    client_wish wish;
    wish.protocols = std::move(offered);
    tls_pair pair{world().context(), world().authority, wish};
    pair.run();
    return pair.failure.empty() ? pair.client.protocol() : pair.failure;
  };
  CAF_CHECK_EQUAL(spoken({"h2", "http/1.1"}), "http/1.1");
  CAF_CHECK_EQUAL(spoken({"h2"}), "TLS: handshake failed: no application protocol");
  CAF_CHECK_EQUAL(spoken({}), "");
}

CAF_TEST(what is no TLS is refused with a reason) {
  const auto refusal = [](std::string_view bytes) {
    tls_pair pair{world().context(), world().authority};
    pair.to_server(bytes);
    return pair.failure;
  };
  CAF_CHECK_EQUAL(refusal("GET / HTTP/1.1\r\n\r\n"), "TLS: handshake failed: http request");
  CAF_CHECK_EQUAL(refusal(std::string(100, '\0')), "TLS: handshake failed: wrong version number");
  CAF_CHECK_EQUAL(refusal("\x16\x03\x01\xff\xff" + std::string(100, 'x')).substr(0, 22), "TLS: handshake failed:");
  CAF_CHECK_EQUAL(refusal("\x16\x03"), ""); // not all of it has come
}

CAF_TEST(the first failure is final) {
  tls_pair pair{world().context(), world().authority};
  pair.to_server("GET / HTTP/1.1\r\n\r\n");
  CAF_REQUIRE(!pair.failure.empty());
  pair.to_wire.clear();
  byte_buffer plain;
  const auto again = pair.server.receive(pair.client.receive({}), plain, pair.to_wire);
  CAF_CHECK(!again);
  CAF_CHECK_EQUAL(again.error().detail, pair.failure);
  CAF_CHECK(!pair.server.send("x", pair.to_wire));
  pair.server.close(pair.to_wire);
  CAF_CHECK(pair.to_wire.empty());
  CAF_CHECK(plain.empty());
}

CAF_TEST(a handshake that does not end is ended) {
  // A certificate larger than a client may send, byte by byte of it allowed until then.
  tls_pair pair{world().context(), world().authority};
  const std::string header{"\x16\x03\x01\x40\x00\x01\x01\xff\x00",
                           9}; // a ClientHello of 130816 bytes in records of 16 KiB
  pair.to_server(header + std::string(0x4000 - 4, 'x'));
  CAF_CHECK_EQUAL(pair.failure, "");
  std::size_t sent = 0x4005;
  while (pair.failure.empty() && sent < 1'000'000) {
    pair.to_server(std::string{"\x16\x03\x01\x40\x00", 5} + std::string(0x4000, 'x'));
    sent += 0x4005;
  }
  CAF_CHECK_EQUAL(pair.failure, "TLS: the handshake is too long");
  CAF_CHECK(sent <= tls_transport::handshake_bytes_max + 0x4005);
}

CAF_TEST(nothing can be sent before the handshake is over) {
  tls_pair pair{world().context(), world().authority};
  byte_buffer out;
  CAF_CHECK(!pair.server.send("x", out));
  pair.server.close(out);
  CAF_CHECK(out.empty());
  pair.run(); // which it does not spoil
  CAF_CHECK(pair.server.is_established());
}

CAF_TEST(certificates of clients are asked for as configured) {
  const auto known =
    make_identity({"client", "URI:spiffe://example.org/gateway,DNS:Gateway.Example.org"}, &world().authority);
  const auto other_authority = make_identity({"authority", "", -3600, 7200, true});
  const auto stranger = make_identity({"client", "DNS:gateway.example.org"}, &other_authority);
  const auto expired = make_identity({"client", "DNS:gateway.example.org", -3600, -60}, &world().authority);
  const auto unborn = make_identity({"client", "DNS:gateway.example.org", 60, 3600}, &world().authority);
  const std::string names = "spiffe://example.org/gateway gateway.example.org ";
  const std::string bad = "TLS: handshake failed: certificate verify failed";
  using c = client_certificates;
  for (const auto& version : versions()) {
    CAF_CHECK_EQUAL(names_seen(c::none, &known, version.wish), "");
    CAF_CHECK_EQUAL(names_seen(c::optional, nullptr, version.wish), "");
    CAF_CHECK_EQUAL(names_seen(c::optional, &known, version.wish), names);
    CAF_CHECK_EQUAL(names_seen(c::optional, &stranger, version.wish), bad);
    CAF_CHECK_EQUAL(names_seen(c::required, nullptr, version.wish),
                    "TLS: handshake failed: peer did not return a certificate");
    CAF_CHECK_EQUAL(names_seen(c::required, &known, version.wish), names);
    CAF_CHECK_EQUAL(names_seen(c::required, &stranger, version.wish), bad);
    CAF_CHECK_EQUAL(names_seen(c::required, &expired, version.wish), bad);
    CAF_CHECK_EQUAL(names_seen(c::required, &unborn, version.wish), bad);
  }
}

CAF_TEST(a name is taken for what its kind says or not at all) {
  const auto names = [](const std::string& alternatives) {
    const auto shown = make_identity({"client", alternatives}, &world().authority);
    return names_seen(client_certificates::required, &shown);
  };
  CAF_CHECK_EQUAL(names("DNS:spiffe://example.org/gateway,DNS:a.example"), "a.example ");
  CAF_CHECK_EQUAL(names("DNS:*.a.example"), "*.a.example ");
  CAF_CHECK_EQUAL(names("URI:gateway.example.org,URI:urn:x:y"), "urn:x:y ");
  CAF_CHECK_EQUAL(names("email:a@b.example,IP:192.0.2.1,RID:1.2.3"), "");
  CAF_CHECK_EQUAL(names(""), ""); // the common name is no name
}
