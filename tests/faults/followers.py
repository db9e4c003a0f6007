"""Subscribers that are cut off again and again and go on at another replica, each in a thread of its own."""

import abc
import threading
import time

from event_stream import Refused
from history import Violation, check_feed
from http_client import ConnectionEnded
from people import seq_of
from replicas import STALENESS_S
from waiting import PAUSE_S, eventually

POLL_WAIT_S = 1
PATIENCE_S = 2 * STALENESS_S  # who hears nothing for so long tries elsewhere


class Follower(abc.ABC):
    """Keeps of the feed what it was told completely, and the cursor of the last of that; with it it goes on, wherever
    the dice send it, for as long as the block lasts."""

    def __init__(self, replicas, dice, cursor=None):
        self.cursor = cursor
        self.began_at = cursor  # None until the first stream has told where it begins
        self.told = []  # (seq, session id), in the order of arrival
        self._replicas = replicas
        self._dice = dice
        self._open = None  # what it reads from
        self._error = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()

        def has_ended():
            if (open_now := self._open) is not None:
                open_now.interrupt()
            return not self._thread.is_alive()

        eventually(has_ended, "a follower ends")

    def is_past(self, cursor):
        if self._error:
            raise self._error
        return self.cursor is not None and seq_of(self.cursor) >= seq_of(cursor)

    def check(self, database, cursor):
        """That it was told every event of the log from its beginning up to `cursor`, in order and once."""
        rows = database.execute(
            "SELECT seq, session_id FROM revocation_events "
            f"WHERE seq > {seq_of(self.began_at)} AND seq <= {seq_of(cursor)} ORDER BY seq"
        ).split()
        expected = [(int(seq), session_id) for seq, session_id in (row.split("|") for row in rows)]
        told = [each for each in self.told if each[0] <= seq_of(cursor)]
        check_feed([seq for seq, _ in told], [seq for seq, _ in expected])
        if told != expected:
            raise Violation("an event does not tell what the log says")

    def keep(self, cursor, event):
        self.told.append((event["seq"], event["session_id"]))
        self.cursor = cursor

    def _run(self):
        try:
            while not self._stop.is_set():
                try:
                    self.follow(self._dice.choice(self._replicas))
                except (OSError, ConnectionEnded, Refused):
                    time.sleep(PAUSE_S)  # cut off, or the replica is not there: somewhere else, from the cursor
        except Exception as error:  # the test's thread must hear of it
            self._error = error

    @abc.abstractmethod
    def follow(self, replica):
        """Reads on until the connection ends, in whatever way."""


class StreamFollower(Follower):
    def follow(self, replica):
        how = self._dice.choice(["cursor", "last_event_id"])
        with replica.subscribe(through_proxy=True, **{how: self.cursor}) as stream:
            self._open = stream
            stream.set_timeout(PATIENCE_S)
            if self.cursor is None:
                self.cursor = self.began_at = stream.cursor
            while not self._stop.is_set():
                event = stream.next_event()
                if event.type == "reset":
                    raise Violation(f"a young cursor was reset: {self.cursor}, {event}")
                self.keep(event.id, event.data)


class LongPoller(Follower):
    """Asks for pages of JSON, and waits for the next event."""

    def follow(self, replica):
        with replica.connect(through_proxy=True) as connection:
            self._open = connection
            connection.set_timeout(PATIENCE_S)
            while not self._stop.is_set():
                position = f"cursor={self.cursor}&" if self.cursor else ""
                answer = connection.request(
                    "GET",
                    f"/api/v1/internal/revocations?{position}wait={POLL_WAIT_S}&limit={self._dice.randrange(1, 40)}",
                )
                if answer.status != 200:
                    raise OSError(f"no events: {answer}")
                self._take(answer.json)

    def _take(self, page):
        if page["reset"]:
            raise Violation(f"a young cursor was reset: {self.cursor}, {page}")
        if self.cursor is None:
            self.cursor = self.began_at = page["cursor"]
        for event in page["events"]:
            self.keep(f"{page['cursor'].partition('-')[0]}-{event['seq']}", event)
        self.cursor = page["cursor"]
