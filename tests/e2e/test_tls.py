"""TLS as clients of all kinds meet it, certificates that change, and those who only begin a handshake."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from callers import by_header, caller, new_key, write_callers
from http_client import HANG_S, ConnectionEnded
from service import Service, free_port, run_command
from tls import Authority, TlsConnection, client_context, openssl
from waiting import eventually, in_time

SPIFFE = "spiffe://example.org/gateway"
HANDSHAKE_S = 2  # of a service that ends what is slow to begin


class TlsService:
    """A service that speaks TLS on one port and plain HTTP, for probes and metrics, on another."""

    def __init__(self, database, directory, **settings):
        self.authority = Authority(directory)
        self.certificate, self.key = directory / "server.pem", directory / "server.key"
        self.install("server-1")
        self.callers = directory / "callers.json"
        self._metrics_key = new_key()
        write_callers(
            self.callers,
            caller("gateway", ["internal"], certificates=[SPIFFE]),
            caller("prometheus", ["metrics:read"], self._metrics_key),
        )
        self.port = free_port()
        self.plain = Service(
            database,
            directory,
            BACKEND_TLS_CERT_FILE=str(self.certificate),
            BACKEND_TLS_KEY_FILE=str(self.key),
            BACKEND_TLS_CLIENT_CA_FILE=str(self.authority.certificate),
            BACKEND_TLS_CLIENT_CERT="optional",
            BACKEND_CALLERS_FILE=str(self.callers),
            **settings,
        )
        plain = f"127.0.0.1:{self.plain.port};audiences=metrics"
        self.plain._settings["BACKEND_HTTP_ADDR"] = f"127.0.0.1:{self.port};tls,{plain}"
        self.gateway = self.authority.issue("gateway", f"URI:{SPIFFE}")
        self.stranger = self.authority.issue("stranger", "URI:spiffe://example.org/stranger")

    def install(self, name):
        """Replaces the server's certificate and key, each at once."""
        for made, place in zip(self.authority.issue(name, "DNS:localhost"), (self.certificate, self.key)):
            shutil.copy(made, place.with_suffix(".draft"))
            os.replace(place.with_suffix(".draft"), place)

    def connect(self, identity=None, session=None, context=None, **more):
        return TlsConnection(self.port, context or client_context(self.authority, identity), session, **more)

    def get(self, path, identity=None):
        with self.connect(identity) as connection:
            return connection.request("GET", path)

    def metrics(self):
        return self.plain.client("", **by_header(self._metrics_key)).get("/metrics").body.decode()

    def serial(self):
        with self.connect() as connection:
            return connection.tls.getpeercert()["serialNumber"]


@pytest.fixture(scope="module")
def secure(database, tmp_path_factory):
    made = TlsService(database, tmp_path_factory.mktemp("tls"), BACKEND_TLS_HANDSHAKE_RATE="0")  # as many as a test needs
    made.plain.start()
    yield made
    made.plain.stop()
    made.plain.expect_no_complaint()


def is_refused(ask):
    """Whether the connection ends before there is an answer. Over TLS 1.3 a client learns it with its first read."""
    try:
        ask()
    except (ssl.SSLError, ConnectionError, ConnectionEnded):
        return True
    return False


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_and_many_requests_of_one_connection(secure, version):
    context = client_context(secure.authority)
    context.minimum_version = context.maximum_version = version
    with secure.connect(context=context) as connection:
        assert connection.tls.selected_alpn_protocol() == "http/1.1"
        for _ in range(3):
            connection.request("GET", "/healthz").expect(200)
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 20)
        for _ in range(20):
            connection.read_response().expect(200)


def test_sessions_are_resumed(secure):
    context = client_context(secure.authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with secure.connect(context=context) as connection:
        connection.request("GET", "/healthz").expect(200)
        session = connection.tls.session
    with secure.connect(context=context, session=session) as connection:
        assert connection.tls.session_reused
        connection.request("GET", "/healthz").expect(200)


def test_curl_and_its_certificate(secure):
    curl = shutil.which("curl")
    assert curl, "curl is not installed"

    def status(path, *more):
        url = f"https://localhost:{secure.port}{path}"
        said = subprocess.run(
            [curl, "-sS", "--cacert", secure.authority.certificate, "-o", "/dev/null", "-w", "%{http_code}", *more, url],
            capture_output=True,
            text=True,
            timeout=HANG_S,
        )
        return said.stdout

    assert status("/healthz") == "200"
    certificate, key = secure.gateway
    feed = "/api/v1/internal/revocations"
    assert status(feed) == "401"
    assert status(feed, "--cert", certificate, "--key", key) == "200"


def test_a_certificate_proves_a_caller(secure):
    path = "/api/v1/internal/revocations"
    secure.get(path, secure.gateway).expect(200)
    secure.get(path, secure.stranger).expect_problem(401, "caller_unknown")
    secure.get(path).expect_problem(401, "caller_unknown")
    secure.get("/api/v1/admin/stats", secure.gateway).expect_problem(403, "caller_forbidden")


def test_a_certificate_of_another_authority_is_refused(secure, tmp_path):
    identity = Authority(tmp_path, "another authority").issue("gateway", f"URI:{SPIFFE}")
    assert is_refused(lambda: secure.get("/healthz", identity))


@pytest.mark.parametrize("options", [["-tls1_1"], ["-tls1"], ["-no_tls1_3", "-cipher", "AES128-SHA"], ["-alpn", "h2"]])
def test_what_is_old_or_weak_or_another_protocol_is_refused(secure, options):
    said = openssl(
        *("s_client", "-connect", f"127.0.0.1:{secure.port}", "-CAfile", secure.authority.certificate, *options),
        *("-cipher", "DEFAULT:@SECLEVEL=0") if "-cipher" not in options else (),
        input=b"",
    )
    assert said.returncode != 0


def test_openssl_verifies_the_chain_and_may_not_renegotiate(secure):
    command = ("s_client", "-connect", f"127.0.0.1:{secure.port}", "-CAfile", secure.authority.certificate)
    said = openssl(*command, "-verify_return_error", "-alpn", "http/1.1", input=b"")
    assert said.returncode == 0 and b"Verify return code: 0 (ok)" in said.stdout
    assert b"ALPN protocol: http/1.1" in said.stdout
    said = openssl(*command, "-tls1_2", "-legacy_renegotiation", input=b"R\nGET /healthz HTTP/1.0\r\n\r\n")
    assert b'"status":"ok"' not in said.stdout


def test_each_listener_serves_its_audiences(secure):
    plain = secure.plain.http
    plain.get("/healthz").expect(200)
    plain.get("/metrics").expect_problem(401, "caller_unknown")
    for path in ("/api/v1/public/version", "/api/v1/internal/revocations", "/api/v1/admin/stats"):
        plain.get(path).expect_problem(404, "route_unknown")
    secure.get("/api/v1/public/version").expect(200)


def test_plain_http_and_garbage_do_no_harm(secure):
    for garbage in (b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", b"\x16\x03\x01\x00\xff" + b"\x00" * 300, b"\xff" * 5000):
        with socket.create_connection(("127.0.0.1", secure.port), HANG_S) as wire, contextlib.suppress(ConnectionError):
            wire.sendall(garbage)
            while wire.recv(4096):
                pass
    secure.get("/healthz").expect(200)


def test_a_thousand_handshakes_that_only_begin_delay_nobody_and_end(database, tmp_path):
    it = TlsService(database, tmp_path, BACKEND_HTTP_HEADER_TIMEOUT=f"{HANDSHAKE_S}s")
    it.plain.start()

    def is_served():
        in_time(HANDSHAKE_S, lambda: it.get("/healthz").expect(200))

    try:
        hello = client_hello(it)
        silent = []
        with contextlib.ExitStack() as open_ones:
            for i in range(1000):
                wire = open_ones.enter_context(socket.create_connection(("127.0.0.1", it.port), HANG_S))
                with contextlib.suppress(ConnectionError):  # it has had its time
                    wire.sendall(hello if i % 2 else hello[: i % len(hello)])
                silent.append(wire)
            began = time.monotonic()
            for _ in range(10):
                is_served()
            assert time.monotonic() - began < HANG_S
            for wire in silent:  # the header time-out ends each of them
                with contextlib.suppress(ConnectionError):
                    while wire.recv(65536):
                        pass
        is_served()
    finally:
        it.plain.stop()


def client_hello(secure):
    """The first message of a handshake, as Python's own client begins one."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context(secure.authority).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


class Flood:
    """Handshakes of one address, one after the other, each with a request. Sessions are resumed where they can be."""

    def __init__(self, secure, source):
        self._secure, self._source = secure, source
        self._context = client_context(secure.authority)
        self._context.maximum_version = ssl.TLSVersion.TLSv1_2  # whose sessions Python resumes without reading on
        self._session = None
        self.let_in = self.resumed = self.refused = 0

    def knock(self):
        try:
            with self._secure.connect(context=self._context, session=self._session, source=self._source) as connection:
                connection.request("GET", "/healthz").expect(200)
                self.resumed += connection.tls.session_reused
                self._session = connection.tls.session
        except (ssl.SSLError, ConnectionError, ConnectionEnded):
            self.refused += 1
        else:
            self.let_in += 1


def test_a_flood_of_handshakes_of_one_address_is_bounded_and_others_go_on(database, tmp_path):
    quota, knocks = 10, 60
    it = TlsService(database, tmp_path, BACKEND_TLS_HANDSHAKE_RATE=f"{quota}/86400s")
    it.plain.start()
    try:
        flood, other = Flood(it, "127.0.0.2"), Flood(it, "127.0.0.1")
        for i in range(knocks):
            flood.knock()
            if i % 12 == 0:
                other.knock()
        assert (flood.let_in, flood.refused) == (quota, knocks - quota)
        assert flood.resumed == quota - 1  # all but the first: they count like any other
        assert (other.let_in, other.refused) == (5, 0)
        for _ in range(2 * quota):  # without TLS there is nothing to limit
            it.plain.http.get("/healthz").expect(200)
        numbers = it.metrics()
        assert f'portcullis_rate_limited_total{{limit="handshakes"}} {knocks - quota}\n' in numbers
        # None of those refused has begun one.
        assert f'portcullis_tls_handshakes_total{{outcome="ok"}} {quota + 5}\n' in numbers
        assert 'portcullis_tls_handshakes_total{outcome="failed"} 0\n' in numbers
    finally:
        it.plain.stop()
    lines = [line for line in it.plain.log.splitlines() if "too many TLS handshakes" in line]
    assert 1 <= len(lines) < 10 and "address=127.0.0.2" in lines[0]


def test_the_limit_of_handshakes_can_be_turned_off(database, tmp_path):
    it = TlsService(database, tmp_path, BACKEND_TLS_HANDSHAKE_RATE="0")
    it.plain.start()
    try:
        flood = Flood(it, "127.0.0.2")
        for _ in range(20):
            flood.knock()
        assert flood.refused == 0
        assert 'limit="handshakes"' not in it.metrics()
    finally:
        it.plain.stop()


def test_certificates_are_replaced_under_load_without_a_lost_request(secure):
    stop = threading.Event()
    lost = []
    done = [0]

    def load():
        while not stop.is_set():
            try:
                with secure.connect() as connection:
                    for _ in range(5):
                        connection.request("GET", "/healthz").expect(200)
                        done[0] += 1
            except Exception as wrong:
                lost.append(wrong)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for name in ("server-2", "server-3"):
            before = secure.serial()
            with secure.connect() as old:
                secure.install(name)
                eventually(lambda: secure.serial() != before, "new connections get the new certificate")
                old.request("GET", "/healthz").expect(200)
    finally:
        stop.set()
        for thread in threads:
            thread.join(HANG_S)
    assert not lost and done[0] > 0


def test_a_key_that_does_not_fit_is_refused_and_the_old_pair_stays(secure):
    before = secure.serial()
    good = secure.key.read_bytes()
    _, other = secure.authority.issue("other", "DNS:localhost")
    shutil.copy(other, secure.key)
    secure.plain.hang_up()
    eventually(lambda: "does not belong to the certificate" in secure.plain.log, "the pair is refused")
    assert secure.serial() == before
    secure.key.write_bytes(good)
    assert b"PRIVATE KEY" not in secure.plain.log.encode()


def test_a_client_certificate_may_be_required(database, tmp_path):
    made = TlsService(database, tmp_path)
    made.plain._settings["BACKEND_TLS_CLIENT_CERT"] = "required"
    made.plain.start()
    try:
        made.get("/healthz", made.gateway).expect(200)
        assert is_refused(lambda: made.get("/healthz"))
    finally:
        made.plain.stop()


def test_it_does_not_start_with_a_pair_that_does_not_fit(database, tmp_path):
    authority = Authority(tmp_path)
    certificate, _ = authority.issue("one", "DNS:localhost")
    _, key = authority.issue("two", "DNS:localhost")
    said = run_command(
        "serve",
        BACKEND_POSTGRES_DSN=database.dsn,
        BACKEND_HTTP_ADDR="127.0.0.1:0;tls",
        BACKEND_TLS_CERT_FILE=str(certificate),
        BACKEND_TLS_KEY_FILE=str(key),
    )
    assert said.returncode == 1
    assert "does not belong to the certificate" in said.stderr
