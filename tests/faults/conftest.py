"""What a fault test is given: the stage, on which it plays a scenario with a seed of its own.

A property is a function `scenario(stage)` that raises Violation when it does not hold. Its test plays it; its control
plays it with its failpoint armed and must see the Violation:

    def test_revoked_is_dead(stage):
        scenario(stage)

    @pytest.mark.control
    def test_revoked_is_dead_needs_the_lease(stage):
        stage.expect_violation(scenario, without="lease")
"""

import json
import random
import subprocess
import time

import pytest

from history import History, Violation
from http_client import HANG_S
from needs import need
from proxy import Network
from replicas import EdgeNode, Replica
from service import BINARY, environment

pytest_plugins = ["private_cluster", "shards"]

LOG_TAIL_CHARS = 8_000
CONTROL_ATTEMPTS = 8  # a race that must go wrong may need a few


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="of the first round; drawn when not given")
    parser.addoption("--rounds", type=int, default=1, help="how often each property is tried, each time with another seed")
    parser.addoption("--report", help="a file that gets a line of JSON for each round")


def pytest_configure(config):
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(2**31)


def pytest_report_header(config):
    return f"seed: {config.option.seed} (again: --seed {config.option.seed} --rounds {config.option.rounds})"


def pytest_sessionstart(session):
    if not session.config.option.collectonly and not BINARY.exists():
        pytest.exit(f"{BINARY} is not built; PORTCULLIS_BINARY names another", returncode=2)


def pytest_generate_tests(metafunc):
    if "stage" in metafunc.fixturenames:
        is_control = metafunc.definition.get_closest_marker("control") is not None
        rounds = 1 if is_control else metafunc.config.option.rounds
        first = metafunc.config.option.seed
        metafunc.parametrize("stage", range(first, first + rounds), indirect=True, ids=lambda seed: f"seed {seed}")


@pytest.fixture(scope="session")
def network():
    network = Network()
    yield network
    network.close()


@pytest.fixture(scope="session")
def has_failpoints():
    """Whether the binary is one that has failpoints: it then refuses a name that it does not know."""
    done = subprocess.run(
        [BINARY, "check-config"],
        env=environment({"PORTCULLIS_FAILPOINTS_ARMED": "nothing of the kind"}),
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )
    return "no failpoint is called" in done.stderr


class Stage:
    """Where one round of a scenario plays: its seed, its dice, its replicas, its history."""

    def __init__(self, seed, cluster, network, directory):
        self.seed = seed
        self.dice = random.Random(seed)
        self.cluster = cluster
        self.network = network
        self.directory = directory
        self.fired = {}  # fault: how often it acted
        self.measured = {}  # what a scenario wants in the report
        self.attempts = 0  # of a control, the one that was violated included
        self.replicas = []
        self.database = None
        self.without = None
        self._histories = 0
        self.clean()

    def clean(self):
        """Ends the replicas and begins a new history."""
        for replica in self.replicas:
            replica.close()
        for replica in self.replicas:
            replica.service.expect_no_crash()
        self.replicas.clear()
        if self._histories:
            self.history.close()
        self._histories += 1
        self.history = History(self.directory / f"history-{self._histories}.jsonl")

    def start_replicas(self, count, database=None, **settings):
        """Starts replicas and waits until all are ready. `database`: a fresh one in the shared cluster when None."""
        self.database = database or self.cluster.create_database()
        made = [self.new_replica(**settings) for _ in range(count)]
        for replica in made:
            replica.service.spawn()
        for replica in made:
            replica.service.wait_until_ready()
        return made

    def new_replica(self, **settings):
        """A replica on the stage's database that is not started yet."""
        if self.without:
            settings["PORTCULLIS_FAILPOINTS_ARMED"] = self.without
        replica = Replica(
            len(self.replicas), self.database, self.network, self.directory, self.history, **settings
        )
        self.replicas.append(replica)
        return replica

    def start_edge(self, replicas, **settings):
        """Starts an edge in front of `replicas` and waits until it is ready. A control's failpoint is armed in it, too."""
        if self.without:
            settings["PORTCULLIS_FAILPOINTS_ARMED"] = self.without
        edge = EdgeNode(len(self.replicas), replicas, self.network, self.directory, self.history, **settings)
        self.replicas.append(edge)
        edge.service.start()
        return edge

    def fired_by(self, name, fault):
        """Counts what a fault did; a fault that did nothing fails the test, since it then showed nothing."""
        count = fault if isinstance(fault, int) else fault.fired
        assert count, f"the fault {name} never acted"
        self.fired[name] = self.fired.get(name, 0) + count

    def expect_violation(self, scenario, without, attempts=CONTROL_ATTEMPTS):
        """Plays `scenario` with a failpoint armed; it must be violated, at the latest in the last of `attempts`."""
        self.without = without
        for _ in range(attempts):
            self.attempts += 1
            try:
                scenario(self)
            except Violation as violation:
                print(f"without {without}, attempt {self.attempts}: {violation}")
                return
            self.clean()
        pytest.fail(f"without {without} the property held {attempts} times: its test shows nothing")


@pytest.fixture
def stage(request, cluster, network, tmp_path):
    if request.node.get_closest_marker("control"):
        need(request.getfixturevalue("has_failpoints"), "a binary with failpoints: build with PORTCULLIS_FAILPOINTS")
    stage = Stage(request.param, cluster, network, tmp_path)
    request.node.stage = stage
    began = time.monotonic()
    yield stage
    stage.clean()
    report(request, stage, time.monotonic() - began)


def report(request, stage, took_s):
    if path := request.config.option.report:
        line = {
            "test": request.node.originalname,
            "control": request.node.get_closest_marker("control") is not None,
            "seed": stage.seed,
            "passed": getattr(request.node, "passed", False),
            "took_s": round(took_s, 1),
            "fired": stage.fired,
            "measured": stage.measured,
            "attempts": stage.attempts,
            "requests": sum(1 for _ in lines_of_histories(stage)),
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def lines_of_histories(stage):
    for path in sorted(stage.directory.glob("history-*.jsonl")):
        yield from path.open(encoding="utf-8")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the seed and the logs of the replicas next to a failure."""
    result = (yield).get_result()
    stage = getattr(item, "stage", None)
    if call.when == "call":
        item.passed = result.passed
    if result.failed and stage is not None:
        result.sections.append(("seed", f"--seed {stage.seed} --rounds 1; histories in {stage.directory}"))
        for path in sorted(stage.directory.glob("portcullis-*.log")):
            result.sections.append((f"log {path.name}", path.read_text(errors="replace")[-LOG_TAIL_CHARS:]))
