"""`portcullis edge`: the same answers as the service's, beside a gateway, and what happens when the service is away."""

import hashlib
import re
import time

import pytest

from people import NEVER_MINTED
from service import free_port, run_command
from tap import Tap
from test_probes import samples
from waiting import eventually

STALENESS_S = 2

BRISK = {"GATEWAY_REVOCATION_POLL_INTERVAL": "100ms"}
HASTY = {  # of an edge whose service hangs: a machine that stands still looks the same to it
    "GATEWAY_BACKEND_CONNECT_TIMEOUT": "500ms",
    "GATEWAY_BACKEND_ATTEMPT_TIMEOUT": "500ms",
    "GATEWAY_BACKEND_OPERATION_TIMEOUT": "1s",
}
SHORT = {**BRISK, "GATEWAY_REVOCATION_MAX_STALENESS": f"{STALENESS_S}s"}
LONG = {**BRISK, "GATEWAY_REVOCATION_MAX_STALENESS": "10m"}


def verify(edge, token, **headers):
    return edge.gateway.get("/verify/any/path?of=theirs", token=token, headers=headers)


def introspect(edge, token):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return edge.gateway.post("/introspect", f"token={token}".encode(), headers=form)


def revoke(service, minted):
    path = f"/sessions/{minted['session']['session_id']}"
    return service.gateway.delete(path, {"reason": "stolen"}).expect(200)


def becomes(edge, minted, status, code=None):
    """Waits until the edge answers with `status`."""
    answer = eventually(
        lambda: (got := edge.resolve(minted["token"])).status == status and got, f"the edge answers {status}"
    )
    if code:
        answer.expect_problem(status, code)


@pytest.fixture
def own_service(database, new_service):
    """A service that a test may stop and kill."""
    service = new_service(database).start()
    yield service
    if service.is_running:
        service.proceed()


@pytest.fixture
def tap(service):
    tap = Tap(service.port)
    yield tap
    tap.stop()


# -- what it answers


def test_it_answers_as_the_service_does(service, edge, mint):
    minted = mint()
    token, session = minted["token"], minted["session"]
    assert edge.resolve(token).expect(200) == service.resolve(token).expect(200)
    verified = verify(edge, token)
    assert (verified.status, verified.body) == (200, b"")
    assert verified.headers["X-User-ID"] == minted["account"]["account_id"]
    assert verified.headers["X-Session-ID"] == session["session_id"]
    assert introspect(edge, token).expect(200) == introspect(service, token).expect(200)
    assert introspect(edge, token).json["active"] is True


def test_it_denies_as_the_service_does(edge):
    edge.resolve(NEVER_MINTED).expect_problem(401, "session_unknown")
    verify(edge, NEVER_MINTED).expect_problem(401, "session_unknown")
    assert introspect(edge, NEVER_MINTED).expect(200) == {"active": False}
    edge.gateway.get("/verify").expect_problem(401, "token_missing")
    verify(edge, "nonsense").expect_problem(401, "token_malformed")


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/api/v1/internal/sessions"),
        ("POST", "/api/v1/internal/sessions/lookup"),
        ("GET", "/api/v1/internal/revocations"),
        ("DELETE", "/api/v1/internal/accounts/01890000-0000-7000-8000-000000000000/sessions"),
        ("GET", "/api/v1/user/sessions"),
        ("GET", "/api/v1/public/version"),
        ("GET", "/"),
    ],
)
def test_other_routes_are_not_there(edge, method, path):
    edge.http.request(method, path).expect_problem(404, "route_unknown")


def test_probes(edge):
    assert edge.http.get("/healthz").expect(200) == {"status": "ok"}
    ready = edge.http.get("/readyz").expect(200)
    assert ready["checks"] == {"service": "ok", "cache": "ok", "revocations": "ok"}
    assert 0 <= ready["lag"]["revocations_ms"] < 30_000


def test_metrics_count_what_memory_answers(edge, mint):
    minted = mint()
    edge.resolve(minted["token"]).expect(200)
    before = samples(edge.http)["portcullis_session_cache_hits_total"]
    for _ in range(10):
        verify(edge, minted["token"])
    assert samples(edge.http)["portcullis_session_cache_hits_total"] >= before + 10
    actors = re.findall(r'^portcullis_mailbox_messages{actor="(\w+)"} \d', edge.http.get("/metrics").body.decode(), re.M)
    assert sorted(actors) == ["http_front", "revocation_feed", "service_loader", "session_cache"]


# -- revocations


def test_a_revocation_at_the_service_ends_the_session_at_the_edge(service, edge, mint):
    for _ in range(5):
        minted = mint()
        edge.resolve(minted["token"]).expect(200)
        revoke(service, minted)
        becomes(edge, minted, 401, "session_revoked")
        verify(edge, minted["token"]).expect_problem(401, "session_revoked")
        assert introspect(edge, minted["token"]).expect(200) == {"active": False}


def test_who_brings_the_cursor_is_never_told_of_an_older_state(service, edge, mint):
    for _ in range(10):
        minted = mint()
        edge.resolve(minted["token"]).expect(200)
        headers = {"X-Min-Cursor": revoke(service, minted)["cursor"]}
        answer = edge.gateway.get("/sessions/resolve", token=minted["token"], headers=headers)
        answer.expect_problem(401, "session_revoked")


def test_a_cursor_that_the_edge_does_not_reach_is_asked_of_the_service(tap, new_edge, service, mint):
    edge = new_edge([tap], **LONG).start()
    live, dead = mint(), mint()
    for each in (live, dead):
        becomes(edge, each, 200)
    tap.refused = b"GET /api/v1/internal/revocations"
    eventually(lambda: tap.refusals, "the feed is cut")
    headers = {"X-Min-Cursor": revoke(service, dead)["cursor"]}
    edge.resolve(dead["token"]).expect(200)  # within the bound, to who brings no cursor
    of_another_history = {"X-Min-Cursor": "00000000000000ff-1"}

    def status(minted, fields):
        """The feed that fails may have the edge pause before it asks the service again: 503."""
        answer = edge.gateway.get("/sessions/resolve", token=minted["token"], headers=fields)
        return answer.status if answer.status != 503 else None

    assert eventually(lambda: status(live, headers), "the service is asked") == 200
    assert eventually(lambda: status(dead, headers), "the service is asked") == 401
    edge.resolve(dead["token"]).expect_problem(401, "session_revoked")
    assert eventually(lambda: status(live, of_another_history), "the service is asked") == 200


def test_the_revocation_of_all_that_an_account_has(service, edge, mint):
    first = mint()
    account_id = first["account"]["account_id"]
    all_of_them = [first, mint(account_id=account_id), mint(account_id=account_id)]
    other = mint()
    for each in [*all_of_them, other]:
        edge.resolve(each["token"]).expect(200)
    service.gateway.delete(f"/accounts/{account_id}/sessions").expect(200)
    for each in all_of_them:
        becomes(edge, each, 401, "session_revoked")
    later = mint(account_id=account_id)
    edge.resolve(later["token"]).expect(200)
    edge.resolve(other["token"]).expect(200)


# -- what travels inward


def test_no_token_travels_inward(tap, new_edge, mint, service):
    edge = new_edge([tap], **BRISK).start()
    secret = "SECRETCOOKIE"
    minted = [mint() for _ in range(6)]
    for number, each in enumerate(minted):
        ask = [edge.resolve, lambda token: verify(edge, token, Cookie=secret), lambda token: introspect(edge, token)]
        assert ask[number % 3](each["token"]).status == 200
    revoke(service, minted[0])
    becomes(edge, minted[0], 401, "session_revoked")
    verify(edge, NEVER_MINTED).expect_problem(401, "session_unknown")
    for token in [*(each["token"] for each in minted), NEVER_MINTED]:
        assert token.encode() not in tap.received
        assert hashlib.sha256(token.encode()).hexdigest().encode() in tap.received
    assert b"pcs_" not in tap.received and secret.encode() not in tap.received
    assert b"authorization" not in tap.received.lower()


# -- the service is away


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_known_sessions_go_on_until_the_bound(own_service, new_edge, how):
    short, long = (new_edge([own_service], **{**HASTY, **bound}).start() for bound in (SHORT, LONG))
    body = {"identity": {"kind": "telegram", "external_id": str(free_port())}}
    known, unknown = (own_service.gateway.post("/sessions", body).expect(201) for _ in range(2))
    for edge in (short, long):
        becomes(edge, known, 200)
    if how == "killed":
        own_service.kill()
    else:
        own_service.freeze()
    gone_at = time.monotonic()
    long.resolve(unknown["token"]).expect_unavailable()
    long.resolve(known["token"]).expect(200)
    while time.monotonic() < gone_at + STALENESS_S:
        assert short.resolve(known["token"]).status in (200, 503)
    short.resolve(known["token"]).expect_unavailable()
    verify(short, known["token"]).expect_unavailable()
    assert short.http.get("/readyz").status == 503
    long.resolve(known["token"]).expect(200)
    if how == "killed":
        own_service.start()
    else:
        own_service.proceed()
    for edge in (short, long):
        becomes(edge, known, 200)
        becomes(edge, unknown, 200)
        edge.wait_until_ready()
    revoke(own_service, known)
    for edge in (short, long):
        becomes(edge, known, 401, "session_revoked")


def test_live_sessions_go_on_past_the_bound_if_told_so(own_service, new_edge):
    edge = new_edge([own_service], **{**SHORT, "GATEWAY_FAIL_STATIC": "1h"}).start()
    body = {"identity": {"kind": "telegram", "external_id": str(free_port())}}
    known, unknown = (own_service.gateway.post("/sessions", body).expect(201) for _ in range(2))
    becomes(edge, known, 200)
    own_service.kill()

    def is_static():
        ready = edge.http.get("/readyz")
        return ready.json["checks"]["revocations"] == "static" and ready

    eventually(is_static, "the bound is over").expect(503)
    for _ in range(3):
        edge.resolve(known["token"]).expect(200)
        edge.resolve(unknown["token"]).expect_problem(503, "database_unavailable")
    own_service.start()
    edge.wait_until_ready()
    revoke(own_service, known)
    becomes(edge, known, 401, "session_revoked")
    edge.stop()  # all lines are written
    told = re.findall("fail-static (begins|ends)", edge.log)
    assert told and told == ["begins", "ends"] * (len(told) // 2)  # each time is told of once


def test_without_the_feed_each_decision_is_asked_of_the_service(tap, new_edge, service, mint):
    edge = new_edge([tap], **SHORT).start()
    live, dead = mint(), mint()
    for each in (live, dead):
        edge.resolve(each["token"]).expect(200)
    tap.refused = b"GET /api/v1/internal/revocations"
    eventually(lambda: tap.refusals, "the feed is cut")
    revoke(service, dead)
    becomes(edge, dead, 401, "session_revoked")
    eventually(lambda: edge.http.get("/readyz").status == 503, "the edge tells that it does not hear the feed")
    becomes(edge, live, 200)  # a feed that fails may have it pause before it asks again
    assert samples(edge.http)["portcullis_session_cache_read_throughs_total"] > 0
    tap.refused = None
    edge.wait_until_ready()
    becomes(edge, live, 200)
    becomes(edge, dead, 401, "session_revoked")


def test_a_restarted_edge_knows_what_ended_meanwhile(new_edge, service, mint):
    edge = new_edge([service], **BRISK).start()
    live, dead = mint(), mint()
    for each in (live, dead):
        edge.resolve(each["token"]).expect(200)
    edge.stop()
    revoke(service, dead)
    edge.start()
    edge.resolve(live["token"]).expect(200)
    edge.resolve(dead["token"]).expect_problem(401, "session_revoked")


def test_an_edge_that_starts_before_its_service(database, new_service, new_edge):
    service = new_service(database)
    edge = new_edge([service], **BRISK).start_unready()
    edge.resolve(NEVER_MINTED).expect_problem(503, "database_unavailable")
    assert edge.http.get("/readyz").status == 503
    service.start()
    edge.wait_until_ready()
    eventually(lambda: edge.resolve(NEVER_MINTED).status == 401, "the service is asked")


def test_of_two_services_one_hangs(service, own_service, new_edge, mint):
    edge = new_edge([own_service, service], **{**HASTY, **SHORT}).start()
    before = mint()
    becomes(edge, before, 200)
    own_service.freeze()
    after = mint()
    becomes(edge, after, 200)
    revoke(service, before)
    becomes(edge, before, 401, "session_revoked")
    edge.wait_until_ready()
    own_service.proceed()
    becomes(edge, after, 200)
    revoke(own_service, after)
    becomes(edge, after, 401, "session_revoked")


# -- configuration


def test_each_problem_of_a_bad_configuration_is_a_line():
    bad = {
        "GATEWAY_BACKEND_URL": "ftp://nowhere",
        "GATEWAY_SESSION_CACHE_TTL": "for ever",
        "GATEWAY_REVOCATION_MAX_STALENESS": "0",
    }
    done = run_command("edge", **bad)
    assert done.returncode == 1 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == len(bad), done.stderr
    for name in bad:
        assert sum(name in line for line in lines) == 1, done.stderr


def test_an_edge_must_be_told_where_the_service_is():
    done = run_command("edge")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "GATEWAY_BACKEND_URL" in done.stderr
