"""Canaries: sessions that are minted and revoked to see how soon all who follow the log know it."""

import re

import pytest

from metrics_page import numbers, scrape
from people import predecessor
from service import run_command
from waiting import eventually

CANARY_ACCOUNT = "00000000-0000-7000-8000-000000000000"
DELAY = "portcullis_canary_delay_seconds"
FAST = {"BACKEND_CANARY_INTERVAL": "100ms"}

# What counts sessions, accounts, or what was said of either.
OTHERS = (
    "portcullis_sessions_minted_total",
    "portcullis_sessions_ended_total",
    "portcullis_accounts_created_total",
    "portcullis_sessions_resolved_total",
    "portcullis_session_cache_entries",
    "portcullis_session_cache_active_entries",
    "portcullis_session_cache_misses_total",
    "portcullis_revocation_events_total",
    "portcullis_revocation_delay_seconds",
    "portcullis_revocation_events_delivered_total",
)


def rows(database, table, where="true"):
    return int(database.execute(f"select count(*) from backend.{table} where {where}"))


def counted(service):
    told = numbers(service.http)
    stats = service.http.get("/api/v1/admin/stats").expect(200)
    return {name: told.get(name) for name in OTHERS}, {what: stats[what] for what in ("accounts", "guests", "active_sessions")}


def rounds(service, outcome="ok"):
    found = re.search(rf'^portcullis_canary_rounds_total{{outcome="{outcome}"}} (\d+)', scrape(service.http), re.M)
    return int(found[1]) if found else 0


def knows(follower, canaries):
    eventually(lambda: numbers(follower.http)[DELAY] >= canaries, f"the end of {canaries} canaries is known")


def test_all_who_follow_tell_how_soon_they_knew(database, new_service, new_edge):
    sender, replica = new_service(database, **FAST).start(), new_service(database).start()
    edge = new_edge([replica]).start()
    for follower in (sender, replica, edge):
        knows(follower, 3)
        told = numbers(follower.http)
        assert told["portcullis_canary_breaches_total"] == 0
        seconds = float(re.search(rf"^{DELAY}_sum (\S+)", scrape(follower.http), re.M)[1])
        assert 0 <= seconds / told[DELAY] < 60
    eventually(lambda: rounds(sender) >= 3, "the sender has counted its rounds")  # after others knew of them
    assert rounds(replica) == 0


def test_canaries_count_in_no_other_number_and_leave_nothing(database, new_service):
    service = new_service(database).start()
    held = service.gateway.post("/sessions", body={"identity": {"kind": "telegram", "external_id": "7"}}).expect(201)
    service.resolve(held["token"]).expect(200)
    audit = rows(database, "audit_events")
    before = counted(service)
    with service.subscribe() as stream:
        sender = new_service(database, **FAST).start()
        knows(service, 5)
        assert counted(service) == before
        assert stream.next_event() and counted(service) == before  # it was delivered, too
        own, _ = counted(sender)
        assert own["portcullis_sessions_minted_total"] == own["portcullis_revocation_events_total"] == 0
        sender.stop()
    assert rows(database, "audit_events") == audit
    assert rows(database, "sessions") == 1 and rows(database, "accounts") == 1
    assert rows(database, "canaries") <= 2  # of a round that the stop cut off, and one begun meanwhile; a later canary removes them
    service.resolve(held["token"]).expect(200)


def test_what_subscribers_see(database, new_service):
    service = new_service(database).start()
    position = service.gateway.get("/revocations").expect(200)["cursor"]
    sender = new_service(database, **FAST).start()
    knows(service, 1)
    sender.stop()
    page = service.gateway.get(f"/revocations?cursor={position}").expect(200)
    ended, acknowledged = page["events"][:2]
    assert {event["account_id"] for event in (ended, acknowledged)} == {CANARY_ACCOUNT}
    assert (ended["type"], ended["reason"]) == ("session.revoked", "canary")
    assert (acknowledged["type"], acknowledged["reason"]) == ("session.revoked", "canary acknowledged")
    assert ended["session_id"] == acknowledged["session_id"]


def test_rows_and_events_that_were_left_are_removed(database, new_service):
    database.execute(
        "insert into backend.canaries values (gen_random_uuid(), '', now() - interval '2 minutes');"
        " insert into backend.revocation_events (seq, kind, session_id, account_id, generation, reason, occurred_at)"
        f" select nextval('backend.revocation_events_seq'), 'session', gen_random_uuid(), '{CANARY_ACCOUNT}', 0, 'canary',"
        " now() - interval '11 minutes'"
    )
    sender = new_service(database, **FAST).start()
    eventually(lambda: rounds(sender) >= 1, "a round is over")
    old = f"account_id = '{CANARY_ACCOUNT}' and occurred_at < now() - interval '10 minutes'"
    assert rows(database, "revocation_events", old) == 0
    assert rows(database, "canaries", "minted_at < now() - interval '1 minute'") == 0


def test_a_sweep_removes_what_a_killed_process_has_left(database, new_service):
    """Where no canary is sent any more."""
    service = new_service(database).start()
    database.execute(
        "insert into backend.canaries values (gen_random_uuid(), '', now() - interval '2 minutes'),"
        " (gen_random_uuid(), '', now() + interval '1 hour')"  # one that is under way
    )
    swept = service.http.post("/api/v1/admin/reaper/run", {}).expect(200)
    assert rows(database, "canaries", "minted_at < now() - interval '1 minute'") == 0
    assert rows(database, "canaries", "minted_at > now()") == 1
    database.execute("delete from backend.canaries")
    assert not any(count for what, count in swept.items() if what in ("guests", "sessions", "events", "audit")), swept


def test_a_follower_that_hears_late_tells_a_breach(database, new_service):
    bound = {"BACKEND_REVOCATION_MAX_STALENESS": "200ms"}
    sender, replica = new_service(database, **FAST).start(), new_service(database, **bound).start()
    knows(replica, 1)
    replica.freeze()
    seen = rounds(sender)
    eventually(lambda: rounds(sender) >= seen + 5, "canaries are sent meanwhile")
    replica.proceed()
    eventually(lambda: numbers(replica.http)["portcullis_canary_breaches_total"] > 0, "a breach is told")


def test_rounds_that_fail_are_counted_and_told_of_once(database, new_service):
    sender = new_service(database, **FAST).start()
    eventually(lambda: rounds(sender) >= 1, "a round is over")
    database.execute("alter table backend.canaries rename to hidden")
    eventually(lambda: rounds(sender, "failed") >= 3, "rounds fail")
    database.execute("alter table backend.hidden rename to canaries")
    eventually(lambda: "canary works again" in sender.log, "rounds succeed")
    assert sender.log.count('msg="canary failed"') == 1


@pytest.mark.parametrize("value, is_good", [("0s", True), ("30s", True), ("-1s", False), ("soon", False)])
def test_the_interval_is_checked(database, value, is_good):
    checked = run_command("check-config", BACKEND_POSTGRES_DSN=database.dsn, BACKEND_CANARY_INTERVAL=value)
    assert (checked.returncode == 0) == is_good
    assert is_good or "BACKEND_CANARY_INTERVAL" in checked.stderr + checked.stdout


def test_predecessor_of_a_canary_resumes(database, new_service):
    """A cursor whose event was removed is as good as any."""
    sender = new_service(database, **FAST).start()
    knows(sender, 2)
    now = sender.gateway.get("/revocations").expect(200)["cursor"]
    database.execute(f"delete from backend.revocation_events where account_id = '{CANARY_ACCOUNT}' and seq < {now.split('-')[1]}")
    assert not sender.gateway.get(f"/revocations?cursor={predecessor(now)}").expect(200)["reset"]
