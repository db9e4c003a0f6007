"""What operations make the service do: counted from outside while a client sends them one by one."""

import collections
import contextlib
import mmap
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time

import common
import peers

sys.path.append(str(common.ROOT / "tests/blackbox"))
from callgrind import Callgrind  # noqa: E402

PAUSE_S = 0.003  # between operations, so that each finds everybody asleep
ATTACH_S = 1
FEED = re.compile(r"read_events|notify ", re.IGNORECASE)  # what only the log's reader says to PostgreSQL

IO, WORKER, READER, OTHER = "I/O", "database worker", "log reader", "others"


def threads_of(pid):
    return list(pathlib.Path(f"/proc/{pid}/task").iterdir())


def switches_of(pid):
    """{thread: how often it went to sleep}, of those that live."""
    out = {}
    for thread in threads_of(pid):
        with contextlib.suppress(FileNotFoundError):
            out[int(thread.name)] = int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", (thread / "status").read_text())[1])
    return out


def paced(operation, count):
    for _ in range(count):
        operation()
        time.sleep(PAUSE_S)


def seconds_of(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def traced(pid, work):
    """The calls that strace shows while `work` runs, and in as many seconds after it: (of the work, of the pause)."""
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "trace"
        tracer = subprocess.Popen(["strace", "-f", "-q", "-ttt", "-s", "256", "-o", out, "-p", str(pid)])
        time.sleep(ATTACH_S)
        began = time.time()
        work()
        ended = time.time()
        time.sleep(ended - began)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(common.START_TIMEOUT_S)
        lines = [re.match(r"(\d+) +(\d+\.\d+) (\w+)\((.*)", line) for line in out.read_text(errors="replace").splitlines()]
    calls = [(int(m[1]), float(m[2]), m[3], m[4]) for m in lines if m]
    return [c for c in calls if began <= c[1] < ended], [c for c in calls if c[1] >= ended]


def roles_of(pid, calls):
    """{thread: role}, by what each does in the calls of a change."""
    names = {int(thread.name): (thread / "comm").read_text().strip() for thread in threads_of(pid)}
    taking = collections.Counter(thread for thread, _, call, _ in calls if call == "epoll_wait")
    roles = {taking.most_common(1)[0][0]: IO}
    for thread, _, call, rest in calls:
        if call == "sendto" and thread not in roles and names.get(thread) == "caf.actor":
            roles[thread] = READER if FEED.search(rest) else WORKER
    return roles


def calls_by_role(calls, roles):
    return collections.Counter((roles.get(thread, OTHER), call) for thread, _, call, _ in calls)


class Allocations:
    """The counts of a process that `environment` was given to."""

    def __init__(self, directory):
        path = pathlib.Path(directory) / "allocation-count"
        path.write_bytes(bytes(16))
        library = peers.built("count_allocations.cpp", "g++", "-O2", "-shared", "-fPIC")
        self.environment = {"LD_PRELOAD": str(library), "COUNT_ALLOCATIONS_IN": str(path)}
        with open(path, "rb") as file:
            self._memory = mmap.mmap(file.fileno(), 16, access=mmap.ACCESS_READ)

    def read(self):
        return struct.unpack("QQ", self._memory)


def less_idle(busy, idle):
    """Counts of the work without what goes on beside it, which the pause shows."""
    return {key: busy[key] - idle.get(key, 0) for key in busy}


def count_calls(service, operations, count):
    """{operation: ({(role, system call): per operation}, {role: sleeps per operation})}."""
    out, roles = {}, {}
    for name, operation in reversed(operations.items()):  # changes first: they show who is who
        paced(operation, count // 4)  # not counted: everything warm
        busy, idle = traced(service.pid, lambda operation=operation: paced(operation, count))
        roles = {**roles_of(service.pid, busy), **roles}
        calls = less_idle(calls_by_role(busy, roles), calls_by_role(idle, roles))
        before = switches_of(service.pid)
        took = seconds_of(lambda operation=operation: paced(operation, count))
        middle = switches_of(service.pid)
        time.sleep(took)
        after = switches_of(service.pid)
        sleeps = collections.Counter()
        for thread in middle:
            if thread in before and thread in after:
                sleeps[roles.get(thread, OTHER)] += 2 * middle[thread] - before[thread] - after[thread]
        out[name] = ({key: number / count for key, number in calls.items()},
                     {role: number / count for role, number in sleeps.items()})
    return out


def count_allocations(counted, operations, count):
    """{operation: (allocations, bytes)}, each per operation and less what an idle service allocates."""
    out = {}
    for name, operation in operations.items():
        paced(operation, count // 4)
        start = counted.read()
        took = seconds_of(lambda operation=operation: paced(operation, count))
        middle = counted.read()
        time.sleep(took)
        end = counted.read()
        out[name] = tuple((2 * b - a - c) / count for a, b, c in zip(start, middle, end))
    return out


def count_instructions(dsn, directory, binary, operations_of, count):
    """{operation: instructions}, in a service that callgrind runs."""
    callgrind = Callgrind(directory)
    with common.start_service(dsn, directory, binary, launcher=callgrind.launcher) as service:
        out = {}
        for name, operation in operations_of(service).items():
            paced(operation, count // 4)
            out[name] = callgrind.count(service.pid, lambda operation=operation: paced(operation, count)) / count
        return out
