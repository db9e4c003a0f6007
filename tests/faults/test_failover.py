"""Another server becomes the primary: the service finds it by itself, what a synchronous standby let be acknowledged is
there, and everybody is told that history has changed."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import mint_many, revoke_each
from history import Violation
from http_client import HANG_S
from listeners import Listener
from outcomes import expect, expect_clear_answers, expect_kept
from people import epoch_of
from replicas import STALENESS_S
from servers import primary_and_standby
from waiting import eventually
from workload import Workload

CONTROL_PATIENCE_S = 15  # for what is not to come
WORK_BEFORE = 40  # acknowledged changes before the fault, and again after it


def kill(primary):
    primary.kill()


def demote(primary):
    """What an operator does who wants the server to stay up: it takes no more writes, connections stand."""
    primary.set("default_transaction_read_only", "on")


def promotion_keeps_what_was_acknowledged(stage, fault):
    """The standby is synchronous, so it has whatever was acknowledged."""
    with primary_and_standby(synchronous=True) as (primary, standby), contextlib.ExitStack() as following:
        database = primary.create_database()
        replicas = stage.start_replicas(3, database, ports=[primary.port, standby.port])
        listeners = [following.enter_context(Listener(replica)) for replica in replicas]
        with Workload(stage, replicas) as load:
            eventually(lambda: load.acknowledged > WORK_BEFORE, "the load has begun")
            fault(primary)
            struck_at = time.monotonic()
            felt = eventually(lambda: refusals(stage, struck_at), "the fault is felt")
            stage.fired_by(fault.__name__, len(felt))
            standby.promote()
            for replica in replicas:
                expect_back(stage, replica)
            acknowledged = load.acknowledged
            eventually(lambda: load.acknowledged > acknowledged + WORK_BEFORE, "the load goes on")
        told = end_one_that_all_hear_of(stage, replicas[0], listeners)
        for listener in listeners:
            listener.expect_new_history(standby.database(database.name), told)
        stage.history.check_revoked_stay_dead(STALENESS_S)
        expect_kept(replicas, load.live, load.ended)
        expect_clear_answers(stage.history)


def survives_a_killed_primary(stage):
    promotion_keeps_what_was_acknowledged(stage, kill)


def survives_a_demoted_primary(stage):
    promotion_keeps_what_was_acknowledged(stage, demote)


def lost_events_are_lost_for_everybody(stage):
    """The standby does not have the last events. Until it is promoted nobody may take its word; then everybody must."""
    with primary_and_standby(synchronous=False) as (primary, standby), contextlib.ExitStack() as following:
        database = primary.create_database()
        replicas = stage.start_replicas(3, database, ports=[primary.port, standby.port])
        listeners = [following.enter_context(Listener(replica)) for replica in replicas]
        here = stage.dice.choice(replicas)
        others = [replica for replica in replicas if replica is not here]
        kept, reprieved, ended = mint_many(here, 3)
        revoke_each(here, [ended])
        standby.wait_for_replay(primary)
        standby.stop()
        known, unheard_of = mint_many(here, 2)
        told, _ = revoke_each(here, [reprieved])
        for listener in listeners:
            eventually(lambda: listener.has_heard(told), "all hear of it")
        for replica in replicas:
            for each, status in ((kept, 200), (reprieved, 401), (known, 200)):
                expect(replica, each, status, "a session of before", within_s=STALENESS_S)
        primary.kill()
        standby.start()
        expect_nobody_takes_its_word(stage, others, unheard_of)
        standby.promote()
        for replica in replicas:
            expect_back(stage, replica)
        told = end_one_that_all_hear_of(stage, here, listeners)  # until they do, and within the bound, memory goes on
        for replica in replicas:
            expect(replica, kept, 200, "a session that the standby has")
            expect(replica, ended, 401, "a session whose end the standby has")
            expect(replica, reprieved, 200, "a session whose end was lost")
            for minted in (known, unheard_of):
                expect(replica, minted, 401, "a session that was lost")
        for listener in listeners:
            listener.expect_new_history(standby.database(database.name), told)


def an_old_primary_that_comes_back_is_left_alone(stage):
    """It was down when its standby was promoted, and is started again as if nothing had happened: it takes writes, is first
    in the list, and knows nothing of what its successor has acknowledged."""
    with primary_and_standby(synchronous=False) as (primary, standby):
        database = primary.create_database()
        replicas = stage.start_replicas(2, database, ports=[primary.port, standby.port])
        [reprieved] = mint_many(replicas[0], 1)
        standby.wait_for_replay(primary)
        sessions = "SELECT count(*) FROM sessions"
        had = database.execute(sessions)  # one, and those of mints that were given up though they were done
        primary.kill()
        standby.promote()
        for replica in replicas:
            expect_back(stage, replica)
        assert eventually(lambda: replicas[0].revoke(reprieved), "it revokes")
        primary.start()
        for replica in replicas:
            tried = replica.databases[0].accepted
            replica.databases[1].drop()  # the successor's connections are lost for a moment
            eventually(lambda: replica.databases[0].accepted > tried, "the old primary is tried")
            stage.fired_by("connections to the old primary", replica.databases[0].accepted - tried)
        with Workload(stage, replicas) as load:
            eventually(lambda: load.acknowledged > WORK_BEFORE, "the load goes on")
        for replica in replicas:
            expect(replica, reprieved, 401, "a session that the successor has ended")
        # Its connection to the log was lost, so a replica may hear a little later of what the other has ended.
        expect_kept(replicas, load.live, load.ended, within_s=STALENESS_S)
        stage.history.check_revoked_stay_dead(STALENESS_S)
        has = database.execute(sessions)
        if has != had:
            raise Violation(f"{has} sessions on the old primary, which had {had} when it was killed")


def nothing_is_acknowledged_that_the_standby_does_not_have(stage):
    """A synchronous standby is away: what needs it is refused in time, what does not goes on."""
    with primary_and_standby(synchronous=True) as (primary, standby):
        replicas = stage.start_replicas(2, primary.create_database(), ports=[primary.port, standby.port])
        [before] = mint_many(replicas[0], 1)
        standby.stop()
        for replica in replicas:
            if minted := replica.mint():
                raise Violation(f"acknowledged without the standby: {minted['session']['session_id']}")
            expect(replica, before, 200, "a session from before")
        stage.fired_by("commits that wait for the standby", waiting_commits(primary, replicas[0]))
        standby.start()
        for replica in replicas:
            expect_back(stage, replica)
        expect_clear_answers(stage.history)


def waiting_commits(primary, replica):
    """How many are seen to wait for a standby while the replica mints."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with ThreadPoolExecutor(1) as client:

        def seen():
            minting = client.submit(replica.mint)
            while not (count := int(primary.maintenance.execute(query))) and not minting.done():
                pass
            return count

        return eventually(seen, "a commit waits for the standby")


def expect_nobody_takes_its_word(stage, replicas, unheard_of):
    """`unheard_of` was acknowledged, and the standby does not have it: 503 as long as it is not the primary."""
    attempts = {replica: replica.databases[1].accepted for replica in replicas}
    tried = 0
    for replica in replicas:

        def has_tried_enough():
            if (status := replica.resolve(unheard_of)) not in (503, None):
                raise Violation(f"replica {replica.number} took the standby's word for a session: {status}")
            return replica.databases[1].accepted >= attempts[replica] + 3

        eventually(has_tried_enough, f"replica {replica.number} tries the standby")
        tried += replica.databases[1].accepted - attempts[replica]
    stage.fired_by("connections that the standby was tried with", tried)


def refusals(stage, since):
    return [each for each in stage.history.entries if each.begin >= since and each.status in (503, None)]


def expect_back(stage, replica):
    """The replica takes changes again, and says that it is ready, without having been restarted."""
    must(stage, replica.mint, f"replica {replica.number} mints again")
    must(stage, lambda: replica.service.http.get("/readyz").status == 200, f"replica {replica.number} is ready again")


def must(stage, probe, what):
    """`eventually`, where its failure is one of the property."""
    try:
        eventually(probe, what, CONTROL_PATIENCE_S if stage.without else HANG_S)
    except AssertionError as problem:
        raise Violation(str(problem)) from problem


def end_one(replica):
    """Ends a session; returns the cursor of its event."""
    minted = eventually(replica.mint, "it mints")
    return eventually(lambda: replica.revoke(minted), "it revokes")["cursor"]


def end_one_that_all_hear_of(stage, replica, listeners):
    """Ends sessions until all listeners have come over to the new history (each joins it where it then ends), and one
    more, whose event they must hear of."""

    def all_have_come():
        epoch = epoch_of(end_one(replica))
        return all(listener.has_heard_of(epoch) for listener in listeners)

    must(stage, all_have_come, "all listeners hear of the new history")
    cursor = end_one(replica)
    for listener in listeners:
        must(stage, lambda: listener.has_heard(cursor), f"the listener at replica {listener.number} hears of {cursor}")
    return cursor


def test_a_standby_takes_over_from_a_primary_that_was_killed(stage):
    survives_a_killed_primary(stage)


def test_a_standby_takes_over_from_a_primary_that_was_demoted(stage):
    survives_a_demoted_primary(stage)


def test_what_the_new_primary_does_not_have_is_lost_for_everybody(stage):
    lost_events_are_lost_for_everybody(stage)


def test_an_old_primary_that_comes_back_beside_its_successor_is_left_alone(stage):
    an_old_primary_that_comes_back_is_left_alone(stage)


def test_nothing_is_acknowledged_that_a_synchronous_standby_does_not_have(stage):
    nothing_is_acknowledged_that_the_standby_does_not_have(stage)


@pytest.mark.control
def test_telling_of_another_history_needs_the_check(stage):
    stage.expect_violation(survives_a_killed_primary, without="epoch_check")


@pytest.mark.control
def test_dropping_what_memory_held_needs_the_check(stage):
    stage.expect_violation(lost_events_are_lost_for_everybody, without="epoch_check")


@pytest.mark.control
def test_leaving_a_demoted_primary_needs_the_look_at_it(stage):
    stage.expect_violation(survives_a_demoted_primary, without="read_write_only")


@pytest.mark.control
def test_distrusting_a_standby_needs_the_look_at_it(stage):
    stage.expect_violation(lost_events_are_lost_for_everybody, without="read_write_only")


@pytest.mark.control
def test_leaving_an_old_primary_alone_needs_the_newest_timeline(stage):
    stage.expect_violation(an_old_primary_that_comes_back_is_left_alone, without="newest_timeline")
