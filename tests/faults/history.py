"""What happened, in the order in which it was seen, and what must hold of it."""

import json
import threading
import time
from dataclasses import asdict, dataclass


class Violation(Exception):
    """A property does not hold. Nothing else is raised as one: a control is red by this and by nothing else."""


@dataclass
class Entry:
    """One request and its answer. Times are of the test's monotonic clock, in seconds: the service decided between them.
    `status` is None when no answer came; the outcome is unknown then."""

    begin: float
    end: float
    replica: int
    what: str  # mint | resolve | revoke | revoke_all
    subject: str  # the session's id, or the account's
    status: int | None
    detail: str = ""


class History:
    """Entries, from any thread. `path` gets one line of JSON for each."""

    def __init__(self, path):
        self.path = path
        self.entries = []
        self._lock = threading.Lock()
        self._file = open(path, "a", encoding="utf-8")

    def note(self, begin, replica, what, subject, status, detail=""):
        entry = Entry(begin, time.monotonic(), replica, what, subject, status, detail)
        with self._lock:
            self.entries.append(entry)
            self._file.write(json.dumps(asdict(entry)) + "\n")
        return entry

    def of(self, what, subject=None):
        with self._lock:
            return [e for e in self.entries if e.what == what and subject in (None, e.subject)]

    def close(self):
        self._file.close()

    # -- what must hold

    def check_revoked_stay_dead(self, bound_s):
        """Once a revocation is acknowledged, the replica that gave it never resolves the session again (rule 2), and no
        other does later than the bound (rule 3)."""
        acknowledged = {}
        for entry in self.of("revoke"):
            if entry.status == 200:
                first = acknowledged.get(entry.subject)
                if first is None or entry.end < first.end:
                    acknowledged[entry.subject] = entry
        for entry in self.of("resolve"):
            revocation = acknowledged.get(entry.subject)
            if revocation is None or entry.status != 200:
                continue
            late_s = entry.begin - revocation.end
            if late_s > (0 if entry.replica == revocation.replica else bound_s):
                raise Violation(f"resolved {late_s:.3f} s after its revocation was acknowledged: {entry}, {revocation}")


def check_feed(seen, expected):
    """A subscriber saw `seen` (sequence numbers, in the order of arrival) of what the log says it should have."""
    if seen != sorted(set(seen)):
        raise Violation(f"not in order, or twice: {seen}")
    missing = sorted(set(expected) - set(seen))
    if missing:
        raise Violation(f"{len(missing)} events were never seen, the first is {missing[0]}")
