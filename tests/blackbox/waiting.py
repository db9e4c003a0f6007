"""Bounded polling: the only way in which these tests wait. And what to make of a machine that stood still."""

import time

from http_client import HANG_S, ConnectionEnded

PAUSE_S = 0.02
ATTEMPTS_MAX = 5


def eventually(probe, what, within_s=HANG_S):
    """Calls `probe` until it returns something true, which is returned. The last call begins after that time."""
    deadline = time.monotonic() + within_s
    while True:
        asked_at = time.monotonic()
        answer = probe()
        if answer:
            return answer
        if asked_at > deadline:
            raise AssertionError(f"after {within_s} s still not: {what}")
        time.sleep(PAUSE_S)


def in_time(limit_s, attempt):
    """Returns what `attempt` does, which holds only within so many seconds of its begin: a time-out of the service's own
    runs on while the machine stands still. What fails sooner has failed; what fails later is done anew."""
    for _ in range(ATTEMPTS_MAX - 1):
        began = time.monotonic()
        try:
            return attempt()
        except (AssertionError, ConnectionEnded, OSError):
            if time.monotonic() - began < limit_s:
                raise
    return attempt()
