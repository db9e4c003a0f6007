"""Rule 7: no answer to the wrong connection, although the system hands the same descriptor to the next client."""

import itertools

import pytest

from people import UNKNOWN_ID, telegram

ROUNDS = 8
CLIENTS = 24
SESSIONS = "/api/v1/internal/sessions"

_nonces = itertools.count(1)


class Caller:
    """A client on a connection of its own whose one request carries a nonce."""

    def __init__(self, service):
        self.nonce = f"nonce-{next(_nonces)}"
        self.connection = service.connect()

    def ask(self, method, path, **parts):
        self.connection.send_request(method, path, headers={"X-Request-Id": self.nonce}, **parts)
        return self

    def expect_own_answer(self, status):
        answer = self.connection.read_response()
        assert answer.headers["X-Request-Id"] == self.nonce
        assert answer.status == status
        return answer


@pytest.mark.parametrize("leave", ["close", "abort"])
def test_who_leaves_early_leaves_no_answer_to_the_next(service, database, leave):
    for _ in range(ROUNDS):
        with database.locked("backend.accounts"):
            leavers = [mint(service) for _ in range(CLIENTS)]
            database.wait_for_blocked_statements()
            for caller in leavers:
                getattr(caller.connection, leave)()
            followers = [mint(service) for _ in range(CLIENTS)]
            bystanders = [Caller(service).ask("GET", "/healthz") for _ in range(CLIENTS)]
            for caller in bystanders:
                caller.expect_own_answer(200)
        for caller in followers:
            answer = caller.expect_own_answer(201).json
            [identity] = answer["account"]["identities"]
            assert identity["external_id"] == caller.identity["external_id"]
        for caller in followers + bystanders:
            assert caller.connection.request("GET", "/healthz", headers={"Connection": "close"}).status == 200
            caller.connection.expect_end()


def mint(service):
    caller = Caller(service)
    caller.identity = telegram()
    return caller.ask("POST", SESSIONS, body={"identity": caller.identity})


def test_a_subscription_is_not_handed_on_with_the_descriptor(service, gateway):
    for _ in range(ROUNDS):
        for stream in [service.subscribe() for _ in range(CLIENTS)]:
            stream.close()
        callers = [Caller(service) for _ in range(CLIENTS)]
        token = gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"]
        gateway.post("/sessions/revoke", token=token).expect(200)
        for caller in callers:
            caller.ask("GET", f"/api/v1/internal/accounts/{UNKNOWN_ID}").expect_own_answer(404)
            caller.connection.close()


def test_a_long_poll_is_not_handed_on_with_the_descriptor(service, gateway):
    for _ in range(ROUNDS):
        for _ in range(CLIENTS):
            Caller(service).ask("GET", "/api/v1/internal/revocations?wait=30").connection.close()
        callers = [Caller(service) for _ in range(CLIENTS)]
        token = gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"]
        gateway.post("/sessions/revoke", token=token).expect(200)
        for caller in callers:
            caller.ask("GET", "/healthz").expect_own_answer(200)
            caller.connection.close()
