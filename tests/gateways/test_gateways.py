"""What every gateway must do with the examples' configuration."""

import re

import pytest

from http_client import Connection, encode_request
from gateway import Gateway
from service import Service

IDENTITY = re.compile(r"(?i)x[-_](user[-_]id|session[-_]id|account[-_]guest)$")


def expect_identity(gateway, told, minted):
    """That the application heard who it is, from nobody but the gateway: no name comes twice."""
    found = [(name, value) for name, value in told["headers"] if IDENTITY.match(name)]
    assert sorted(name.lower() for name, _ in found) == sorted(gateway.identity), found
    true = {"x-user-id": minted["account"]["account_id"], "x-session-id": minted["session"]["session_id"],
            "x-account-guest": "true"}
    assert {name.lower(): value for name, value in found} == {name: true[name] for name in gateway.identity}


def test_a_live_session_arrives_by_name(gateway, mint):
    minted = mint()
    expect_identity(gateway, gateway.request(token=minted["token"], path="/basket?x=1").expect(200), minted)


FORGED = {
    "as it is written": b"X-User-ID: root\r\n",
    "in another case": b"x-uSeR-iD: root\r\nX-SESSION-ID: root\r\nx-account-guest: false\r\n",
    "with underscores": b"X_User_ID: root\r\nX-User_ID: root\r\nx_session_id: root\r\nX_Account_Guest: false\r\n",
    "twice": b"X-User-ID: root\r\nX-User-ID: root\r\nx-user-id: root\r\n",
    "named in Connection": b"Connection: X-User-ID, X-Session-ID\r\nX-User-ID: root\r\n",
    "empty": b"X-User-ID:\r\nX-Session-ID:\r\n",
}


@pytest.mark.parametrize("fields", FORGED.values(), ids=FORGED.keys())
def test_a_client_cannot_name_itself(gateway, mint, fields):
    minted = mint()
    with Connection(gateway.port) as connection:
        plain = encode_request("GET", "/", token=minted["token"])
        connection.send(plain[:-2] + fields + b"\r\n")
        expect_identity(gateway, connection.read_response().expect(200), minted)


def test_a_trailer_names_nobody(gateway, mint):
    minted = mint()
    with Connection(gateway.port) as connection:
        head = encode_request("POST", "/", token=minted["token"], headers={
            "Content-Length": None, "Transfer-Encoding": "chunked", "Trailer": "X-User-ID"})
        connection.send(head + b"5\r\nhello\r\n0\r\nX-User-ID: root\r\n\r\n")
        told = connection.read_response().expect(200)
    expect_identity(gateway, told, minted)
    assert told["body_bytes"] == 5


def test_the_application_is_told_nothing_else_of_the_session(gateway, mint):
    told = gateway.request(token=mint()["token"]).expect(200)
    assert not [name for name, value in told["headers"] if name.upper().startswith("OIDC")]


def test_nobody_else_is_let_in(gateway, application):
    before = len(application.seen)
    assert gateway.request().status == 401
    assert gateway.request(token="x").status == 401
    assert gateway.request(headers={"X-User-ID": "root", "Cookie": "session=root"}).status == 401
    assert len(application.seen) == before


def test_a_denial_says_what_is_asked_for(gateway):
    assert gateway.request().headers["WWW-Authenticate"].startswith("Bearer")


def test_the_next_request_after_a_revocation_is_turned_away(gateway, service, mint):
    minted = mint()
    gateway.request(token=minted["token"]).expect(200)
    service.gateway.post("/sessions/revoke", token=minted["token"]).expect(200)
    assert gateway.request(token=minted["token"]).status == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_arrives_whole(gateway, mint, method):
    minted = mint()
    told = gateway.request(method, "/basket", token=minted["token"], body=b"x" * 100_000).expect(200)
    assert (told["method"], told["body_bytes"]) == (method, 100_000)
    expect_identity(gateway, told, minted)


def test_a_chunked_body_arrives_whole(gateway, mint):
    minted = mint()
    head = encode_request("POST", "/", token=minted["token"], headers={
        "Content-Length": None, "Transfer-Encoding": "chunked"})
    with Connection(gateway.port) as connection:
        connection.send(head + b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n")
        assert connection.read_response().expect(200)["body_bytes"] == 11


def test_a_client_that_waits_for_100_continue_gets_it(gateway, mint):
    minted = mint()
    head = encode_request("POST", "/", token=minted["token"], headers={
        "Content-Length": "5", "Expect": "100-continue"})
    with Connection(gateway.port) as connection:
        connection.send(head)
        assert connection.read_response().status == 100
        connection.send(b"hello")
        while (answer := connection.read_response()).status == 100:
            pass  # the application's own may follow the gateway's
        assert answer.expect(200)["body_bytes"] == 5


def test_thirty_kilobytes_of_cookies_pass(gateway, mint):
    minted = mint()
    cookies = "; ".join(f"c{i}={'v' * 90}" for i in range(310))
    told = gateway.request(token=minted["token"], headers={"Cookie": cookies}).expect(200)
    assert dict(told["headers"])["Cookie" if "Cookie" in dict(told["headers"]) else "cookie"] == cookies
    expect_identity(gateway, told, minted)


def test_head_and_options_are_judged_like_every_request(gateway, mint):
    minted = mint()
    with Connection(gateway.port) as connection:
        assert connection.request("HEAD", "/", token=minted["token"]).status == 200
    expect_identity(gateway, gateway.request("OPTIONS", token=minted["token"]).expect(200), minted)
    assert gateway.request("OPTIONS").status == 401
    for authorization in ("Bearer pcs_x", "Bearer ", "Bearer", "Basic Og==", ""):
        assert gateway.request("OPTIONS", headers={"Authorization": authorization}).status in (400, 401), authorization
    with Connection(gateway.port) as connection:
        assert connection.request("HEAD", "/").status == 401


def test_a_preflight_is_answered_by_the_gateway(gateway, application):
    before = len(application.seen)
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
    answer = gateway.request("OPTIONS", headers=asked)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()
    assert len(application.seen) == before


def test_a_websocket_passes(gateway, mint):
    minted = mint()
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "X-User-ID": "root"}
    with Connection(gateway.port) as connection:
        connection.send_request("GET", "/live", token=minted["token"], headers=asked)
        _, status, headers = connection.read_head()
        assert status == 101
        assert headers["X-Seen-User"] == minted["account"]["account_id"]
        connection.send(b"ping\n")
        assert connection.read_line() == "ping"
    with Connection(gateway.port) as connection:
        assert connection.request("GET", "/live", headers=asked).status == 401


def test_nothing_of_the_client_but_the_token_reaches_portcullis(gateway, application, mint, tmp_path):
    """The application stands in for Portcullis: it tells what a gateway sends there."""
    judge = type(application)()
    other = Gateway(gateway.name, tmp_path, judge.port, application.port)
    try:
        other.request("POST", "/secret/path?q=1", token="pcs_x", body=b"hello", headers={
            "Cookie": "session=1", "X-Min-Cursor": "1-1", "X-User-ID": "root", "Last-Event-ID": "1-1",
            "X-Anything": "1", "X_Any_Thing": "1"})
        line, pairs = judge.seen[-1]
        sent = {name.lower(): value for name, value in pairs}
        if gateway.name == "apache2":
            assert line.split()[:2] == ["POST", "/api/v1/internal/introspect"]
            assert sent.pop("authorization") == "Basic Z2F0ZXdheTpwY2tfdGVzdA=="  # its own name and key
            assert sent.pop("content-type") == "application/x-www-form-urlencoded"
            sent.pop("content-length")
        else:
            assert line.split()[:2] == ["GET", "/api/v1/internal/verify"]
            assert sent.pop("authorization") == "Bearer pcs_x"
        allowed = {"host", "connection", "user-agent", "accept-encoding", "accept", "content-length"}
        assert set(sent) <= allowed, sent
        assert sent.get("content-length", "0") == "0"
    finally:
        other.stop()
        judge.stop()


def test_without_portcullis_nobody_is_let_in(gateway, application, cluster, mint, tmp_path, tmp_path_factory):
    service = Service(cluster.create_database(), tmp_path_factory.mktemp("service")).start()
    other = Gateway(gateway.name, tmp_path, service.port, application.port)
    try:
        token = service.client("/api/v1/public").post("/sessions/guest").expect(201)["token"]
        assert other.request(token=token).status == 200
        service.kill()
        answer = other.request(token=token)
        if gateway.name == "apache2":
            assert answer.status == 401  # mod_auth_openidc takes no answer for a denial
        else:
            assert answer.status == 503
            assert answer.headers["Retry-After"]
    finally:
        other.stop()
