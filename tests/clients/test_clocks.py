"""Leases and the clocks: the wall clock, which people and NTP set, neither lengthens nor ends one; a sleep of the machine ends
it, for the log was not read meanwhile."""

import os
import struct
import subprocess
import time

import pytest

from needs import preloaded
from players import CLIENTS, Player
from waiting import eventually

DAY_S = 86_400
TIMEOUT_MS = "30000"  # of a request
FEED = b"GET /api/v1/internal/revocations"
LOOKUP = b"POST /api/v1/internal/sessions/lookup"

pytestmark = pytest.mark.uninstrumented  # what moves the clocks is preloaded


class Clocks:
    """Those of a process, ahead of everybody else's by what is set."""

    def __init__(self, directory):
        self._path = directory / "clocks"
        self._path.write_bytes(bytes(16))
        self.environment = {
            "LD_PRELOAD": preloaded("PORTCULLIS_SHIFTED_CLOCK", "shifted_clock.cpp"),
            "SHIFTED_CLOCK_FILE": str(self._path),
        }

    def set(self, wall_s=0, boot_s=0):
        with open(self._path, "r+b") as file:
            file.write(struct.pack("qq", wall_s, boot_s))

    def expect_wall(self, ahead_s):
        """Of a process with these clocks."""
        told = subprocess.run(["date", "+%s"], env={**os.environ, **self.environment}, capture_output=True, check=True)
        assert abs(int(told.stdout) - time.time() - ahead_s) < DAY_S / 2, "the clock was not moved"


@pytest.fixture
def clocks(programs, tmp_path):
    if programs.language == "go":  # asks the kernel itself
        return None
    return Clocks(tmp_path)


@pytest.fixture
def begin(programs, clocks, tap):
    """A follower with a bound on staleness, once it answers for a session from memory; the feed is cut then."""
    begun = []

    def begin(token, staleness_ms):
        settings = (str(staleness_ms), TIMEOUT_MS)
        begun.append(Player(programs.conformance, f"http://127.0.0.1:{tap.port}", *settings, **clocks.environment))
        eventually(lambda: answers_from_memory(begun[0], tap, token), "an answer from memory")
        tap.refused = FEED
        eventually(lambda: tap.refusals, "the feed is cut")
        return begun[0]

    yield begin
    for follower in begun:
        follower.stop()


@pytest.fixture
def token(service):
    return service.client("/api/v1/public").post("/sessions/guest").expect(201)["token"]


def answers_from_memory(follower, tap, token):
    """Or else it has asked, and got an answer, unless the machine stands still for longer than an answer may take."""
    before = tap.received.count(LOOKUP)
    verdict = follower.says(token)
    is_asked = tap.received.count(LOOKUP) != before
    assert verdict.startswith("active ") or is_asked and verdict == "unavailable", verdict
    return not is_asked


def test_a_wall_clock_that_jumps_ends_no_lease(clocks, begin, tap, token):
    if clocks is None:
        return
    follower = begin(token, 3600 * 1000)
    for ahead_s in (30 * DAY_S, -30 * DAY_S, 0):
        clocks.set(wall_s=ahead_s)
        clocks.expect_wall(ahead_s)
        assert answers_from_memory(follower, tap, token)


def test_a_wall_clock_that_is_set_back_lengthens_no_lease(clocks, begin, tap, token):
    if clocks is None:
        return
    follower = begin(token, 1000)
    clocks.set(wall_s=-30 * DAY_S)
    clocks.expect_wall(-30 * DAY_S)
    eventually(lambda: not answers_from_memory(follower, tap, token), "the lease is over")


def test_a_machine_that_slept_has_no_lease(programs, clocks, begin, tap, token):
    if programs.language not in ("python", "cpp"):  # Node.js and Go are asked below
        return
    follower = begin(token, 3600 * 1000)
    clocks.set(boot_s=DAY_S)
    assert not answers_from_memory(follower, tap, token)


NODE_SLEEPS = """
import { bootClock } from "./clock.mjs";
let awake = 5000, uptimeS = 77;
const now = bootClock({ awake: () => awake, uptimeS: () => uptimeS });
const told = [now()];
awake += 1000; uptimeS += 1.004; told.push(now()); // hundredths of a second are noise
awake += 1000; uptimeS += 3601; told.push(now());
awake += 1000; uptimeS += 0.999; told.push(now());
console.log(JSON.stringify(told.map((each) => Math.round(each))));
"""


def test_the_clocks_of_node_and_go_count_the_sleep(programs):
    if programs.language == "node":
        command = ["node", "--input-type=module", "-e", NODE_SLEEPS]
        done = subprocess.run(command, cwd=CLIENTS / "node", capture_output=True, text=True, check=True)
        before, awake, slept, after = (int(each) for each in done.stdout.strip("[]\n").split(","))
        assert (before, awake) == (5000, 6000)
        assert abs(slept - 3_607_000) < 100 and after == slept + 1000
    if programs.language == "go":
        done = subprocess.run(["go", "test", "./..."], cwd=CLIENTS / "go", capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
