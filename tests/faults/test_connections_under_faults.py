"""Clients that come and go, and more of them than there are descriptors: no answer reaches somebody else, nothing
spins, and who is there is served."""

import itertools
import os
import pathlib
import random
import resource
import threading
import time

import pytest

from asking import mint_many
from history import Violation
from http_client import HANG_S, Connection, ConnectionEnded
from people import telegram
from waiting import eventually

INTERNAL = "/api/v1/internal"

# -- 11. clients that do not wait for their answers

LITTLE_MEMORY = {"BACKEND_SESSION_CACHE_MAX_ENTRIES": "1"}  # so that look-ups wait for the database
CLIENTS = 12
ANSWERS = 400  # that are read, of all clients together
SESSIONS_EACH = 4
LATE_S = 0.03

_nonces = itertools.count(1)


class RestlessClient:
    """Asks for what nobody else asks for, each time on a new connection, and leaves at any time, often before the
    answer."""

    def __init__(self, replica, sessions, dice):
        self.read = 0
        self.left = 0
        self._replica = replica
        self._sessions = sessions
        self._dice = dice

    def step(self):
        connection = self._replica.connect()
        asked = [self._ask(connection) for _ in range(self._dice.choice([1, 1, 1, 3]))]
        if self._dice.random() < 0.5:
            connection.set_timeout(self._dice.random() * 2 * LATE_S)
            if not connection.has_input():
                self.left += 1
                self._dice.choice([connection.close, connection.abort])()
                return
            connection.set_timeout(HANG_S)
        try:
            for nonce, own in asked:
                self._check(connection.read_response(), nonce, own)
        finally:
            connection.close()

    def _ask(self, connection):
        nonce = f"nonce-{next(_nonces)}"
        minted = self._dice.choice(self._sessions)
        session_id, account_id = minted["session"]["session_id"], minted["account"]["account_id"]
        identity = telegram()
        method, path, parts, own = self._dice.choice(
            [
                ("GET", f"{INTERNAL}/sessions/resolve", {"token": minted["token"]}, {"session_id": session_id}),
                ("GET", f"{INTERNAL}/accounts/{account_id}", {}, {"account": {"account_id": account_id}}),
                (
                    "POST",
                    f"{INTERNAL}/sessions",
                    {"body": {"identity": identity}},
                    {"account": {"identities": [{"external_id": identity["external_id"]}]}},
                ),
            ]
        )
        connection.send_request(method, path, headers={"X-Request-Id": nonce}, **parts)
        return nonce, own

    def _check(self, answer, nonce, own):
        if answer.headers["X-Request-Id"] != nonce:
            raise Violation(f"the answer to {answer.headers['X-Request-Id']} came to who asked {nonce}: {answer}")
        if answer.status in (200, 201) and not tells(answer.json, own):
            raise Violation(f"not the answer to {nonce}: {answer}")
        self.read += 1


def tells(found, wanted):
    """Whether `found` has all of `wanted` in the same places. An answer to somebody else may have any shape."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and tells(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(tells, found, wanted))
    return found == wanted


def answers_reach_who_asked(stage):
    [replica] = stage.start_replicas(1, **LITTLE_MEMORY)
    sessions = mint_many(replica, CLIENTS * SESSIONS_EACH)
    clients = [
        RestlessClient(replica, sessions[number::CLIENTS], random.Random(stage.dice.random()))
        for number in range(CLIENTS)
    ]
    late = random.Random(stage.dice.random())
    with replica.db.delay(lambda: late.random() * LATE_S, edge="pool") as slow:
        step_all(clients)
    stage.fired_by("late", slow)
    stage.fired_by("left before the answer", sum(each.left for each in clients))
    replica.service.wait_until_ready()


def step_all(clients):
    """Has each client act in a thread of its own until enough answers were read, or one was wrong."""
    errors, is_over = [], threading.Event()

    def run(client):
        try:
            while not is_over.is_set():
                client.step()
        except Exception as error:
            errors.append(error)
            is_over.set()

    threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: is_over.is_set() or sum(each.read for each in clients) >= ANSWERS, "answers are read")
    finally:
        is_over.set()
    if not errors:  # a client whose answer went elsewhere may wait for ever
        for thread in threads:
            thread.join(HANG_S)
    for error in sorted(errors, key=lambda each: not isinstance(each, Violation)):
        raise error


def test_no_answer_reaches_another_connection(stage):
    answers_reach_who_asked(stage)


@pytest.mark.control
def test_answers_need_the_generation_of_the_connection(stage):
    stage.expect_violation(answers_reach_who_asked, without="connection_generation")


# -- 13. no descriptors left

FEW_FILES = 360
FEW_CONNECTIONS = {"BACKEND_POSTGRES_MAX_OPEN_CONNS": "5", "BACKEND_SESSION_CACHE_MAX_ENTRIES": "1"}
NO_FILES = 3  # the standard streams; with less not even poll() works
CROWD = 1_000
WATCHED_S = 3
WATCHES = 4  # what comes to rest does so in one of them: a crowd takes its time to be turned away, a spin does not end
SPIN_SHARE = 0.3  # of a core, with nobody asking anything: a service takes a hundredth, a loop that spins what it gets
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS  # utime and stime, proc(5)


def expect_no_spin(replica, when):
    for _ in range(WATCHES):
        began_at, before = time.monotonic(), cpu_seconds(replica.service.pid)
        time.sleep(WATCHED_S)
        share = (cpu_seconds(replica.service.pid) - before) / (time.monotonic() - began_at)
        if share <= SPIN_SHARE:
            return
    raise Violation(f"{when} the service takes {share:.0%} of a core and nobody asks anything")


class Crowd:
    """Connections that ask for nothing. Those beyond the limit are told so and closed, or wait in the backlog."""

    def __init__(self, replica, count):
        self._connections = [Connection(replica.service.port) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self._connections:
            connection.close()


def expect_served(stage, replica, known, minted, when):
    """Who is connected is answered, by the database as well, which has to be reached anew."""
    if known.request("GET", "/healthz").status != 200:
        raise Violation(f"{when} the process does not answer")
    stage.fired_by("pool dropped", replica.db.drop("pool"))
    for each in minted:
        wait_for_answer(known, each, when)


def wait_for_answer(known, minted, when):
    try:
        eventually(
            lambda: known.request("GET", f"{INTERNAL}/sessions/resolve", token=minted["token"]).status == 200,
            "the database answers",
        )
    except (AssertionError, ConnectionEnded) as error:
        raise Violation(f"{when} the database is not reached: {error}") from error


def survives_a_crowd(stage):
    replica = start_with_few_files(stage)
    minted = mint_many(replica, 3)
    with replica.connect() as known:
        wait_for_answer(known, minted[0], "before the crowd")
        with Crowd(replica, CROWD):
            expect_no_spin(replica, "with more clients than descriptors")
            expect_served(stage, replica, known, minted, "with more clients than descriptors")
            stage.fired_by("clients without a descriptor", max(0, CROWD - replica.service.open_files()))
        replica.service.wait_until_ready()
        expect_served(stage, replica, known, minted, "after the crowd")


def start_with_few_files(stage):
    stage.database = stage.cluster.create_database()
    replica = stage.new_replica(**FEW_CONNECTIONS)
    replica.service.open_files_max = FEW_FILES
    replica.service.start()
    return replica


def test_more_clients_than_descriptors_are_survived(stage):
    survives_a_crowd(stage)


@pytest.mark.control
def test_a_crowd_needs_the_bound_of_connections(stage):
    stage.expect_violation(survives_a_crowd, without="connection_bound")


def survives_no_descriptors(stage):
    """The limit is lowered under the running process: not one descriptor is left, whatever it counts."""
    [replica] = stage.start_replicas(1, **FEW_CONNECTIONS)
    minted = mint_many(replica, 3)
    pid = replica.service.pid
    with replica.connect() as known:
        wait_for_answer(known, minted[0], "before")
        was = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (NO_FILES, was[1]))
        with Crowd(replica, 20):
            stage.fired_by("database dropped", replica.db.drop())  # and cannot be reached anew
            expect_no_spin(replica, "with no descriptor left")
            told = lambda: replica.service.log.count("no file descriptor is left")
            stage.fired_by("no descriptors", eventually(told, "the service notices"))
            if known.request("GET", "/healthz").status != 200:
                raise Violation("with no descriptor left the process does not answer who is connected")
            resource.prlimit(pid, resource.RLIMIT_NOFILE, was)
            replica.service.wait_until_ready()
            expect_served(stage, replica, known, minted, "once there are descriptors again")


@pytest.mark.uninstrumented  # a check of the undefined-behaviour sanitizer takes every object for garbage when it gets no pipe
def test_no_descriptors_at_all_are_survived(stage):
    survives_no_descriptors(stage)
