"""A cache of sessions that follows the feed, on a thread of its own."""

import hashlib
import logging
import random
import threading
import time

from .cache import SessionCache
from .client import Problem, Unavailable

WAIT_S = 1  # of a long poll: what it adds to the age of the lease
PAUSE_MIN_S, PAUSE_MAX_S = 0.05, 2.0  # after a failure


def boot_clock():
    """Seconds of a clock that nobody sets and that, on Linux, goes on while the machine sleeps: a lease ends then as well."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Denied(Exception):
    """The token is no live session's. `code` is `session_revoked`, `session_expired` or `session_unknown`."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Follower:
    """verify() answers from memory as long as the revocation log was read recently enough, and asks the service otherwise.
    What was revoked at T is denied at T + `staleness_max_s` at the latest, whatever happens in between.

    `on_events(events, is_reset)` is called on the thread that reads the feed, with each event once and in order. After a
    reset, events may be missing before those that come."""

    def __init__(self, client, cache=None, now=boot_clock, on_events=None):
        self._client, self._now = client, now
        self._cache = SessionCache() if cache is None else cache  # an empty one has no length
        self._on_events = on_events
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="portcullis-follower", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_stopping.set()
        self._thread.join()

    def verify(self, token, min_cursor=None):
        """The session of this token; Denied, or Unavailable when nobody can say. With the cursor of a revocation the
        answer is no older than that."""
        token_hash = _hash(token)
        verdict = self._peek(token_hash, min_cursor)
        if verdict[0] == "ask":
            verdict = self._load(token_hash, min_cursor)
        return _session_of(verdict)

    def recall(self, token):
        """As verify, but from memory alone: None when the service would have to be asked. Does not wait."""
        verdict = self._peek(_hash(token), None)
        return None if verdict[0] == "ask" else _session_of(verdict)

    @property
    def is_current(self):
        with self._lock:
            return self._cache.has_lease(self._now())

    def _peek(self, token_hash, min_cursor):
        with self._lock:
            return self._cache.peek(token_hash, self._now(), min_cursor)

    def _load(self, token_hash, min_cursor):
        with self._lock:
            load = self._cache.begin(token_hash, min_cursor)
        verdict = ("again", None)
        while verdict[0] == "again":
            with self._lock:
                question = self._cache.question(load)
            sent = self._now()
            try:
                answer = self._client.lookup(question)
            except (Problem, Unavailable):
                answer = None
            with self._lock:
                verdict = self._cache.finish(load, answer, sent, self._now())
        return verdict

    def _follow(self):
        pause_s = PAUSE_MIN_S
        while not self._is_stopping.is_set():
            with self._lock:
                query = self._cache.feed_query(WAIT_S)
            sent = self._now()
            try:
                page = self._client.revocations(query)
                with self._lock:
                    before = self._cache.position
                    self._cache.apply(page, sent)
                    is_reset = page["reset"] or before is not None and before[0] != self._cache.position[0]
                self._tell(page["events"], is_reset)
                pause_s = PAUSE_MIN_S
            except (Problem, Unavailable, ValueError):
                self._is_stopping.wait(pause_s * random.uniform(0.5, 1))
                pause_s = min(2 * pause_s, PAUSE_MAX_S)

    def _tell(self, events, is_reset):
        if self._on_events is None or not events and not is_reset:
            return
        try:
            self._on_events(events, is_reset)
        except Exception:  # whatever it is, the feed is read on
            logging.getLogger("portcullis").exception("on_events failed")


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()


def _session_of(verdict):
    kind, session = verdict
    if kind == "active":
        return session
    if kind == "unavailable":
        raise Unavailable("the session service cannot say")
    raise Denied("session_revoked" if kind == "dead" else f"session_{kind}")
