"""Acknowledged writes survive a kill -9 of all of PostgreSQL and of every service at once."""

import threading
import time

import pytest

from outcomes import expect_clear_answers, expect_kept
from replicas import STALENESS_S
from servers import own_cluster
from waiting import eventually
from workload import Workload

CRASHES = 3
CRASHES_MAX = 30  # as many as it takes for one to cut a request: on a busy machine those under way are few


def acknowledged_writes_survive(stage):
    with own_cluster() as cluster:
        replicas = stage.start_replicas(2, cluster.create_database())
        live, ended, cut, crashes = {}, {}, 0, 0
        while crashes < CRASHES or (not cut and crashes < CRASHES_MAX):
            crashes += 1
            with Workload(stage, replicas, revoke_share=0.3) as load:
                wanted = stage.dice.randrange(20, 80)
                eventually(lambda: load.acknowledged > wanted, "the load has begun")
                cut += crash(stage, cluster, replicas)
            live.update(load.live)
            ended.update(load.ended)
            cluster.start()
            for replica in replicas:
                replica.service.spawn()
            for replica in replicas:
                replica.service.wait_until_ready()
            expect_kept(replicas, live, ended)
        stage.fired_by("requests that a crash cut", cut)
        stage.history.check_revoked_stay_dead(STALENESS_S)
        expect_clear_answers(stage.history)


def crash(stage, cluster, replicas):
    """Kills everything, in an order that the dice decide: with the server's death begun, over, or yet to come when the
    services die. Returns how many requests were under way."""
    begun_at = time.monotonic()
    server = threading.Thread(target=cluster.kill)
    steps = [replica.service.kill for replica in replicas]
    at = stage.dice.randrange(len(steps) + 1)
    steps.insert(at, server.start)
    steps.insert(stage.dice.randrange(at + 1, len(steps) + 1), server.join)
    for step in steps:
        step()
    entries = stage.history.entries[:]
    return sum(each.begin <= begun_at < each.end and each.status in (503, None) for each in entries)


def test_acknowledged_writes_survive_a_crash_of_everything(stage):
    acknowledged_writes_survive(stage)


@pytest.mark.control
def test_surviving_a_crash_needs_commits_that_wait_for_the_disk(stage):
    stage.expect_violation(acknowledged_writes_survive, without="synchronous_commit")
