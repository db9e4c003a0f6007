"""What holds at replicas holds at an edge in front of them: revoked at T, dead at T + bound."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import ask_all, frozen, let_remember, mint_many, requests_queued, revoke_each
from history import Violation
from http_client import HANG_S
from replicas import STALENESS_S
from waiting import PAUSE_S, eventually
from wire import UP

DOOMED = 8
LIVE = 3
PATIENT_LINK = {"GATEWAY_BACKEND_ATTEMPT_TIMEOUT": "20s", "GATEWAY_BACKEND_OPERATION_TIMEOUT": "20s"}


def wait_out_the_bound(stage, edge, sessions, ended_at):
    while time.monotonic() < ended_at + STALENESS_S:
        edge.resolve(stage.dice.choice(sessions))
        time.sleep(PAUSE_S)


# -- 3. a network that swallows everything


def edge_dies_behind_a_blackhole(stage):
    """All that is between an edge and its service is swallowed, while a session that it remembers is ended."""
    (near,) = stage.start_replicas(1)
    edge = stage.start_edge([near])
    doomed, live = mint_many(near, DOOMED), mint_many(near, LIVE)
    let_remember(edge, [*doomed, *live])
    with edge.links[0].blackhole() as unreached:
        _, ended_at = revoke_each(near, doomed)
        wait_out_the_bound(stage, edge, [*doomed, *live], ended_at)
        statuses = ask_all(edge, [*doomed, *live])
        stage.history.check_revoked_stay_dead(STALENESS_S)
        assert set(statuses) == {503}, statuses
    stage.fired_by("all swallowed", unreached)
    eventually(lambda: ask_all(edge, live) == [200] * LIVE, "live sessions resolve again")
    eventually(lambda: ask_all(edge, doomed) == [401] * DOOMED, "dead sessions are known to be dead")
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_revoked_is_dead_at_an_edge_within_the_bound_behind_a_blackhole(stage):
    edge_dies_behind_a_blackhole(stage)


@pytest.mark.control
def test_an_edge_behind_a_blackhole_needs_the_lease(stage):
    stage.expect_violation(edge_dies_behind_a_blackhole, without="lease")


def edge_dies_behind_a_deaf_replica(stage):
    """The edge's service answers every request and has itself not heard of anything: that it speaks proves nothing."""
    near, deaf = stage.start_replicas(2)
    edge = stage.start_edge([deaf])
    doomed, live = mint_many(near, DOOMED), mint_many(near, LIVE)
    let_remember(edge, [*doomed, *live])
    with deaf.db.blackhole(edge="feed") as unheard:
        _, ended_at = revoke_each(near, doomed)
        wait_out_the_bound(stage, edge, [*doomed, *live], ended_at)
        ask_all(edge, [*doomed, *live])
        stage.history.check_revoked_stay_dead(STALENESS_S)
    stage.fired_by("feed of the replica swallowed", unheard)
    eventually(lambda: ask_all(edge, live) == [200] * LIVE, "live sessions resolve again")
    eventually(lambda: ask_all(edge, doomed) == [401] * DOOMED, "dead sessions are known to be dead")
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_revoked_is_dead_at_an_edge_within_the_bound_behind_a_deaf_replica(stage):
    edge_dies_behind_a_deaf_replica(stage)


@pytest.mark.control
def test_an_edge_behind_a_deaf_replica_needs_the_age_of_its_log(stage):
    stage.expect_violation(edge_dies_behind_a_deaf_replica, without="lease_log_age")


# -- 4. a process that stands still


def edge_dies_while_it_is_stopped(stage):
    """Requests wait in the sockets of a stopped edge; it goes on when the bound is over, and answers them first."""
    (near,) = stage.start_replicas(1)
    edge = stage.start_edge([near])
    doomed = mint_many(near, DOOMED)
    let_remember(edge, doomed)
    clients = [edge.connect() for _ in doomed]
    for client in clients:
        client.request("GET", "/healthz")  # the edge has accepted the connection
    with frozen(edge):
        for client, each in zip(clients, doomed):
            client.send_request("GET", "/api/v1/internal/sessions/resolve", token=each["token"])
        _, ended_at = revoke_each(near, doomed)
        time.sleep(max(0, ended_at + STALENESS_S - time.monotonic()))
        stage.fired_by("requests queued", requests_queued(edge))
        went_on_at = time.monotonic()
    for client, each in zip(clients, doomed):
        status = client.read_response().status
        stage.history.note(went_on_at, edge.number, "resolve", each["session"]["session_id"], status)
        client.close()
    ask_all(edge, doomed)
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_revoked_is_dead_at_an_edge_within_the_bound_across_a_stop(stage):
    edge_dies_while_it_is_stopped(stage)


@pytest.mark.control
def test_an_edge_across_a_stop_needs_the_lease(stage):
    stage.expect_violation(edge_dies_while_it_is_stopped, without="lease")


def edge_dies_though_an_answer_was_on_its_way(stage):
    """An answer of the feed from before the revocation arrives when the bound is over: old bytes prove nothing."""
    (near,) = stage.start_replicas(1)
    edge = stage.start_edge([near], **PATIENT_LINK)
    doomed = mint_many(near, DOOMED)
    let_remember(edge, doomed)
    link = edge.links[0]
    held = link.hold_http_answer("GET /api/v1/internal/revocations?limit=200&cursor=")
    assert held.answered.wait(HANG_S), "the feed is not read"
    _, ended_at = revoke_each(near, doomed)
    time.sleep(max(0, ended_at + STALENESS_S - time.monotonic()))  # nobody asks: a load would tell the edge
    with ThreadPoolExecutor(len(doomed)) as clients, link.blackhole(directions=(UP,)):  # that answer is the last
        held.lift()
        asking = []
        for each in doomed:
            asking.append(clients.submit(edge.resolve, each))
            time.sleep(PAUSE_S)  # so that some are asked before the answer is looked at, and most after
    for each in asking:
        each.result(HANG_S)
    stage.fired_by("answer held", held)
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_revoked_is_dead_at_an_edge_within_the_bound_though_an_answer_was_on_its_way(stage):
    edge_dies_though_an_answer_was_on_its_way(stage)


@pytest.mark.control
def test_an_edge_needs_the_lease_to_run_from_the_sending_of_the_request(stage):
    stage.expect_violation(edge_dies_though_an_answer_was_on_its_way, without="lease_from_read_start")


# -- 5. a load that is slower than a revocation, or that meets a replica which lags


def slow_loads_resurrect_nothing_at_an_edge(stage):
    """A session is looked up through the edge, and the answer is held until the edge has heard of its end."""
    (near,) = stage.start_replicas(1)
    edge = stage.start_edge([near], **PATIENT_LINK)
    ends = [near.revoke, lambda minted: near.revoke_all(minted["account"]["account_id"])]
    stage.dice.shuffle(ends)
    with ThreadPoolExecutor(1) as clients:
        for revoke in ends:
            minted, sentinel = mint_many(near, 2)
            let_remember(edge, [sentinel])
            with edge.links[0].hold_http_answer("POST /api/v1/internal/sessions/lookup") as held:
                looked_up = clients.submit(edge.resolve, minted)
                assert held.answered.wait(HANG_S), "nothing was loaded"
                eventually(lambda: revoke(minted), "it is revoked")
                eventually(lambda: near.revoke(sentinel), "it is revoked")
                eventually(lambda: edge.resolve(sentinel) == 401, "the edge has heard of the end of both")
            stage.fired_by("load held", held)
            if 200 in (looked_up.result(HANG_S), edge.resolve(minted)):
                raise Violation(f"a slow load brought {minted['session']['session_id']} back")


def test_a_slow_load_across_a_revocation_resurrects_nothing_at_an_edge(stage):
    slow_loads_resurrect_nothing_at_an_edge(stage)


@pytest.mark.control
def test_slow_loads_of_an_edge_need_their_stamp(stage):
    stage.expect_violation(slow_loads_resurrect_nothing_at_an_edge, without="load_stamp")


def lagging_replicas_resurrect_nothing(stage):
    """The edge has heard of a revocation, and then looks the session up at a replica that has not. It is patient: one that
    turns to that replica because the other was held up has not heard of anything."""
    near, lagging = stage.start_replicas(2, BACKEND_REVOCATION_MAX_STALENESS="10s")
    edge = stage.start_edge([near, lagging], GATEWAY_REVOCATION_MAX_STALENESS="10s", **PATIENT_LINK)
    doomed, sentinel = mint_many(near, 2)
    let_remember(lagging, [doomed])
    let_remember(edge, [sentinel])
    with lagging.db.blackhole(edge="feed") as unheard:
        revoke_each(near, [doomed, sentinel])
        eventually(lambda: edge.resolve(sentinel) == 401, "the edge has heard of the end of both")
        with edge.links[0].refuse() as refused:
            status = eventually(
                lambda: (got := edge.resolve(doomed)) in (200, 401) and got, "the other replica is asked"
            )
        stage.fired_by("first replica refused", refused)
    stage.fired_by("feed of the second swallowed", unheard)
    if status == 200 or edge.resolve(doomed) == 200:
        raise Violation("an edge resolves a session of whose end it has heard")


def test_a_lagging_replica_resurrects_nothing_at_an_edge(stage):
    lagging_replicas_resurrect_nothing(stage)


@pytest.mark.control
def test_lagging_replicas_need_the_cursor_of_the_load(stage):
    stage.expect_violation(lagging_replicas_resurrect_nothing, without="lookup_min_cursor")
