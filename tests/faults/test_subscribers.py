"""The feed loses nothing: whoever comes back with its cursor goes on where it was, at any replica, and whoever does not
read costs the others nothing."""

import contextlib
import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import AT_ONCE, mint_many
from crowds import EVENT_ID, Readers, read_what_was_sent, subscribe, unread_bytes
from followers import LongPoller, StreamFollower
from history import Violation, check_feed
from people import seq_of
from waiting import eventually
from wire import DOWN, UP
from workload import Workload

SMALL_RINGS = [  # what is older than the ring comes from the table; a page may be more than the ring holds
    {"BACKEND_REVOCATION_RING_EVENTS": "16", "BACKEND_REVOCATION_PAGE_EVENTS": "7"},
    {"BACKEND_REVOCATION_RING_EVENTS": "2", "BACKEND_REVOCATION_PAGE_EVENTS": "50"},
]
NOISY = {
    "BACKEND_REVOCATION_HEARTBEAT": "200ms",  # a stream that is cut in silence is noticed
}
FOLLOWERS = 3  # of each kind
CUTS = 25  # before the replica is killed, while it is away, and after it came back


# -- 6. subscribers that are cut off


def own_dice(stage):
    return random.Random(stage.dice.random())


def cut_somewhere(dice):
    """In the head, in an event, or between many."""
    return dice.randrange(1, dice.choice([800, 4_000, 30_000]))


def resume_anywhere(stage):
    replicas = stage.start_replicas(3, **NOISY, **stage.dice.choice(SMALL_RINGS))
    first = eventually(lambda: position(replicas[0]), "the log is read")
    with contextlib.ExitStack() as block:
        followers = [
            block.enter_context(kind(replicas, own_dice(stage), cursor))
            for kind in (StreamFollower, LongPoller)
            for cursor in [first, *[None] * (FOLLOWERS - 1)]
        ]
        eventually(lambda: all(each.cursor for each in followers), "all follow")
        with Workload(stage, replicas, threads=3, revoke_share=0.5, resolve_share=0):
            cut_and_kill(stage, replicas)
        target = last_cursor(replicas, stage.database)
        spare = iter(mint_many(replicas[0], CUTS))

        def all_are_past():
            if all(each.is_past(target) for each in followers):
                return True
            if minted := next(spare, None):
                replicas[0].revoke(minted)  # who missed the last event is not told of that by silence
            return False

        eventually(all_are_past, "all hear of the last event")
    for each in followers:
        each.check(stage.database, target)


def cut_and_kill(stage, replicas):
    with contextlib.ExitStack() as faults:
        cuts = []
        for replica in replicas:
            dice, late = own_dice(stage), own_dice(stage)
            cut = replica.front.cut_after(lambda dice=dice: cut_somewhere(dice), directions=(DOWN,))
            cuts.append(faults.enter_context(cut))
            faults.enter_context(replica.front.delay(lambda late=late: late.random() * 0.02))

        def wait_for_cuts():
            target = sum(cut.fired for cut in cuts) + CUTS
            half_closed = 0

            def are_cut():
                nonlocal half_closed
                half_closed += stage.dice.choice(replicas).front.half_close(direction=stage.dice.choice([UP, DOWN]))
                return sum(cut.fired for cut in cuts) >= target

            eventually(are_cut, "streams are cut")
            stage.fired_by("half closed", half_closed)

        wait_for_cuts()
        victim = stage.dice.choice(replicas)
        victim.service.kill()
        stage.fired_by("killed", int(not victim.service.is_running))
        wait_for_cuts()
        victim.service.spawn()
        victim.service.wait_until_ready()
        wait_for_cuts()
    stage.fired_by("cut", sum(cut.fired for cut in cuts))


def position(replica):
    """Where its feed is, or None while it cannot tell."""
    answer = replica.service.gateway.get("/revocations")
    return answer.json["cursor"] if answer.status == 200 else None


def last_cursor(replicas, database):
    epoch = eventually(lambda: position(replicas[0]), "the log is read").partition("-")[0]
    return f"{epoch}-{database.execute('SELECT max(seq) FROM revocation_events')}"


def test_a_subscriber_that_is_cut_resumes_at_any_replica_and_misses_nothing(stage):
    resume_anywhere(stage)


@pytest.mark.control
def test_resuming_needs_the_cursor(stage):
    stage.expect_violation(resume_anywhere, without="resume_from_cursor")


# -- 12. subscribers that never read

READERS = 950
NON_READERS = 50
BUFFER_BYTES = 32 * 1024
PATIENT = {
    "BACKEND_HTTP_MAX_SUBSCRIBER_BUFFER_BYTES": str(BUFFER_BYTES),
    "BACKEND_HTTP_WRITE_TIMEOUT": "10m",  # so that nothing but the buffer's bound ends a stream
    "BACKEND_POSTGRES_OPERATION_TIMEOUT": "20s",  # nothing here depends on how fast the database is
}
EVENTS_BEFORE = 200
EVENTS = 400  # of half a KiB: several times what the kernel and the service together may hold for who does not read
EVENTS_AHEAD = 50  # of those who read, which is less than the service's buffer: however slow they are, they may stay
MARGIN_BYTES = 64 * 1024 * 1024
# What the address sanitizer keeps of freed memory is resident, too; by default that is up to 256 MB.
SMALL_QUARANTINE = {"ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=8"]))}


def revoke_all_of(replica, sessions, readers):
    """Ends them, a few at once and each with a long reason, and waits now and then for those who read; returns when
    each was acknowledged, by its sequence number."""

    def revoke(minted):
        answer = replica.gateway.delete(f"/sessions/{minted['session']['session_id']}", {"reason": "x" * 200})
        return seq_of(answer.expect(200)["cursor"]), time.monotonic()

    acknowledged = {}
    with ThreadPoolExecutor(AT_ONCE) as clients:
        for begin in range(0, len(sessions), EVENTS_AHEAD):
            acknowledged.update(clients.map(revoke, sessions[begin : begin + EVENTS_AHEAD]))
            wait_for_readers(readers, acknowledged)
    return acknowledged


def wait_for_readers(readers, acknowledged):
    try:
        eventually(lambda: readers.have(max(acknowledged)), "all readers have all events")
    except AssertionError as error:
        raise Violation("those who read are held up by those who do not") from error
    if any(each.is_over for each in readers.readers):
        raise Violation("a subscriber that reads is cut off")


def resident_bytes(replica):
    metrics = replica.service.http.get("/metrics").body.decode()
    return float(re.search(r"^process_resident_memory_bytes (\S+)$", metrics, re.MULTILINE)[1])


def resume_after(replica, data, target):
    """What a subscriber gets in the end that got `data` before it was cut off."""
    seen = [int(seq) for seq in EVENT_ID.findall(data.rpartition(b"\n\n")[0] + b"\n")]
    cursor = re.findall(rb"^id: (\w+-\d+)$", data.rpartition(b"\n\n")[0], re.MULTILINE)[-1].decode()
    with replica.subscribe(cursor=cursor) as stream:
        while seq_of(stream.cursor) < target:
            seen.append(stream.next_event().data["seq"])
    return seen


def a_thousand_subscribe(stage):
    [replica] = stage.start_replicas(1, **PATIENT, **SMALL_QUARANTINE)
    with ThreadPoolExecutor(AT_ONCE) as clients:
        sessions = list(clients.map(lambda _: replica.mint(), range(EVENTS_BEFORE + EVENTS)))
    with Readers(replica.service.port, READERS) as readers, contextlib.ExitStack() as block:
        quiet = revoke_all_of(replica, sessions[:EVENTS_BEFORE], readers)
        before = resident_bytes(replica)
        silent = [block.enter_context(subscribe(replica.service.port, small_window=True)) for _ in range(NON_READERS)]
        metric = f"portcullis_revocation_subscribers {READERS + NON_READERS}\n"
        eventually(lambda: metric in replica.service.http.get("/metrics").body.decode(), "all are subscribed")
        loud = revoke_all_of(replica, sessions[EVENTS_BEFORE:], readers)
        grown = resident_bytes(replica) - before
        stage.fired_by("never read", sum(unread_bytes(client) > 0 for client in silent))
        stage.measured["resident grown MiB"] = round(grown / 2**20, 1)
        stage.measured["median delivery ms"] = round(readers.median_ms(quiet), 1)
        stage.measured["with those who never read"] = round(readers.median_ms(loud), 1)
        if grown > (READERS + NON_READERS) * BUFFER_BYTES + MARGIN_BYTES:
            raise Violation(f"memory has grown by {grown / 2**20:.0f} MiB")
        check_readers(readers, sorted([*quiet, *loud]))
        stage.measured["sent to those, KiB"] = check_non_readers(replica, silent, sorted(loud)) // 1024


def check_readers(readers, expected):
    for reader in readers.readers:
        check_feed(reader.seen, expected)


def check_non_readers(replica, silent, expected):
    """That each was cut off before all was sent, and can go on from there; returns the most that was sent to one."""
    sent = []
    for client in silent:
        data, is_cut = read_what_was_sent(client, expected[-1])
        if not is_cut:
            raise Violation(f"the service held {len(data)} bytes for a subscriber that never read")
        check_feed(resume_after(replica, data, expected[-1]), expected)
        sent.append(len(data))
    return max(sent)


def test_a_thousand_subscribers_and_some_never_read(stage):
    a_thousand_subscribe(stage)


@pytest.mark.control
def test_those_who_never_read_need_the_bound(stage):
    stage.expect_violation(a_thousand_subscribe, without="subscriber_bound")
