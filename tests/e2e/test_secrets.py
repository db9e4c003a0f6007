"""Rule 9: no token leaves by a log, a metric or an error, not even in part."""

import base64
import hashlib
import pathlib
import re

import pytest

from people import telegram

PART = 8  # characters in a row; fewer occur by chance


def parts_of(token):
    secret = token.removeprefix("pcs_")
    return {secret[i : i + PART] for i in range(len(secret) - PART + 1)}


def hash_forms(token):
    digest = hashlib.sha256(token.encode()).digest()
    return {digest.hex()[:16], digest.hex().upper()[:16], base64.b64encode(digest).decode()[:16]}


@pytest.fixture(scope="module")
def spoken(service):
    """A dialogue at debug level that goes right and wrong in every way; the tokens, and what was answered."""
    tokens, answers = [], []

    def mint():
        minted = service.gateway.post("/sessions", {"identity": telegram()}).expect(201)
        tokens.append(minted["token"])
        return minted

    def say(method, path, **parts):
        answers.append(service.http.request(method, path, **parts))

    for _ in range(10):
        minted = mint()
        token, session_id = minted["token"], minted["session"]["session_id"]
        mangled = token[:-1] + ("A" if token[-1] != "A" else "B")
        for _ in range(2):
            say("GET", "/api/v1/internal/sessions/resolve", token=token)
            say("POST", "/api/v1/internal/verify/x", token=token)
            say("GET", "/api/v1/internal/sessions/resolve", token=mangled)
            say("DELETE", f"/api/v1/internal/sessions/{session_id}")
        say("POST", "/api/v1/internal/sessions/revoke", token=token)
        # Mistakes that callers make.
        say("GET", f"/api/v1/internal/sessions/resolve?token={token}")
        say("GET", f"/api/v1/internal/verify/{token}")
        say("DELETE", f"/api/v1/internal/sessions/{token}")
        say("GET", f"/api/v1/internal/accounts/{token}")
        say("GET", f"/{token}")
        say("GET", "/api/v1/internal/sessions/resolve", headers={"Authorization": token})
        say("GET", "/api/v1/internal/sessions/resolve", headers={"Authorization": f"Token {token}"})
        say("POST", "/api/v1/internal/sessions", body={"account_id": token})
        say("POST", "/api/v1/internal/sessions", body={"identity": {"kind": token, "external_id": token}})
        say("GET", f"/api/v1/internal/revocations?cursor={token}")
        say("GET", f"/api/v1/internal/accounts?kind={token}&external_id={token}")
        say("GET", "/api/v1/user/account", headers={"X-User-ID": token})
        say("GET", "/api/v1/internal/sessions/resolve", headers={"Authorization": f"Bearer {token}\x01"})
        say("GET", "/api/v1/internal/sessions/resolve", headers={"X-Request-Id": token})
        say("POST", "/api/v1/internal/sessions", body={}, headers={"X-Request-Id": f"id-{token}"})
    guest = service.http.post("/api/v1/public/sessions/guest").expect(201)
    tokens.append(guest["token"])
    return tokens, answers


def test_the_log_holds_no_token(service, spoken):
    tokens, _ = spoken
    log = service.log
    assert "/api/v1/internal/sessions" in log or "resolve_session" in log, "the dialogue was not logged at all"
    for token in tokens:
        assert not any(part in log for part in parts_of(token) | hash_forms(token))


def test_metrics_hold_no_token(service, spoken):
    tokens, _ = spoken
    metrics = service.http.get("/metrics").body.decode()
    for token in tokens:
        assert not any(part in metrics for part in parts_of(token) | hash_forms(token))


def test_no_answer_but_the_mint_holds_a_token(spoken):
    tokens, answers = spoken
    everything = "\n".join(f"{answer.headers.pairs} {answer.body.decode()}" for answer in answers)
    for token in tokens:
        assert not any(part in everything for part in parts_of(token))


def test_a_failing_start_does_not_show_the_password(cluster, database, new_service):
    service = new_service(database)
    with cluster.stopped():
        service.start_unready()
        assert service.http.get("/readyz").status == 503
        assert database.address.password not in service.http.get("/readyz").body.decode()
    service.wait_until_ready()
    assert database.address.password not in service.log


def test_a_crash_leaves_no_memory_behind(database, new_service):
    service = new_service(database).start()
    process = pathlib.Path("/proc", str(service.pid))
    limit = re.search(r"^Max core file size +(\S+) +(\S+)", (process / "limits").read_text(), re.M)
    assert limit.groups() == ("0", "0")
    assert int((process / "coredump_filter").read_text(), 16) == 0


def test_the_database_holds_no_token(database, spoken):
    tokens, _ = spoken
    tables = ("accounts", "identities", "sessions", "revocation_events", "audit_events", "revocation_jobs")
    dump = "".join(database.execute(f"SELECT * FROM backend.{table}") for table in tables)
    for token in tokens:
        assert not any(part in dump for part in parts_of(token))
