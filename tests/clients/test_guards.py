"""Handlers behind each client's guard: whose token is a live session's gets through, the others are told why not."""

import contextlib

import pytest

from http_client import Connection
from people import ANOTHER_NEVER_MINTED, NEVER_MINTED
from players import Player
from service import Service
from waiting import eventually, in_time

AGE_S = 2

# Where each language's program has a handler behind another kind of guard.
PATHS = {"node": ["/", "/fetch", "/hono"]}

OF_A_CALLER = 'Bearer realm="portcullis"'
OF_A_TOKEN = 'Bearer realm="portcullis", error="invalid_token"'


class Guarded:
    """A program with a handler behind a guard."""

    def __init__(self, programs, service):
        self._player = Player(programs.guarded, f"http://127.0.0.1:{service.port}")
        self.port = int(self._player.next_line())
        self.paths = PATHS.get(programs.language, ["/"])

    def get(self, token=None, path="/", **headers):
        with Connection(self.port) as connection:
            return connection.request("GET", path, token=token, headers=headers)

    def decide(self, token, path="/", **headers):
        """What the service says of the token: while the machine stands still, the guard has nobody to ask."""
        return eventually(
            lambda: (answer := self.get(token, path, **headers)).status != 503 and answer, "the service is asked"
        )

    def stop(self):
        self._player.kill()


@contextlib.contextmanager
def guarding(programs, service):
    guarded = Guarded(programs, service)
    try:
        yield guarded
    finally:
        guarded.stop()


@pytest.fixture
def guarded(programs, service):
    with guarding(programs, service) as each:
        yield each


def mint(service):
    return service.client("/api/v1/public").post("/sessions/guest").expect(201)


def mistyped(token):
    """With another last digit, which is of the checksum."""
    return token[:-1] + ("0" if token[-1] != "0" else "1")


def expect_refused(answer, code, challenge=OF_A_TOKEN):
    answer.expect_problem(401, code)
    assert answer.headers["WWW-Authenticate"] == challenge
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_handler_knows_whose_token_it_is(service, guarded):
    minted = mint(service)
    session_id, account_id = minted["session"]["session_id"], minted["account"]["account_id"]
    for path in guarded.paths:
        whose = guarded.decide(minted["token"], path, **{"X-User-ID": "somebody else"}).expect(200)
        assert whose == {"account_id": account_id, "session_id": session_id}
        guarded.decide(None, path, Authorization=f"bEARER   {minted['token']}").expect(200)


def test_who_has_no_live_session_is_told_why(service, guarded):
    dead = mint(service)
    guarded.decide(dead["token"]).expect(200)
    service.gateway.delete(f"/sessions/{dead['session']['session_id']}").expect(200)
    for path in guarded.paths:
        expect_refused(guarded.get(path=path), "token_missing", OF_A_CALLER)
        expect_refused(guarded.get(path=path, Authorization="Basic eDp5"), "token_missing", OF_A_CALLER)
        expect_refused(guarded.get("pcs_short", path), "token_malformed")
        expect_refused(guarded.get(mistyped(NEVER_MINTED), path), "token_malformed")
        expect_refused(guarded.decide(NEVER_MINTED, path), "session_unknown")
        eventually(lambda: guarded.get(dead["token"], path).status == 401, "the end is heard of")
        expect_refused(guarded.decide(dead["token"], path), "session_revoked")


def test_of_two_tokens_none_counts(service, guarded):
    token = mint(service)["token"]
    for path in guarded.paths:
        fields = f"Authorization: Bearer {token}\r\n" * 2
        with Connection(guarded.port) as connection:
            connection.send(f"GET {path} HTTP/1.1\r\nHost: guarded\r\n{fields}\r\n".encode())
            assert connection.read_response().status in (400, 401)


def test_while_nobody_can_say_memory_answers_and_else_it_is_503(cluster, programs, tmp_path):
    service = Service(cluster.create_database(), tmp_path).start()
    with guarding(programs, service) as guarded:
        dead = mint(service)["token"]
        guarded.decide(dead).expect(200)
        service.gateway.post("/sessions/revoke", token=dead).expect(200)
        eventually(lambda: guarded.get(dead).status == 401, "the end is heard of")
        service.kill()
        for path in guarded.paths:
            expect_refused(guarded.get(mistyped(ANOTHER_NEVER_MINTED), path), "token_malformed")  # asks nobody
            answer = guarded.get(ANOTHER_NEVER_MINTED, path)
            answer.expect_problem(503, "history_stale")
            assert answer.headers["Retry-After"] == "1"
            expect_refused(guarded.get(dead, path), "session_revoked")


def test_a_session_ends_by_itself(cluster, programs, tmp_path):
    service = Service(cluster.create_database(), tmp_path, BACKEND_GUEST_SESSION_MAX_AGE=f"{AGE_S}s").start()
    with guarding(programs, service) as guarded:

        def mint_and_see():
            token = mint(service)["token"]
            guarded.decide(token).expect(200)
            return token

        token = in_time(AGE_S, mint_and_see)
        eventually(lambda: guarded.get(token).status == 401, "it has expired")
        service.resolve(token).expect_problem(401, "session_expired")
        for path in guarded.paths:
            expect_refused(guarded.decide(token, path), "session_expired")
    service.stop()
