"""Lifetimes: a session that is as old as it may grow is over, wherever it is asked for."""

import datetime
from urllib.parse import urlencode

import pytest

from http_client import exchange
from people import UNKNOWN_ID, email, is_cursor, parse_time
from test_edge import BRISK
from test_lookup import hash_of
from waiting import eventually, in_time

AGE_S = 3
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def database(cluster):
    return cluster.create_database()


def introspect(service, token, path="/api/v1/internal/introspect"):
    return service.http.post(path, urlencode({"token": token}).encode(), headers=FORM).expect(200)


def look_up(service, token):
    return service.gateway.post("/sessions/lookup", {"hashes": [hash_of(token)]}).expect(200)["results"][0]


def mint(service, **more):
    return service.gateway.post("/sessions", {"identity": email(), **more}).expect(201)


def mint_seen_alive(service, *others):
    """A session that each of them has seen alive, and holds in memory if it can, though it is soon over."""

    def mint_and_see():
        minted = mint(service)
        for each in (service, *others):
            each.resolve(minted["token"]).expect(200)
        return minted

    return in_time(AGE_S, mint_and_see)


def expires(shown):
    return parse_time(shown["expires_at"]) - parse_time(shown["created_at"])


def expect_expired(service, minted):
    token = minted["token"]
    answer = service.gateway.get("/sessions/resolve", token=token)
    answer.expect_problem(401, "session_expired")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    service.gateway.get("/verify", token=token).expect_problem(401, "session_expired")
    for path in ("/api/v1/internal/introspect", "/oauth2/introspect"):
        assert introspect(service, token, path) == {"active": False}


def test_everywhere_a_session_is_shown_it_tells_when_it_expires(database, new_service):
    service = new_service(database, BACKEND_SESSION_MAX_AGE="1h", BACKEND_GUEST_SESSION_MAX_AGE="30m").start()
    minted = mint(service)
    session, token, account_id = minted["session"], minted["token"], minted["account"]["account_id"]
    assert expires(session) == datetime.timedelta(hours=1)
    assert service.resolve(token).expect(200)["expires_at"] == session["expires_at"]
    assert look_up(service, token)["expires_at"] == session["expires_at"]
    shown = service.gateway.get(f"/sessions/{session['session_id']}").expect(200)["session"]
    listed = service.gateway.get(f"/accounts/{account_id}/sessions").expect(200)["sessions"]
    own = service.as_user(account_id, session["session_id"]).get("/sessions").expect(200)["sessions"]
    assert [each["expires_at"] for each in [shown, *listed, *own]] == [session["expires_at"]] * 3
    for path in ("/api/v1/internal/introspect", "/oauth2/introspect"):
        assert introspect(service, token, path)["exp"] == int(parse_time(session["expires_at"]).timestamp())
    guest = service.http.post("/api/v1/public/sessions/guest").expect(201)
    assert expires(guest["session"]) == datetime.timedelta(minutes=30)
    linked = service.gateway.post(
        f"/accounts/{guest['account']['account_id']}/identities",
        {**email(), "rotate": True},
        token=guest["token"],
    ).expect(201)
    assert expires(linked["session"]) == datetime.timedelta(hours=1)


def test_sessions_do_not_expire_by_default(database, new_service):
    service = new_service(database).start()
    minted = mint(service)
    assert minted["session"]["expires_at"] is None
    assert service.resolve(minted["token"]).expect(200)["expires_at"] is None
    assert look_up(service, minted["token"])["expires_at"] is None
    assert "exp" not in introspect(service, minted["token"])


def test_an_old_session_is_over_in_memory_and_in_the_database(database, new_service):
    settings = {"BACKEND_SESSION_MAX_AGE": f"{AGE_S}s"}
    service = new_service(database, **settings).start()
    forgetful = new_service(database, BACKEND_SESSION_CACHE_MAX_ENTRIES="1", **settings).start()
    minted = mint_seen_alive(service, forgetful)
    spared = service.http.post("/api/v1/public/sessions/guest").expect(201)
    eventually(lambda: service.resolve(minted["token"]).status == 401, "the session is over")
    expect_expired(service, minted)
    eventually(lambda: forgetful.resolve(minted["token"]).status == 401, "the session is over")
    forgetful.resolve(spared["token"]).expect(200)  # takes the place in memory
    expect_expired(forgetful, minted)
    for each in (service, forgetful):
        assert look_up(each, minted["token"]) == {"status": "expired"}
        each.resolve(spared["token"]).expect(200)
    account_id, session_id = minted["account"]["account_id"], minted["session"]["session_id"]
    assert service.gateway.get(f"/accounts/{account_id}/sessions").expect(200)["sessions"] == []
    shown = service.gateway.get(f"/sessions/{session_id}").expect(200)["session"]
    assert shown["expires_at"] == minted["session"]["expires_at"] and "revoked_at" not in shown
    service.as_user(account_id, session_id).get("/account").expect_problem(401, "session_expired")


def test_a_revocation_ends_what_has_expired_for_good(database, new_service):
    service = new_service(database, BACKEND_SESSION_MAX_AGE="1s").start()
    minted = mint(service)
    eventually(lambda: service.resolve(minted["token"]).status == 401, "the session is over")
    service.gateway.post("/sessions/revoke", token=minted["token"]).expect(200)
    service.resolve(minted["token"]).expect_problem(401, "session_revoked")
    service.stop()
    lenient = new_service(database).start()
    lenient.resolve(minted["token"]).expect_problem(401, "session_revoked")


def test_an_edge_honours_what_the_service_says(database, new_service, new_edge):
    service = new_service(database, BACKEND_SESSION_MAX_AGE=f"{AGE_S}s").start()
    edge = new_edge([service], **BRISK).start()

    def mint_and_see():
        minted = mint(service)
        return minted, edge.resolve(minted["token"]).expect(200)

    minted, at_edge = in_time(AGE_S, mint_and_see)
    assert at_edge["expires_at"] == minted["session"]["expires_at"]
    eventually(lambda: edge.resolve(minted["token"]).status == 401, "the edge ends the session")
    edge.gateway.get("/verify", token=minted["token"]).expect_problem(401, "session_expired")
    late = new_edge([service], **BRISK).start()  # which never saw it alive
    late.resolve(minted["token"]).expect_problem(401, "session_expired")
    late.resolve(minted["token"]).expect_problem(401, "session_expired")


def test_an_answer_that_may_be_kept_ends_with_the_session(database, new_service):
    settings = {"BACKEND_VERDICT_MAX_AGE": "10m", "BACKEND_REVOCATION_MAX_STALENESS": "10m"}
    service = new_service(database, BACKEND_SESSION_MAX_AGE="5m", **settings).start()
    minted = mint(service)
    token, over_at = minted["token"], parse_time(minted["session"]["expires_at"]).timestamp()

    def kept_for():
        return exchange(service.port, "GET", "/api/v1/internal/verify", token=token).headers.get("X-Accel-Expires")

    eventually(kept_for, "answers may be kept")
    assert 0 < int(kept_for()) <= 300  # rather than the ten minutes of the setting
    path = "/api/v1/internal/introspect"
    said = exchange(service.port, "POST", path, body=urlencode({"token": token}).encode(), headers=FORM).json
    assert said["exp"] <= over_at


def test_the_sweep_takes_what_expired_after_its_retention(database, new_service):
    service = new_service(
        database,
        BACKEND_SESSION_MAX_AGE="1s",
        BACKEND_REVOKED_RETENTION="1s",
        BACKEND_GUEST_REAP_INTERVAL="1s",
    ).start()
    minted = mint(service)
    path = f"/sessions/{minted['session']['session_id']}"
    eventually(lambda: service.gateway.get(path).status == 404, "the row is gone")
    service.gateway.get(f"/accounts/{minted['account']['account_id']}").expect(200)


# -- how many of an account ------------------------------------------------------------------------------------


def test_a_new_session_ends_the_oldest_past_the_bound(database, new_service):
    service = new_service(database, BACKEND_SESSIONS_PER_ACCOUNT_MAX="2").start()
    replica = new_service(database, BACKEND_SESSIONS_PER_ACCOUNT_MAX="2").start()
    oldest = mint(service)
    account_id = oldest["account"]["account_id"]
    again = {"account_id": account_id}
    start = service.gateway.get("/revocations").expect(200)["cursor"]
    second = service.gateway.post("/sessions", again)
    assert "X-Revocation-Cursor" not in second.headers
    replica.resolve(oldest["token"]).expect(200)
    answer = service.gateway.post("/sessions", again)
    third, cursor = answer.expect(201), answer.headers["X-Revocation-Cursor"]
    assert is_cursor(cursor)
    service.resolve(oldest["token"]).expect_problem(401, "session_revoked")
    replica.gateway.get("/sessions/resolve", token=oldest["token"], headers={"X-Min-Cursor": cursor}).expect_problem(
        401, "session_revoked"
    )
    events = service.gateway.get(f"/revocations?cursor={start}&wait=30").expect(200)["events"]
    told = [(each["session_id"], each["reason"]) for each in events if each["account_id"] == account_id]
    assert told == [(oldest["session"]["session_id"], "superseded")]
    for living in (second.expect(201), third):
        service.resolve(living["token"]).expect(200)


# -- whose session it is ---------------------------------------------------------------------------------------


def test_a_session_and_a_user_that_do_not_match_act_for_nobody(database, new_service):
    service = new_service(database).start()
    ada, bob = mint(service), mint(service)
    ids = [each["account"]["account_id"] for each in (ada, bob)]
    sessions = [each["session"]["session_id"] for each in (ada, bob)]
    service.as_user(ids[0], sessions[0]).get("/account").expect(200)
    for session_id in (sessions[1], UNKNOWN_ID):
        forged = service.as_user(ids[0], session_id)
        forged.get("/account").expect_problem(401, "session_unknown")
        forged.get("/sessions").expect_problem(401, "session_unknown")
        forged.request("PATCH", "/account", {"display_name": "Eve"}).expect_problem(401, "session_unknown")
        forged.delete("/sessions?keep=current").expect_problem(401, "session_unknown")
        forged.delete(f"/sessions/{sessions[0]}").expect_problem(401, "session_unknown")
    service.as_user(ids[0], "no id").get("/account").expect_problem(400, "id_malformed")
    for living in (ada, bob):
        service.resolve(living["token"]).expect(200)
    service.gateway.post("/sessions/revoke", token=ada["token"]).expect(200)
    service.as_user(ids[0], sessions[0]).get("/account").expect_problem(401, "session_revoked")
    service.as_user(ids[0]).get("/account").expect(200)
