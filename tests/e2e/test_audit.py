"""The audit: who did what to whom, as `GET /admin/audit` tells it."""

import re
import uuid
from urllib.parse import quote, urlencode

import pytest

from callers import by_header, caller, new_key, write_callers
from people import email, telegram
from service import Service
from waiting import eventually

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01", "X-Request-Id": "audit-test-1"}
MEMBERS = {
    "event_id", "occurred_at", "action", "actor", "caller", "user_id", "account_id", "session_id", "game_id", "reason",
    "request_id", "trace_id", "address",
}  # fmt: skip


class Audited:
    """A service with callers of all kinds, and its audit."""

    def __init__(self, service, database, keys):
        self.service = service
        self.database = database
        self.keys = keys

    def ask(self, method, path, by="gateway", headers=None, **parts):
        fields = {**(by_header(self.keys[by]) if by else {}), **(headers or {})}
        return self.service.http.request(method, path, headers=fields, **parts)

    def page(self, **conditions):
        return self.ask("GET", "/api/v1/admin/audit?" + urlencode(conditions), by="operator").expect(200)

    def events(self, **conditions):
        return self.page(**conditions)["events"]

    def actions(self, **conditions):
        """Oldest first."""
        return [event["action"] for event in reversed(self.events(**conditions))]

    def mint(self, **parts):
        return self.ask("POST", "/api/v1/internal/sessions", body={"identity": telegram()}, **parts).expect(201)


@pytest.fixture(scope="module")
def audited(database, tmp_path_factory):
    directory = tmp_path_factory.mktemp("audited")
    path = directory / "callers.json"
    keys = {name: new_key() for name in ("gateway", "operator", "responder", "reader")}
    write_callers(
        path,
        caller("gateway", ["sessions:*", "accounts:*", "users:act", "public:forward"], keys["gateway"]),
        caller("operator", ["admin:*"], keys["operator"]),
        caller("responder", ["admin:*"], keys["responder"]),
        caller("reader", ["accounts:read"], keys["reader"]),
    )
    service = Service(database, directory, BACKEND_CALLERS_FILE=str(path), BACKEND_CALLERS_REQUIRED="true")
    service.start()
    yield Audited(service, database, keys)
    service.stop()


def test_an_entry_tells_who_what_whom_why_and_by_which_request(audited):
    minted = audited.mint()
    account_id, session_id = minted["account"]["account_id"], minted["session"]["session_id"]
    forwarded = {**TRACED, "X-Forwarded-For": "203.0.113.9", "X-User-ID": account_id}
    audited.ask(
        "DELETE", f"/api/v1/user/sessions/{session_id}", headers=forwarded, body={"reason": "lost phone"}
    ).expect(200)
    event = audited.events(account_id=account_id)[0]
    assert set(event) == MEMBERS
    assert uuid.UUID(event.pop("event_id")).version == 7
    assert event.pop("occurred_at").endswith("Z")
    assert event == {
        "action": "session.revoked",
        "actor": "user",
        "caller": "gateway",
        "user_id": account_id,
        "account_id": account_id,
        "session_id": session_id,
        "game_id": None,
        "reason": "lost phone",
        "request_id": "audit-test-1",
        "trace_id": TRACE_ID,
        "address": "203.0.113.9",
    }


def test_the_life_of_an_account_is_told_newest_first(audited):
    game = str(uuid.uuid4())
    minted = audited.mint()
    account = f"/api/v1/internal/accounts/{minted['account']['account_id']}"
    session = f"/api/v1/internal/sessions/{minted['session']['session_id']}"
    seat = f"/api/v1/internal/games/{game}/players/{minted['account']['account_id']}"
    mail = email()
    audited.ask("POST", f"{account}/identities", body=mail).expect(201)
    audited.ask("POST", f"{account}/identities", body=mail).expect(200)  # linked already
    audited.ask("DELETE", f"{account}/identities/email/{quote(mail['external_id'])}").expect(200)
    audited.ask("PATCH", account, body={"display_name": "Ann"}).expect(200)
    audited.ask("PUT", seat, body={"seat": 1}).expect(204)
    audited.ask("DELETE", account).expect_problem(409, "account_seated")
    audited.ask("DELETE", seat).expect(204)
    audited.ask("DELETE", session).expect(200)
    audited.ask("DELETE", session).expect(200)  # dead already
    audited.ask("DELETE", f"{account}/sessions").expect(200)
    audited.ask("DELETE", account).expect(204)
    account_id = minted["account"]["account_id"]
    assert audited.actions(account_id=account_id) == [
        "account.created",
        "session.minted",
        "identity.linked",
        "identity.unlinked",
        "account.renamed",
        "player.seated",
        "player.unseated",
        "session.revoked",
        "account.revoked",
        "account.deleted",
    ]
    assert audited.events(account_id=account_id, action="player.seated")[0]["game_id"] == game
    everything = str(audited.events(account_id=account_id))
    assert mail["external_id"] not in everything and "Ann" not in everything


def test_a_rotated_token_and_a_token_that_is_revoked_are_told(audited):
    guest = audited.ask("POST", "/api/v1/public/sessions/guest").expect(201)
    account_id = guest["account"]["account_id"]
    path = f"/api/v1/internal/accounts/{account_id}/identities"
    token = audited.ask("POST", path, body={**email(), "rotate": True}, token=guest["token"]).expect(201)["token"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    audited.ask("POST", "/oauth2/revoke", headers=form, body=urlencode({"token": token}).encode()).expect(200)
    assert audited.actions(account_id=account_id) == [
        "account.created",
        "session.minted",
        "identity.linked",
        "session.revoked",
        "session.minted",
        "session.revoked",
    ]
    assert token not in str(audited.events(account_id=account_id))
    assert guest["token"] not in str(audited.events(account_id=account_id))


def test_an_operator_who_is_shown_an_account_is_told(audited):
    minted = audited.mint()
    account_id = minted["account"]["account_id"]
    identity = minted["account"]["identities"][0]
    search = urlencode({"kind": identity["kind"], "external_id": identity["external_id"]})
    shown = audited.ask("GET", f"/api/v1/admin/accounts?{search}", by="operator", headers=TRACED).expect(200)
    assert account_id in [a["account_id"] for a in shown["accounts"]]
    event = audited.events(account_id=account_id)[0]
    assert (event["action"], event["actor"], event["caller"]) == ("account.read", "admin", "operator")
    assert event["request_id"] == "audit-test-1"
    # What shows nobody is not told, and the audit itself is no account.
    before = audited.events(action="account.read")
    audited.ask("GET", "/api/v1/admin/accounts?external_id=nobody-has-this", by="operator").expect(200)
    audited.ask("GET", "/api/v1/admin/stats", by="operator").expect(200)
    assert audited.events(action="account.read") == before


def test_a_sweep_that_was_ordered_is_told_with_what_it_took(audited):
    guest = audited.ask("POST", "/api/v1/public/sessions/guest").expect(201)
    account_id = guest["account"]["account_id"]
    audited.database.execute(
        f"update backend.accounts set created_at = now() - interval '31 days' where account_id = '{account_id}'"
    )
    run = lambda **body: audited.ask("POST", "/api/v1/admin/reaper/run", by="operator", body=body).expect(200)
    run(dry_run=True)
    assert audited.events(action="reaper.run") == []
    assert run()["audit"] == 0
    assert [e["caller"] for e in audited.events(action="reaper.run")] == ["operator"]
    event = audited.events(account_id=account_id)[0]
    assert (event["action"], event["caller"], event["reason"]) == ("account.reaped", "operator", "abandoned guest")


def test_what_a_bulk_revocation_ends_is_told_with_who_ordered_it(audited):
    """Two operators at the same time: each ending carries the order that it belongs to."""
    ann, bob, other = (audited.mint() for _ in range(3))
    bob_id = bob["account"]["account_id"]
    audited.ask("POST", "/api/v1/internal/sessions", body={"account_id": bob_id}).expect(201)  # which lives on

    def order(by, request_id, **body):
        fields = {**TRACED, "X-Request-Id": request_id}
        accepted = audited.ask("POST", "/api/v1/admin/revocations", by=by, headers=fields, body=body).expect(202)
        return f"/api/v1/admin/revocations/{accepted['job_id']}"

    # An order that is only counted ends nothing, and is not told.
    counting = {"accounts": [bob_id], "dry_run": True}
    audited.ask("POST", "/api/v1/admin/revocations", by="operator", body=counting).expect(200)
    sessions = [minted["session"]["session_id"] for minted in (ann, bob)]
    jobs = [
        order("responder", "bulk-1", sessions=sessions, reason=f"leaked by {email()['external_id']}"),
        order("operator", "bulk-2", accounts=[other["account"]["account_id"]]),
    ]
    for job in jobs:
        # Asked for by somebody else than who ordered it: whose it is does not change.
        done = lambda job=job: audited.ask("GET", job, by="operator").expect(200)["state"] == "done"
        eventually(done, "the job is done")

    def told(minted):
        events = audited.events(account_id=minted["account"]["account_id"])
        (event,) = [e for e in events if e["action"].endswith(".revoked")]
        assert (event["actor"], event["trace_id"], event["address"]) == ("admin", TRACE_ID, "127.0.0.1")
        return [event[name] for name in ("action", "caller", "request_id", "session_id", "reason")]

    assert told(ann) == ["account.revoked", "responder", "bulk-1", None, "leaked by [withheld]"]
    assert told(bob) == ["session.revoked", "responder", "bulk-1", sessions[1], "leaked by [withheld]"]
    assert told(other) == ["account.revoked", "operator", "bulk-2", None, None]
    assert {e["account_id"] for e in audited.events(caller="responder")} == {
        minted["account"]["account_id"] for minted in (ann, bob)
    }


def test_refused_callers_are_told_in_a_sample(audited):
    for _ in range(50):
        audited.ask("POST", "/api/v1/internal/accounts/guest", by="reader").expect_problem(403, "caller_forbidden")
        audited.ask("GET", "/api/v1/admin/stats", by=None).expect_problem(401, "caller_unknown")

    def counted(who, reason):
        found = [e for e in audited.events(action="caller.refused", limit=200) if e["caller"] == who]
        assert len(found) < 50
        more = [re.fullmatch(f"{reason}(?:, and ([0-9]+) more)?", e["reason"]) for e in found]
        return sum(1 + int(m[1] or 0) for m in more if m) == 50

    eventually(lambda: counted("reader", "forbidden: create_guest_account"), "the forbidden caller is told")
    eventually(lambda: counted(None, "unknown: admin_stats"), "the unknown caller is told")
    assert all(e["address"] == "127.0.0.1" for e in audited.events(action="caller.refused"))


def test_pages_follow_one_another_and_conditions_narrow_them(audited):
    minted = [audited.mint(headers={"X-Request-Id": f"page-{n}"}) for n in range(5)]
    mine = {m["session"]["session_id"] for m in minted}
    newest = audited.page(action="session.minted", caller="gateway", limit=5)
    assert {e["session_id"] for e in newest["events"]} == mine
    seen, after = [], {}
    for _ in range(3):
        page = audited.page(action="session.minted", limit=2, **after)
        seen += page["events"]
        after = {"after": page["next"]}
    assert seen[:5] == newest["events"]
    assert [e["event_id"] for e in seen] == sorted((e["event_id"] for e in seen), reverse=True)
    first, last = newest["events"][-1], newest["events"][0]
    within = audited.events(action="session.minted", since=first["occurred_at"], until=last["occurred_at"])
    assert within == newest["events"][1:]
    assert audited.page(caller="nobody") == {"events": []}
    assert audited.page(account_id=str(uuid.uuid4())) == {"events": []}


@pytest.mark.parametrize(
    "query",
    [
        "account_id=1", "action=session.mint", "action=", "caller=", "since=yesterday", "until=2026-13-01T00:00:00Z",
        "limit=0", "limit=201", "limit=x", "after=x", "after=", "account_id=", "caller=a&caller=b", "caller=a+b",
    ],
)  # fmt: skip
def test_a_condition_that_makes_no_sense_is_refused_by_its_name(audited, query):
    detail = audited.ask("GET", f"/api/v1/admin/audit?{query}", by="operator").expect_problem(400, "parameter_malformed")
    assert query.split("=")[0] in detail


def test_the_audit_is_shown_to_operators_alone(audited):
    audited.ask("GET", "/api/v1/admin/audit", by=None).expect_problem(401, "caller_unknown")
    audited.ask("GET", "/api/v1/admin/audit", by="gateway").expect_problem(403, "caller_forbidden")
    audited.ask("POST", "/api/v1/admin/audit", by="operator").expect_problem(405, "method_not_allowed")


def test_no_token_key_or_email_is_in_the_table(audited):
    mail = email()
    minted = audited.ask("POST", "/api/v1/internal/sessions", body={"identity": mail}).expect(201)
    planted = f"{mail['external_id']} wrote {minted['token']} and {audited.keys['gateway']}"
    path = f"/api/v1/internal/sessions/{minted['session']['session_id']}"
    audited.ask("DELETE", path, headers={"X-Request-Id": minted["token"]}, body={"reason": planted}).expect(200)
    event = audited.events(account_id=minted["account"]["account_id"])[0]
    assert event["reason"] == "[withheld] wrote [withheld] and [withheld]"
    assert event["request_id"] not in (None, minted["token"])  # one of the service's own in its place
    rows = audited.database.execute("select string_agg(e::text, ' ') from backend.audit_events e")
    for secret in (minted["token"], mail["external_id"], *audited.keys.values()):
        assert secret not in str(rows)


def test_old_entries_go_with_the_sweep(database, new_service):
    service = new_service(database, BACKEND_AUDIT_RETENTION="1s")
    service.start()
    admin = service.client("/api/v1/admin")
    service.gateway.post("/accounts/guest").expect(201)

    def swept():
        return admin.post("/reaper/run", {}).expect(200)["audit"] > 0

    eventually(swept, "entries older than a second are removed")


def test_without_callers_the_audit_tells_what_it_can(database, new_service):
    service = new_service(database)
    service.start()
    made = service.gateway.post("/accounts/guest").expect(201)
    found = service.client("/api/v1/admin").get(f"/audit?account_id={made['account']['account_id']}").expect(200)
    (event,) = found["events"]
    assert (event["action"], event["actor"], event["caller"]) == ("account.created", "internal", None)
    assert event["address"] == "127.0.0.1" and event["trace_id"] is None and event["request_id"]
