"""What a peer can make the service hold is bounded, for each connection and for all of them."""

import contextlib
import json
import re

import pytest

from http_client import HANG_S, encode_request
from people import telegram

pytestmark = pytest.mark.uninstrumented  # what a sanitizer keeps to itself counts as resident, too

MIB = 1024 * 1024
CROWD = 20
PIPELINED = 63  # behind one that waits: as many as a connection may have in flight
ACCOUNT_SESSIONS = 130
GROWTH_MAX = 60 * MIB  # it was 612 MiB when answers that wait for an earlier one were counted nowhere
LIST_BYTES_MIN = 80_000  # of one list: all of them are far beyond the bound

HELD_MAX = 16 * MIB
CROWD_OF_HALVES = 500
READ_BYTES_MAX = 8192  # a connection may bring as much before it is refused


def resident_bytes(service):
    metrics = service.http.get("/metrics").body.decode()
    return int(float(re.search(r"^process_resident_memory_bytes (\S+)$", metrics, re.MULTILINE)[1]))


def account_with_many_sessions(service):
    first = service.gateway.post("/sessions", {"identity": telegram()}).expect(201)
    account_id = first["account"]["account_id"]
    body = json.dumps({"account_id": account_id, "device": {"label": "l" * 120, "user_agent": "u" * 500}}).encode()
    headers = {"Content-Type": "application/json"}
    with service.connect() as connection:
        for _ in range(ACCOUNT_SESSIONS):
            answer = connection.request("POST", "/api/v1/internal/sessions", body=body, headers=headers)
            assert answer.status == 201
    return account_id


def test_long_answers_behind_one_that_waits_are_not_held(database, new_service):
    service = new_service(database, BACKEND_HTTP_WRITE_TIMEOUT="5m").start()
    account_id = account_with_many_sessions(service)
    path = f"/accounts/{account_id}/sessions?limit={ACCOUNT_SESSIONS}"
    size = len(service.gateway.get(path).body)
    assert size > LIST_BYTES_MIN
    before = resident_bytes(service)
    poll = encode_request("GET", "/api/v1/internal/revocations?wait=20")
    pipeline = poll + encode_request("GET", f"/api/v1/internal{path}") * PIPELINED
    with contextlib.ExitStack() as crowd:
        connections = [crowd.enter_context(service.connect()) for _ in range(CROWD)]
        for connection in connections:
            connection.send(pipeline)
        most = before
        for _ in range(100):  # each takes a moment: time enough for all lists to be read from the database
            most = max(most, resident_bytes(service))
            service.gateway.get(path).expect(200)
        assert CROWD * PIPELINED * size > 2 * GROWTH_MAX
        assert most - before < GROWTH_MAX, f"grew by {(most - before) // MIB} MiB"
        revoked = service.gateway.post("/sessions", {"identity": telegram()}).expect(201)
        service.gateway.post("/sessions/revoke", token=revoked["token"]).expect(200)  # ends the polls
        for connection in connections:
            answers = [connection.read_response() for _ in range(1 + PIPELINED)]
            assert [answer.status for answer in answers] == [200] * (1 + PIPELINED)
            assert "events" in answers[0].json and all(len(answer.body) == size for answer in answers[1:])
        assert resident_bytes(service) - before < GROWTH_MAX


def test_all_connections_together_hold_no_more_than_they_may(database, new_service):
    """Half requests of many: past the bound they are refused, and what goes is given back."""
    service = new_service(database, BACKEND_HTTP_MAX_HELD_BYTES=str(HELD_MAX)).start()
    headers = {"Content-Type": "application/json", "Content-Length": "60000"}
    half = encode_request("POST", "/api/v1/public/sessions/guest", headers=headers) + b" " * 59_000
    with contextlib.ExitStack() as crowd:
        connections = [crowd.enter_context(service.connect()) for _ in range(CROWD_OF_HALVES)]
        for connection in connections:
            with contextlib.suppress(OSError):  # refused, and closed meanwhile
                connection.send(half)
            connection.set_timeout(0.01)
        assert held_bytes(service) <= HELD_MAX + CROWD_OF_HALVES * READ_BYTES_MAX
        refused = [connection for connection in connections if connection.has_input()]
        assert refused
        for connection in refused[:10]:
            connection.set_timeout(HANG_S)
            connection.read_response().expect_problem(503, "overloaded")
        service.http.get("/healthz").expect(200)
    service.client("/api/v1/public").post("/sessions/guest").expect(201)


def held_bytes(service):
    metrics = service.http.get("/metrics").body.decode()
    return int(re.search(r"^portcullis_http_held_bytes (\d+)$", metrics, re.MULTILINE)[1])
