"""A replica that joins while others mint and revoke starts exact."""

import pytest

from history import Violation
from replicas import STALENESS_S
from waiting import eventually
from workload import Workload

SESSIONS_BEFORE = 40


def joins_exact(stage):
    """The newcomer's warm-up is slow: sessions that it has read as alive are revoked before it serves."""
    old, other = stage.start_replicas(2)
    minted = [old.mint() for _ in range(SESSIONS_BEFORE)]
    newcomer = stage.new_replica()
    copied = newcomer.db.hold_answer("copy (select", edge="feed")
    with Workload(stage, [old, other]) as load:
        with copied:
            newcomer.service.spawn()
            assert copied.answered.wait(60), "the newcomer does not warm up"
            doomed = stage.dice.sample(minted, SESSIONS_BEFORE // 2)
            for each in doomed:
                assert old.revoke(each)
            acknowledged = load.acknowledged
            eventually(lambda: load.acknowledged > acknowledged + 20, "the others go on")
        newcomer.service.wait_until_ready()
        stage.fired_by("warm-up held", copied)
        for each in doomed:
            if newcomer.resolve(each) == 200:
                raise Violation(f"a session that ended during the warm-up resolves: {each['session']['session_id']}")
        for each in minted:
            if each not in doomed and newcomer.resolve(each) != 200:
                raise Violation(f"a live session does not resolve: {each['session']['session_id']}")
    for each in load.live.values():
        if newcomer.resolve(each) != 200:
            raise Violation(f"a session that was minted meanwhile does not resolve: {each['session']['session_id']}")
    for each in load.ended.values():
        eventually(lambda: newcomer.resolve(each) == 401, "what ended is dead on the newcomer", STALENESS_S)
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_a_replica_that_joins_under_load_starts_exact(stage):
    joins_exact(stage)


@pytest.mark.control
def test_joining_needs_the_cursor_before_the_snapshot(stage):
    stage.expect_violation(joins_exact, without="cursor_before_snapshot")
