"""What several scenarios do to replicas and ask of them."""

import contextlib
import pathlib
import time
from concurrent.futures import ThreadPoolExecutor

from people import seq_of
from waiting import eventually

AT_ONCE = 8
PATIENT = {"BACKEND_POSTGRES_OPERATION_TIMEOUT": "20s"}  # what a scenario holds back is not given up meanwhile


def mint_many(replica, count):
    return [eventually(replica.mint, "a session is minted") for _ in range(count)]


def ask_all(replica, sessions, **headers):
    """The status of a resolve of each, in their order."""
    with ThreadPoolExecutor(AT_ONCE) as clients:
        return list(clients.map(lambda each: replica.resolve(each, **headers), sessions))


def let_remember(replica, sessions):
    """Has `replica` hold all of them in memory."""
    eventually(lambda: set(ask_all(replica, sessions)) == {200}, "live sessions resolve")


def revoke_each(replica, sessions):
    """Ends all of them; returns the cursor of the last, and a time at which all was acknowledged."""
    for each in sessions:
        done = eventually(lambda: replica.revoke(each), "a session is revoked")
    return done["cursor"], time.monotonic()


def hear(stream, cursor):
    """Reads `stream` on until its replica has told of `cursor`: its memory has applied everything up to there."""
    while seq_of(stream.cursor) < seq_of(cursor):
        stream.next_event()


@contextlib.contextmanager
def frozen(replica):
    """No code of the replica's runs in this block."""
    replica.service.freeze()
    try:
        yield
    finally:
        replica.service.proceed()


def requests_queued(replica):
    """How many connections to the replica hold input that it has not read: /proc/net/tcp, proc(5)."""
    local = f":{replica.service.port:04X}"
    rows = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[1].endswith(local) and row[3] == "01" and not row[4].endswith(":00000000") for row in rows)
