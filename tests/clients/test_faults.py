"""All clients at once before three replicas, while faults come and go on every way between them: no event is missed and none
comes twice, what was revoked is dead within the bound and stays so, and who was not revoked is let in."""

import contextlib
import random
import threading
import time

import pytest

from asking import PATIENT
from balancer import Balancer
from history import History
from needs import need
from players import LANGUAGES, Player, Programs, is_here
from proxy import Network
from replicas import Replica
from waiting import eventually

STALENESS_S = 2
TIMEOUT_S = 2  # of a request: more than a long poll waits
STEP_S = 0.6  # how long each fault lasts
SESSIONS = 50
PAUSE_S = 0.003  # between questions: there are two processors for all of this


class Stage:
    """Replicas, each behind proxies of its own, and a balancer in front of them."""

    def __init__(self, cluster, directory):
        self._network = Network()
        self._history = History(directory / "history.jsonl")
        database = cluster.create_database()
        self.replicas = [Replica(n, database, self._network, directory, self._history, **PATIENT) for n in range(3)]
        for replica in self.replicas:
            replica.service.spawn()
        for replica in self.replicas:
            replica.service.wait_until_ready()
        self.balancer = Balancer([replica.front.port for replica in self.replicas])

    def faults(self, dice):
        """One of each, in some order: how it is laid on a replica."""
        kinds = [
            lambda replica: replica.front.blackhole(),
            lambda replica: replica.front.refuse(),
            lambda replica: replica.front.delay(0.3),
            lambda replica: replica.front.cut_after(400),
            lambda replica: replica.db.blackhole(),
            lambda replica: replica.db.refuse(),
        ]
        dice.shuffle(kinds)
        return kinds

    @contextlib.contextmanager
    def nobody_answers(self):
        with contextlib.ExitStack() as faults:
            for replica in self.replicas:
                faults.enter_context(replica.front.blackhole())
            yield

    def busiest(self):
        """The replica that most connections lead to."""
        return max(self.replicas, key=lambda replica: replica.front.open_connections)

    def close(self):
        self.balancer.stop()
        for replica in self.replicas:
            replica.close()
        self._network.close()
        self._history.close()


class Watcher:
    """A follower's program, asked of sessions without end on a thread; notes what it said and when it was asked."""

    def __init__(self, language, directory, url):
        self.language = language
        command = Programs(language, directory).conformance
        self._player = Player(command, url, str(1000 * STALENESS_S), str(1000 * TIMEOUT_S))
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._is_stopping = False
        self.said = []  # (begin, session's id, verdict)
        self.failure = None

    def watch(self, minted):
        self._minted = minted
        self._thread.start()

    def ask(self, minted):
        begin = time.monotonic()
        with self._lock:
            verdict = self._player.says(minted["token"])
        self.said.append((begin, minted["session"]["session_id"], verdict.split()[0]))
        return verdict

    def events(self):
        """Whether it is current, its resets, the seqs of its events."""
        with self._lock:
            state, resets, *seqs = self._player.says("events").split(" ")
        return state == "current", int(resets), [int(seq) for seq in seqs[0].split(",") if seq] if seqs else []

    def _watch(self):
        dice = random.Random(self.language)
        try:
            while not self._is_stopping:
                self.ask(dice.choice(self._minted))
                time.sleep(PAUSE_S)
        except Exception as error:  # for the test's own thread
            self.failure = error

    def rest(self):
        self._is_stopping = True
        self._thread.join()
        assert self.failure is None, f"{self.language}: {self.failure}"

    def stop(self):
        self._player.stop()


@pytest.fixture
def stage(cluster, tmp_path):
    stage = Stage(cluster, tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def watchers(stage, tmp_path):
    url = f"http://127.0.0.1:{stage.balancer.port}"
    made = []
    for language in LANGUAGES:
        need(is_here(language), f"the client for {language}")
        made.append(Watcher(language, tmp_path, url))
    yield made
    for watcher in made:
        watcher.stop()


def revoke(replica, minted):
    """When it was acknowledged, and the place in the log. A replica that was just cut off may have to connect first."""
    cursor = eventually(lambda: replica.revoke(minted), "it is revoked")["cursor"]
    return time.monotonic(), int(cursor.partition("-")[2])


def check(watcher, revoked, seqs):
    dead = set()
    for begin, session_id, verdict in watcher.said:
        if verdict == "denied":
            assert session_id in revoked, f"{watcher.language} denied a live session"
            dead.add(session_id)
        elif verdict == "active":
            assert session_id not in dead, f"{watcher.language} brought back a dead session"
            age_s = begin - revoked.get(session_id, begin)
            assert age_s < STALENESS_S, f"{watcher.language} let in a session {age_s:.3f} s after its end"
    _, resets, got = watcher.events()
    assert resets == 0
    assert got == seqs, f"{watcher.language} heard of other events"


def test_no_fault_makes_a_client_miss_an_end(stage, watchers):
    dice = random.Random(14)
    minted = [eventually(stage.replicas[0].mint, "a session is minted") for _ in range(SESSIONS)]
    for watcher in watchers:
        eventually(lambda: watcher.events()[0], "it has read the log")
        for each in minted:
            eventually(lambda: watcher.ask(each) == f"active {each['session']['session_id']}", "it is let in")
        watcher.watch(minted)

    doomed, revoked, seqs = list(minted[: SESSIONS // 2 + 4]), {}, []

    def end_one(replica):
        each = doomed.pop()
        revoked[each["session"]["session_id"]], seq = revoke(replica, each)
        seqs.append(seq)

    for lay_on in stage.faults(dice):
        ill = stage.busiest()
        with lay_on(ill) as fault:
            for replica in 2 * [each for each in stage.replicas if each is not ill]:
                time.sleep(STEP_S / 4)
                end_one(replica)
            eventually(lambda: fault.fired, "the fault acts")

    with stage.nobody_answers():  # for longer than memory may be believed
        for replica in stage.replicas:
            end_one(replica)
        time.sleep(1.5 * STALENESS_S)

    for watcher in watchers:
        watcher.rest()
        for each in minted:
            is_dead = each["session"]["session_id"] in revoked
            eventually(lambda: watcher.ask(each).startswith("denied" if is_dead else "active"), "it is told right")
        eventually(lambda: len(watcher.events()[2]) >= len(seqs), "it has heard of everything")
        check(watcher, revoked, sorted(seqs))
