"""The one lock that all replicas' revocations pass through, and a replica that stops while it may have it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import frozen, mint_many, revoke_each
from history import Violation

LOG_LOCK = 7_306_084_001  # src/db/advisory_locks.hpp
STOPS = 10
CLIENTS = 4
SESSIONS_OF_A_CLIENT = 40
HOLDS_S_MAX = 30  # longer than any transaction that nothing holds up, on a machine that stands still
HOLDING = {"BACKEND_POSTGRES_OPERATION_TIMEOUT": "2m"}  # the server ends by itself who holds a lock for so long

# An advisory lock of one bigint is told by its halves: pg_locks.
HOLDERS = (
    "select count(*) from pg_locks where locktype = 'advisory' and granted and objsubid = 1"
    f" and classid = {LOG_LOCK >> 32} and objid = {LOG_LOCK & 0xFFFFFFFF}"
    " and database = (select oid from pg_database where datname = current_database())"
)


def holds_nobody_up(stage):
    """A replica is stopped again and again amid its revocations; nobody else revokes while it is looked for the lock."""
    near, stopped = stage.start_replicas(2, **HOLDING)
    ours = mint_many(near, STOPS)
    theirs = [mint_many(near, SESSIONS_OF_A_CLIENT) for _ in range(CLIENTS)]
    amid = 0
    with ThreadPoolExecutor(CLIENTS) as clients:
        revoking = [clients.submit(revoke_all, stopped, sessions) for sessions in theirs]
        for session in ours:
            time.sleep(stage.dice.uniform(0, 0.05))
            amid += not all(each.done() for each in revoking)
            with frozen(stopped):
                wait_until_nobody_holds_the_lock(stage.database)
                revoke_each(near, [session])
    stage.fired_by("stops amid revocations", amid)


def revoke_all(replica, sessions):
    for session in sessions:
        replica.revoke(session)


def wait_until_nobody_holds_the_lock(database):
    end = time.monotonic() + HOLDS_S_MAX
    while True:
        asked_at = time.monotonic()
        if database.execute(HOLDERS).strip() == "0":
            return
        if asked_at > end:
            raise Violation("a stopped replica holds the log's lock")


def test_a_stopped_replica_does_not_hold_the_log(stage):
    holds_nobody_up(stage)


@pytest.mark.control
def test_a_stopped_replica_does_not_hold_the_log_needs_its_lock_sent_with_the_end(stage):
    stage.expect_violation(holds_nobody_up, without="log_lock_with_sync")
