"""What one replica has acknowledged, all others know: mints at once, revocations in the order of the log."""

import contextlib
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from asking import AT_ONCE, PATIENT, ask_all, let_remember, mint_many
from followers import LongPoller, StreamFollower
from history import Violation
from http_client import HANG_S
from people import seq_of
from replicas import STALENESS_S
from waiting import eventually
from workload import Workload

CUTS = 20
MINTS_BETWEEN_CUTS = 12


# -- 1. mints


def check_mints_resolve(history):
    """In a history without revocations no answer denies a session whose mint was acknowledged before."""
    minted_at = {entry.subject: entry.end for entry in history.of("mint") if entry.status == 201}
    for entry in history.of("resolve"):
        if entry.status == 401 and entry.begin > minted_at[entry.subject]:
            raise Violation(f"a session whose mint was acknowledged is denied: {entry}")


def cut_something(stage, replica):
    """One short fault on one replica's way to the database."""
    kind = stage.dice.choice(["drop", "refuse", "lose the answer", "cut after some bytes"])
    if kind == "drop":
        edge = stage.dice.choice(["pool", "feed", None])
        return kind, contextlib.nullcontext(), partial(replica.db.drop, edge)
    if kind == "refuse":
        fault = replica.db.refuse(stage.dice.choice(["pool", "feed", None]))
    elif kind == "lose the answer":
        fault = replica.db.cut_answer("mint_for_identity")
    else:
        fault = replica.db.cut_after(lambda: stage.dice.randrange(1, 20_000), edge="pool")
    return kind, fault, lambda: fault.fired


def every_mint_resolves(stage):
    replicas = stage.start_replicas(3)
    acted = Counter()
    with Workload(stage, replicas, revoke_share=0, resolve_share=0.5) as load:
        for _ in range(CUTS):
            kind, fault, how_often = cut_something(stage, stage.dice.choice(replicas))
            with fault:
                acknowledged = load.acknowledged
                eventually(lambda: load.acknowledged > acknowledged + MINTS_BETWEEN_CUTS, "mints go on")
                acted[kind] += how_often()
    for kind, count in (+acted).items():
        stage.fired_by(kind, count)
    assert stage.fired, "nothing was ever cut"
    check_mints_resolve(stage.history)
    minted = list(load.live.values())
    for replica in replicas:
        with ThreadPoolExecutor(AT_ONCE) as clients:
            list(clients.map(partial(resolves_or_is_denied, replica), minted))
    check_mints_resolve(stage.history)


def resolves_or_is_denied(replica, minted):
    """Asks until there is an answer: right after a cut it may be that there is none for the moment."""
    return eventually(lambda: (status := replica.resolve(minted)) in (200, 401) and status, "the replica can tell")


def test_an_acknowledged_mint_resolves_on_every_replica(stage):
    every_mint_resolves(stage)


@pytest.mark.control
def test_mints_that_resolve_everywhere_need_to_be_durable(stage):
    stage.expect_violation(every_mint_resolves, without="durable_mint")


# -- 7. late commits

OTHERS = 12

# The commit of an event with the reason "late" waits for a lock: its seq is drawn, and nobody sees it yet. It waits for as
# long as it takes: cut short by the service's own bound it would be run again, and given up in the end.
DELAY_LATE_COMMITS = """
CREATE TABLE gate ();
CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
BEGIN
  PERFORM FROM gate;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON revocation_events
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reason = 'late') EXECUTE FUNCTION wait_at_gate()
"""


def revoke(stage, replica, minted, reason):
    """Ends a session for a reason; returns the cursor."""
    session_id = minted["session"]["session_id"]
    begin = time.monotonic()
    done = replica.gateway.delete(f"/sessions/{session_id}?reason={reason}").expect(200)
    stage.history.note(begin, replica.number, "revoke", session_id, 200)
    return done["cursor"]


def late_commits_are_seen(stage):
    replicas = stage.start_replicas(3, **PATIENT)
    stage.database.execute(DELAY_LATE_COMMITS)
    late, last, *others = mint_many(replicas[0], 2 + OTHERS)
    for replica in replicas:
        let_remember(replica, [late, last, *others])
    start = replicas[0].gateway.get("/revocations").expect(200)["cursor"]
    with Workload(stage, replicas, threads=2), contextlib.ExitStack() as stack:
        followers = [
            stack.enter_context(kind([replica], random.Random(stage.dice.random()), start))
            for replica in replicas
            for kind in (StreamFollower, LongPoller)
        ]
        commit_late(stage, replicas, late, others)
        cursor = revoke(stage, stage.dice.choice(replicas), last, "last")
        for follower in followers:
            eventually(lambda: follower.is_past(cursor), "the last event is told")
            follower.check(stage.database, cursor)
    for replica in replicas:
        if 200 in ask_all(replica, [late, last, *others]):
            raise Violation(f"replica {replica.number} has told of an event and resolves its session")
    stage.history.check_revoked_stay_dead(STALENESS_S)


def commit_late(stage, replicas, late, others):
    """Ends `late` by a transaction that draws its seq and stays open, and `others` meanwhile."""
    with ThreadPoolExecutor(1 + OTHERS) as clients:
        with stage.database.locked("gate"):
            being_late = clients.submit(revoke, stage, replicas[0], late, "late")
            stage.database.wait_for_blocked_statements()
            ending = [clients.submit(revoke, stage, stage.dice.choice(replicas), each, "other") for each in others]
            eventually(lambda: is_past(replicas, ending) or waits(stage.database), "the others commit, or wait")
            stage.fired_by("commit held", int(not being_late.done()))
        for each in (being_late, *ending):
            each.result(HANG_S)


def is_past(replicas, ending):
    """All of them are acknowledged, and each replica has read the log that far."""
    if not all(each.done() for each in ending):
        return False
    last = max(seq_of(each.result()) for each in ending)
    return all(seq_of(replica.gateway.get("/revocations").expect(200)["cursor"]) >= last for replica in replicas)


def waits(database):
    """Whether more than the one that is late wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return int(database.execute(waiting)) > 1


def test_late_commits_are_not_skipped(stage):
    late_commits_are_seen(stage)


@pytest.mark.control
def test_late_commits_need_the_log_lock(stage):
    stage.expect_violation(late_commits_are_seen, without="log_lock")
