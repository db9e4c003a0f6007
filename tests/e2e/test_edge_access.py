"""An edge's own port: TLS, and callers who prove who they are."""

import ssl

import pytest

from callers import by_header, caller, new_key, write_callers
from edge import Edge
from http_client import Client
from service import free_port
from tls import Authority, TlsConnection, client_context
from waiting import eventually

SPIFFE = "spiffe://example.org/gateway"
OTHER = "spiffe://example.org/other"


class GuardedEdge(Edge):
    """It speaks TLS on one port, and plain HTTP for the probes on another."""

    def __init__(self, service, directory):
        self.authority = Authority(directory)
        certificate, key = self.authority.issue("edge", "DNS:localhost")
        self.key = new_key("gateway")
        self.callers = directory / "callers.json"
        self.admit(caller("gateway", ["sessions:resolve"], self.key, certificates=[SPIFFE]))
        super().__init__(
            [service],
            directory,
            GATEWAY_TLS_CERT_FILE=str(certificate),
            GATEWAY_TLS_KEY_FILE=str(key),
            GATEWAY_TLS_CLIENT_CA_FILE=str(self.authority.certificate),
            GATEWAY_TLS_CLIENT_CERT="optional",
            GATEWAY_CALLERS_FILE=str(self.callers),
        )
        self.tls_port = free_port()
        self._settings["GATEWAY_HTTP_ADDR"] = f"127.0.0.1:{self.tls_port};tls,127.0.0.1:{self.port};audiences=metrics"

    def admit(self, *entries):
        write_callers(self.callers, *entries)

    def verify(self, token, name=None, **headers):
        identity = self.authority.issue(name.rpartition("/")[2], f"URI:{name}") if name else None
        with TlsConnection(self.tls_port, client_context(self.authority, identity)) as connection:
            return connection.request(
                "GET", "/api/v1/internal/verify", headers={"Authorization": f"Bearer {token}", **headers}
            )


@pytest.fixture(scope="module")
def guarded(service, tmp_path_factory):
    edge = GuardedEdge(service, tmp_path_factory.mktemp("guarded")).start()
    yield edge
    edge.stop()
    edge.expect_no_complaint()


def test_a_caller_with_a_key_or_a_certificate_is_answered(guarded, mint):
    minted = mint()
    for answer in (guarded.verify(minted["token"], **by_header(guarded.key)), guarded.verify(minted["token"], SPIFFE)):
        assert answer.status == 200, answer.body
        assert answer.headers["X-User-ID"] == minted["account"]["account_id"]


def test_any_other_caller_is_not(guarded, mint):
    token = mint()["token"]
    guarded.verify(token).expect_problem(403, "caller_forbidden")
    guarded.verify(token, **by_header(new_key())).expect_problem(403, "caller_forbidden")
    guarded.verify(token, OTHER).expect_problem(403, "caller_forbidden")


def test_the_port_for_probes_serves_no_more(guarded, mint):
    plain = Client(guarded.port, "/api/v1/internal", {})
    plain.get("/verify", token=mint()["token"], headers=by_header(guarded.key)).expect_problem(404, "route_unknown")
    assert guarded.http.get("/healthz").status == 200


def test_handshakes_of_one_address_are_limited(service, tmp_path):
    edge = GuardedEdge(service, tmp_path)
    edge.set("GATEWAY_TLS_HANDSHAKE_RATE", "3/86400s")
    edge.start()
    context = client_context(edge.authority)
    for source in ("127.0.0.2", "127.0.0.1"):
        for _ in range(3):
            with TlsConnection(edge.tls_port, context, source=source) as connection:
                connection.request("GET", "/healthz").expect(200)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            TlsConnection(edge.tls_port, context, source=source)
    edge.stop()


def test_a_caller_who_was_taken_out_is_refused(service, tmp_path, mint):
    edge = GuardedEdge(service, tmp_path).start()
    token = mint()["token"]
    assert edge.verify(token, **by_header(edge.key)).status == 200
    edge.admit(caller("somebody", ["sessions:resolve"], new_key("somebody")))
    edge.hang_up()
    eventually(lambda: edge.verify(token, **by_header(edge.key)).status == 403, "the file was read again")
    edge.stop()
    edge.expect_no_complaint()
