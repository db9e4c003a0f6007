"""Bounded polling: the only way in which these tests wait."""

import time

from http_client import HANG_S

PAUSE_S = 0.02


def eventually(probe, what, within_s=HANG_S):
    """Calls `probe` until it returns something true, which is returned."""
    deadline = time.monotonic() + within_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"after {within_s} s still not: {what}")
        time.sleep(PAUSE_S)
