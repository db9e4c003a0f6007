"""`POST /sessions/lookup`: many sessions by the hashes of their tokens, for an edge that keeps them."""

import hashlib

import pytest

from people import NEVER_MINTED, UNKNOWN_ID, epoch_of, is_cursor, seq_of, telegram
from service import Service

LOOKUP = "/sessions/lookup"
HASHES_MAX = 256
PATIENCE_S = 30


def hash_of(token):
    return hashlib.sha256(token.encode()).hexdigest()


def look_up(service, tokens, **more):
    """The answer, less the age of the replica's knowledge, which is checked."""
    answer = service.gateway.post(LOOKUP, {"hashes": [hash_of(token) for token in tokens], **more}).expect(200)
    assert set(answer) == {"results", "cursor", "log_age_ms"}
    assert is_cursor(answer["cursor"])
    assert type(answer["log_age_ms"]) is int and 0 <= answer["log_age_ms"] < PATIENCE_S * 1000
    return answer


def active(minted):
    session = minted["session"]
    named = {name: session[name] for name in ("session_id", "account_id", "is_guest", "created_at")}
    return {"status": "active", **named, "expires_at": None}


@pytest.fixture(scope="module")
def replica(database, tmp_path_factory):
    """A second service over the module's database."""
    second = Service(database, tmp_path_factory.mktemp("replica")).start()
    yield second
    second.stop()


def test_each_is_answered_in_the_order_asked(service, gateway, mint, public):
    live, guest, dead = mint(), public.post("/sessions/guest").expect(201), mint()
    gateway.post("/sessions/revoke", token=dead["token"]).expect(200)
    asked = [dead["token"], live["token"], NEVER_MINTED, guest["token"], live["token"]]
    revoked, unknown = {"status": "revoked"}, {"status": "unknown"}
    expected = [revoked, active(live), unknown, active(guest), active(live)]
    assert look_up(service, asked)["results"] == expected
    assert look_up(service, reversed(asked))["results"] == expected[::-1]
    assert guest["session"]["is_guest"] and not live["session"]["is_guest"]


def test_what_memory_does_not_hold_is_read_from_the_database(service, replica, mint):
    """Half of them minted elsewhere a moment ago."""
    minted = [mint() for _ in range(20)]
    results = look_up(replica, [each["token"] for each in minted])["results"]
    assert results == [active(each) for each in minted]


def test_none_are_none(service):
    assert look_up(service, [])["results"] == []


def test_as_many_as_are_allowed_and_one_more(service, gateway, mint):
    live = mint()
    tokens = [live["token"]] + [f"never {number}" for number in range(HASHES_MAX - 1)]
    results = look_up(service, tokens)["results"]
    assert results[0] == active(live) and results[1:] == [{"status": "unknown"}] * (HASHES_MAX - 1)
    too_many = {"hashes": [hash_of(token) for token in [*tokens, "one more"]]}
    gateway.post(LOOKUP, too_many).expect_problem(422, "value_unacceptable")


def test_the_cursor_of_a_revocation_elsewhere_is_honoured(service, replica, mint):
    """Ten in a row, since one could be lucky: the answer is never older than the cursor."""
    for _ in range(10):
        dead, live = mint(), mint()
        tokens = [dead["token"], live["token"]]
        assert look_up(replica, tokens)["results"] == [active(dead), active(live)]  # now in the replica's memory
        path = f"/sessions/{dead['session']['session_id']}"
        cursor = service.gateway.delete(path).expect(200)["cursor"]
        assert look_up(replica, tokens, min_cursor=cursor)["results"] == [{"status": "revoked"}, active(live)]


@pytest.mark.parametrize("kind", ["of another history", "past the end"])
def test_a_cursor_that_nobody_was_given_is_answered_by_the_database(service, replica, mint, kind):
    dead, live = mint(), mint()
    look_up(replica, [dead["token"], live["token"]])
    now = service.gateway.post("/sessions/revoke", token=dead["token"]).expect(200)["cursor"]
    epoch, seq = int(epoch_of(now), 16), seq_of(now)
    strange = f"{epoch ^ 1:016x}-{seq}" if kind == "of another history" else f"{epoch:016x}-{seq + 1_000_000}"
    results = look_up(replica, [dead["token"], live["token"]], min_cursor=strange)["results"]
    assert results == [{"status": "revoked"}, active(live)]


GOOD = hash_of("x")
MALFORMED = {
    "nothing": {},
    "no list": {"hashes": GOOD},
    "a number": {"hashes": [7]},
    "too short": {"hashes": [GOOD[1:]]},
    "too long": {"hashes": [GOOD + "0"]},
    "no hexadecimal digit": {"hashes": ["g" + GOOD[1:]]},
    "a token": {"hashes": [NEVER_MINTED]},
    "one of two": {"hashes": [GOOD, ""]},
    "cursor in no form": {"hashes": [GOOD], "min_cursor": "soon"},
    "cursor that is a number": {"hashes": [GOOD], "min_cursor": 7},
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_cannot_be_looked_up_is_refused(gateway, body):
    answer = gateway.post(LOOKUP, body)
    assert answer.status in (400, 422), answer
    answer.expect_problem(answer.status, answer.json["code"])


def test_it_takes_json_by_post_alone(gateway):
    gateway.post(LOOKUP, b"hashes=", headers={"Content-Type": "text/plain"}).expect_problem(415, "media_type_unsupported")
    gateway.put(LOOKUP, {"hashes": []}).expect_problem(405, "method_not_allowed")
    gateway.get(f"/sessions/{UNKNOWN_ID}").expect_problem(404, "session_not_found")


def test_without_the_database_memory_answers_and_what_it_cannot_vouch_for_is_503(cluster, new_service):
    """One that cannot be answered fails all of them: nothing is made up."""
    database = cluster.create_database()
    service = new_service(database, BACKEND_REVOCATION_MAX_STALENESS="10m").start()
    minted = service.gateway.post("/sessions", {"identity": telegram()}).expect(201)
    now = service.gateway.get("/revocations").expect(200)["cursor"]
    with cluster.stopped():
        assert look_up(service, [minted["token"]])["results"] == [active(minted)]
        assert look_up(service, [minted["token"]], min_cursor=now)["results"] == [active(minted)]
        body = {"hashes": [hash_of(minted["token"]), hash_of("in nobody's memory")]}
        answer = service.gateway.post(LOOKUP, body)
        answer.expect_problem(503, answer.json["code"])
        beyond = {"hashes": [hash_of(minted["token"])], "min_cursor": f"{epoch_of(now)}-{seq_of(now) + 1}"}
        answer = service.gateway.post(LOOKUP, beyond)
        answer.expect_problem(503, answer.json["code"])
