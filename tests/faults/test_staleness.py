"""Revoked at T, dead everywhere at T + bound: whatever the network does, and whether or not the process runs."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import PATIENT, ask_all, frozen, hear, let_remember, mint_many, requests_queued, revoke_each
from history import Violation
from http_client import HANG_S
from replicas import STALENESS_S
from waiting import PAUSE_S, eventually
from wire import DOWN

DOOMED = 12
LIVE = 4
READ_LOG = "read_events"  # the feed's statement


def session_id(minted):
    return minted["session"]["session_id"]


# -- 3. a network that swallows everything


def dies_behind_a_blackhole(stage):
    """One replica loses its LISTEN connection, another all it has, while a third ends sessions that both remember."""
    near, deaf, cut_off = stage.start_replicas(3)
    doomed, asked_by_cursor, live = mint_many(near, DOOMED), mint_many(near, LIVE), mint_many(near, LIVE)
    for replica in (deaf, cut_off):
        let_remember(replica, [*doomed, *asked_by_cursor, *live])
    with deaf.db.blackhole(edge="feed") as unheard, cut_off.db.blackhole() as unreached:
        cursor, ended_at = revoke_each(near, [*doomed, *asked_by_cursor])

        def is_told_by_the_database():
            statuses = ask_all(deaf, asked_by_cursor, **{"X-Min-Cursor": cursor})
            if 200 in statuses:
                raise Violation("a session resolves for a caller who brings the cursor of its revocation")
            return 401 in statuses

        eventually(is_told_by_the_database, "the database is there to be asked")
        while time.monotonic() < ended_at + STALENESS_S:
            for replica in (deaf, cut_off):
                replica.resolve(stage.dice.choice([*doomed, *live]))
        statuses = ask_all(cut_off, [*doomed, *live])
        ask_all(deaf, doomed)
        stage.history.check_revoked_stay_dead(STALENESS_S)
        if set(statuses) != {503}:
            raise Violation(f"answered from a memory that may be stale: {statuses}")
        eventually(lambda: ask_all(deaf, live) == [200] * LIVE, "the database vouches for live sessions")
        lag = eventually(lambda: deaf.service.http.get("/readyz").json.get("lag"), "there is time to tell")
        assert lag["revocations_ms"] >= STALENESS_S * 1000, "the probe tells how far behind the log it is"
    stage.fired_by("feed swallowed", unheard)
    stage.fired_by("all swallowed", unreached)
    for replica in (deaf, cut_off):
        eventually(lambda: ask_all(replica, live) == [200] * LIVE, "live sessions resolve again")
        eventually(lambda: ask_all(replica, doomed) == [401] * DOOMED, "dead sessions are known to be dead")
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_revoked_is_dead_within_the_bound_behind_a_blackhole(stage):
    dies_behind_a_blackhole(stage)


@pytest.mark.control
def test_the_bound_behind_a_blackhole_needs_the_lease(stage):
    stage.expect_violation(dies_behind_a_blackhole, without="lease")


# -- 4. a process that stands still


def note_answer(stage, replica, minted, began, response):
    stage.history.note(began, replica.number, "resolve", session_id(minted), response.status)


def dies_while_it_is_stopped(stage):
    """Requests wait in the sockets of a stopped process; it goes on when the bound is over, and answers them first."""
    near, stopped = stage.start_replicas(2)
    doomed, live = mint_many(near, DOOMED), mint_many(near, LIVE)
    let_remember(stopped, [*doomed, *live])
    clients = [stopped.connect() for _ in doomed]
    for client in clients:
        client.request("GET", "/healthz")  # the service has accepted the connection
    with frozen(stopped):
        for client, each in zip(clients, doomed):
            client.send_request("GET", "/api/v1/internal/sessions/resolve", token=each["token"])
        _, ended_at = revoke_each(near, doomed)
        while time.monotonic() < ended_at + STALENESS_S:
            near.resolve(stage.dice.choice(live))
        stage.fired_by("requests queued", requests_queued(stopped))
        went_on_at = time.monotonic()
    for client, each in zip(clients, doomed):
        note_answer(stage, stopped, each, went_on_at, client.read_response())
        client.close()
    ask_all(stopped, doomed)
    stage.history.check_revoked_stay_dead(STALENESS_S)
    eventually(lambda: ask_all(stopped, live) == [200] * LIVE, "live sessions resolve again")


def test_revoked_is_dead_within_the_bound_across_a_stop(stage):
    dies_while_it_is_stopped(stage)


@pytest.mark.control
def test_the_bound_across_a_stop_needs_the_lease(stage):
    stage.expect_violation(dies_while_it_is_stopped, without="lease")


def dies_though_a_read_was_on_its_way(stage):
    """A read of the log was answered before a revocation, and its answer lay in the socket of a stopped process: it
    says nothing of what happened during the stop, however late it is looked at."""
    near, stopped = stage.start_replicas(2, **PATIENT)
    doomed = mint_many(near, 3 * DOOMED)
    let_remember(stopped, doomed)
    held = stopped.db.hold_answer(READ_LOG, edge="feed")
    assert held.answered.wait(HANG_S), "the feed does not read"
    with frozen(stopped):
        _, ended_at = revoke_each(near, doomed)
        while time.monotonic() < ended_at + STALENESS_S:
            near.resolve(stage.dice.choice(doomed))
        silence = stopped.db.blackhole(edge="feed", directions=(DOWN,))  # that answer is the last
        held.lift()
        eventually(lambda: held not in stopped.db.faults, "the answer is passed on")
    with silence:
        for each in doomed:
            stopped.resolve(each)
            time.sleep(PAUSE_S)  # so that some are asked before the answer is looked at, and most after
    stage.fired_by("read of the log held", held)
    stage.fired_by("feed swallowed", silence)
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_revoked_is_dead_within_the_bound_though_a_read_was_on_its_way(stage):
    dies_though_a_read_was_on_its_way(stage)


@pytest.mark.control
def test_the_bound_across_a_stop_needs_the_lease_to_run_from_the_start_of_the_read(stage):
    stage.expect_violation(dies_though_a_read_was_on_its_way, without="lease_from_read_start")


# -- 5. a read that is slower than a revocation


def load_across(stage, near, slow, clients, revoke):
    """A session that `slow` does not hold is looked up there; the answer is held until `slow` has told of its end."""
    [minted] = mint_many(near, 1)
    with slow.subscribe() as told, slow.db.hold_answer("find_session") as held:
        looked_up = clients.submit(slow.resolve, minted)
        assert held.answered.wait(HANG_S), "nothing was loaded"
        hear(told, revoke(minted)["cursor"])
    stage.fired_by("load held", held)
    return minted, looked_up.result(HANG_S)


def mint_across(stage, near, slow, clients):
    """A session is minted at `slow`, and the answer of its commit is held until `slow` has told of the end of all that
    its account has."""
    [first] = mint_many(near, 1)
    account_id = first["account"]["account_id"]
    with slow.subscribe() as told, slow.db.hold_answer("mint_session") as held:
        minting = clients.submit(slow.mint, account_id)
        assert held.answered.wait(HANG_S), "nothing was minted"
        hear(told, near.revoke_all(account_id)["cursor"])
    stage.fired_by("mint held", held)
    minted = minting.result(HANG_S)
    assert minted, "a mint whose commit was slow is acknowledged all the same"
    return minted


def slow_reads_resurrect_nothing(stage):
    near, slow = stage.start_replicas(2, **PATIENT)
    ends = [near.revoke, lambda minted: near.revoke_all(minted["account"]["account_id"])]
    stage.dice.shuffle(ends)
    with ThreadPoolExecutor(1) as clients:
        for revoke in ends:
            minted, status = load_across(stage, near, slow, clients, revoke)
            if 200 in (status, slow.resolve(minted)):
                raise Violation(f"a slow load brought {session_id(minted)} back")
        minted = mint_across(stage, near, slow, clients)
        if slow.resolve(minted) == 200:
            raise Violation(f"a slow mint put {session_id(minted)} into memory after its end")
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_a_slow_read_across_a_revocation_resurrects_nothing(stage):
    slow_reads_resurrect_nothing(stage)


@pytest.mark.control
def test_slow_reads_need_their_stamp(stage):
    stage.expect_violation(slow_reads_resurrect_nothing, without="load_stamp")
