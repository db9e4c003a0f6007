"""An outsider's headers, which a gateway copies onto its question to `/verify`: none of them breaks the guard, none
lets a dead token through, and none costs a look-up in the database."""

import re

import pytest

from http_client import encode_request
from nginx import Nginx, configuration_of_readme
from people import NEVER_MINTED

KIB = 1024
EPOCH = "0123456789abcdef"
STATEMENTS_SPARED = 20  # of a hundred requests: what the service asks of its database by itself stays below

OUTSIDERS = {
    "a cursor that is none": ["X-Min-Cursor: x"],
    "two cursors": ["X-Min-Cursor: x", "X-Min-Cursor: y"],
    "a cursor of another history": [f"X-Min-Cursor: {EPOCH}-5"],
    "two users": ["X-User-ID: root", "X-User-ID: admin"],
    "two sessions": ["X-Session-ID: a", "X-Session-ID: b"],
    "two last events": ["Last-Event-ID: a", "Last-Event-ID: b"],
    "two media types": ["Content-Type: text/plain", "Content-Type: what"],
    "a media type in no form": ["Content-Type: ;;;"],
    "21 KiB of cookies": ["Cookie: " + "c" * 21 * KIB],
    "60 KiB of cookies": ["Cookie: " + "c" * 60 * KIB],
    "hundreds of fields": [f"X-Filler-{number}: x" for number in range(400)],
    "a trace in no form": ["traceparent: 00-zz", "tracestate: ,,"],
    "an id in no form": ["X-Request-Id: (none)"],
    "a wish for a stream": ["Accept: text/event-stream", "Accept-Encoding: br"],
}


def ask(service, target, token, fields, method="GET"):
    """One request with `fields` as they are, some of them twice."""
    request = encode_request(method, target, token=token)
    with service.connect() as connection:
        connection.send(request[:-2] + "".join(f"{field}\r\n" for field in fields).encode() + b"\r\n")
        return connection.read_response(method)


@pytest.fixture(scope="module", params=["as documented", "less what it strips"])
def guard(request, service, tmp_path_factory):
    """nginx as the README has it; and without the lines that keep things from the guard, as others will have it."""
    kept_from_guard = ("Cookie", 'X-Min-Cursor ""', 'X-User-ID ""', 'X-Session-ID ""')
    without = () if request.param == "as documented" else kept_from_guard
    nginx = Nginx(
        tmp_path_factory.mktemp("nginx"), lambda port: configuration_of_readme(port, service.port, without)
    )
    yield nginx
    nginx.stop()


@pytest.fixture
def dead(gateway, mint):
    minted = mint()
    gateway.post("/sessions/revoke", token=minted["token"]).expect(200)
    return minted


@pytest.mark.parametrize("fields", OUTSIDERS.values(), ids=OUTSIDERS.keys())
def test_they_change_nothing_behind_nginx(guard, mint, dead, fields):
    minted = mint()
    seen = ask(guard, "/", minted["token"], fields).expect(200)
    assert seen == {
        "user": minted["account"]["account_id"],
        "session": minted["session"]["session_id"],
        "guest": "false",
    }
    for token in (dead["token"], NEVER_MINTED, "x", None):
        assert ask(guard, "/", token, fields).status == 401


@pytest.mark.parametrize("fields", OUTSIDERS.values(), ids=OUTSIDERS.keys())
def test_they_change_nothing_when_asked_directly(service, mint, dead, fields):
    minted = mint()
    for method in ("GET", "POST"):
        answer = ask(service, "/api/v1/internal/verify/x?y", minted["token"], fields, method)
        assert (answer.status, answer.body) == (200, b""), answer
        assert answer.headers["X-User-ID"] == minted["account"]["account_id"]
        for token in (dead["token"], NEVER_MINTED, "x", None):
            assert ask(service, "/api/v1/internal/verify", token, fields, method).status == 401


def statements(service):
    metrics = service.http.get("/metrics").body.decode()
    return int(re.search(r"^portcullis_db_operations_total (\d+)$", metrics, re.MULTILINE)[1])


@pytest.mark.parametrize("cursor", [f"{EPOCH}-5", "past the end"])
def test_a_strange_cursor_does_not_reach_the_database(guard, gateway, service, mint, cursor):
    token = mint()["token"]
    gateway.get("/sessions/resolve", token=token).expect(200)  # in memory
    if cursor == "past the end":
        epoch = gateway.get("/revocations").expect(200)["cursor"].partition("-")[0]
        cursor = f"{epoch}-999999"
    before = statements(service)
    for _ in range(100):
        assert ask(guard, "/", token, [f"X-Min-Cursor: {cursor}"]).status == 200
    assert statements(service) - before < STATEMENTS_SPARED
    for _ in range(STATEMENTS_SPARED):  # the control: resolve does read it
        gateway.get("/sessions/resolve", token=token, headers={"X-Min-Cursor": cursor}).expect(200)
    assert statements(service) - before >= STATEMENTS_SPARED


def test_64_kib_of_headers_are_taken_and_more_are_not(service, mint):
    token = mint()["token"]
    fields = ["Cookie: " + "c" * 63 * KIB]
    assert ask(service, "/api/v1/internal/verify", token, fields).status == 200
    answer = ask(service, "/api/v1/internal/verify", token, fields + ["X-Filler: " + "x" * KIB])
    answer.expect_problem(431, "headers_too_large")
