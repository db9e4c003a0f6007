"""What replicas must answer once the faults are over."""

import time

from history import Violation
from waiting import eventually

TOLD_THE_TRUTH = {"mint": {201}, "resolve": {200, 401}, "revoke": {200}}


def expect(replica, minted, status, what, within_s=0):
    """What `replica` answers as soon as it answers at all; within so many seconds where it may yet have to hear of it."""
    deadline = time.monotonic() + within_s

    def answer():
        is_early = time.monotonic() < deadline
        found = replica.resolve(minted)
        may_change = found != status and is_early
        return None if found == 503 or may_change else found

    found = eventually(answer, f"replica {replica.number} answers")
    if found != status:
        raise Violation(f"replica {replica.number}: {what} is {found}: {minted['session']['session_id']}")


def expect_kept(replicas, live, ended, within_s=0):
    """That sessions whose minting was acknowledged resolve everywhere, and those whose end was nowhere: at once, or for
    replicas that may yet have to hear of an end, within so many seconds."""
    for replica in replicas:
        for minted in live.values():
            expect(replica, minted, 200, "an acknowledged session")
        for minted in ended.values():
            expect(replica, minted, 401, "a session whose end was acknowledged", within_s)


def expect_clear_answers(history):
    """That whoever was told anything was told how it is, or to come again. (None: the service was killed.)"""
    for entry in history.entries:
        if entry.status not in {*TOLD_THE_TRUTH[entry.what], 503, None}:
            raise Violation(f"not an answer of a service whose database is away for a while: {entry}")
