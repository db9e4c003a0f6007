"""A replica that joins while others mint and revoke starts exact."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import PATIENT, mint_many, revoke_each
from history import Violation
from http_client import HANG_S
from outcomes import expect
from replicas import STALENESS_S
from waiting import eventually
from workload import Workload

SESSIONS_BEFORE = 40


def joins_exact(stage):
    """The newcomer's warm-up is slow: sessions that it has read as alive are revoked before it serves."""
    old, other = stage.start_replicas(2)
    minted = mint_many(old, SESSIONS_BEFORE)
    newcomer = stage.new_replica(**PATIENT)  # whose one warm-up is the one that is held
    copied = newcomer.db.hold_answer("copy (select", edge="feed")
    with Workload(stage, [old, other]) as load:
        with copied:
            newcomer.service.spawn()
            assert copied.answered.wait(HANG_S), "the newcomer does not warm up"
            doomed = stage.dice.sample(minted, SESSIONS_BEFORE // 2)
            revoke_each(old, doomed)
            acknowledged = load.acknowledged
            eventually(lambda: load.acknowledged > acknowledged + 20, "the others go on")
        newcomer.service.wait_until_ready()
        stage.fired_by("warm-up held", copied)
        for each in doomed:
            if newcomer.resolve(each) == 200:
                raise Violation(f"a session that ended during the warm-up resolves: {each['session']['session_id']}")
        for each in minted:
            if each not in doomed:
                expect(newcomer, each, 200, "a live session")
    for each in load.live.values():
        expect(newcomer, each, 200, "a session that was minted meanwhile")
    for each in load.ended.values():
        expect(newcomer, each, 401, "what ended meanwhile", STALENESS_S)
    stage.history.check_revoked_stay_dead(STALENESS_S)


def look_up_before_the_position(stage):
    """A newcomer that does not know yet where the log ends looks a session up. The session ends elsewhere. Then the
    newcomer learns where the log ends, which is after that event, and only then comes the look-up's answer."""
    [old] = stage.start_replicas(1)
    known, doomed = mint_many(old, 2)
    newcomer = stage.new_replica(**{**PATIENT, "BACKEND_REVOCATION_MAX_STALENESS": "60s"})
    with ThreadPoolExecutor(1) as client:
        asked = newcomer.db.hold_request("select feed_epoch()", edge="feed")
        with asked:
            newcomer.service.spawn()
            assert asked.seen.wait(HANG_S), "the newcomer does not ask where the log ends"
            eventually(lambda: newcomer.resolve(known) == 200, "the newcomer looks up by the database")
            found = newcomer.db.hold_answer("find_session")
            looked_up = client.submit(newcomer.resolve, doomed)
            assert found.answered.wait(HANG_S), "nothing was looked up"
            cursor = eventually(lambda: old.revoke(doomed), "it is revoked")["cursor"]
        with found:
            newcomer.service.wait_until_ready()
        looked_up.result(HANG_S)
    stage.fired_by("position held", asked)
    stage.fired_by("load held", found)
    if newcomer.resolve(doomed, **{"X-Min-Cursor": cursor}) != 401:
        raise Violation("a look-up from before the position outlives a revocation from before it")
    stage.history.check_revoked_stay_dead(STALENESS_S)


def test_a_replica_that_joins_under_load_starts_exact(stage):
    joins_exact(stage)


@pytest.mark.control
def test_joining_needs_the_cursor_before_the_snapshot(stage):
    stage.expect_violation(joins_exact, without="cursor_before_snapshot")


def test_a_look_up_before_the_position_outlives_no_revocation(stage):
    look_up_before_the_position(stage)


@pytest.mark.control
def test_looking_up_before_the_position_needs_the_stamp_after_it(stage):
    stage.expect_violation(look_up_before_the_position, without="stamp_after_position")
