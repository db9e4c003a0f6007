"""What replicas must answer once the faults are over."""

from history import Violation
from waiting import eventually

TOLD_THE_TRUTH = {"mint": {201}, "resolve": {200, 401}, "revoke": {200}}


def expect(replica, minted, status, what):
    """What `replica` answers as soon as it answers at all."""

    def answer():
        found = replica.resolve(minted)
        return None if found == 503 else found

    found = eventually(answer, f"replica {replica.number} answers")
    if found != status:
        raise Violation(f"replica {replica.number}: {what} is {found}: {minted['session']['session_id']}")


def expect_kept(replicas, live, ended):
    """That sessions whose minting was acknowledged resolve everywhere, and those whose end was nowhere."""
    for replica in replicas:
        for minted in live.values():
            expect(replica, minted, 200, "an acknowledged session")
        for minted in ended.values():
            expect(replica, minted, 401, "a session whose end was acknowledged")


def expect_clear_answers(history):
    """That whoever was told anything was told how it is, or to come again. (None: the service was killed.)"""
    for entry in history.entries:
        if entry.status not in {*TOLD_THE_TRUTH[entry.what], 503, None}:
            raise Violation(f"not an answer of a service whose database is away for a while: {entry}")
