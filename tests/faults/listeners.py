"""Subscribers that stay on one connection while the servers behind it change."""

import threading

from history import Violation, check_feed
from http_client import HANG_S, ConnectionEnded
from people import epoch_of, seq_of


class Listener:
    """Follows the feed of one replica in a thread of its own and keeps all that it was told, resets included."""

    def __init__(self, replica):
        self.number = replica.number
        self.events = []
        self._stream = replica.subscribe()
        self._opened_at = self._stream.cursor
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stream.interrupt()
        self._thread.join(HANG_S)
        self._stream.close()

    def has_heard_of(self, epoch):
        return any(epoch_of(event.id) == epoch for event in list(self.events))

    def has_heard(self, cursor):
        """Whether the event at `cursor` was told."""
        return any(event.id == cursor and event.type != "reset" for event in list(self.events))

    def expect_new_history(self, database, cursor):
        """That it was told of another history before the first event of it, and then of every event that `database` has
        up to `cursor`, which it has heard of."""
        position, seen = self._opened_at, []
        for event in list(self.events):
            if event.type == "reset":
                position, seen = event.id, []
            elif epoch_of(event.id) == epoch_of(position):
                seen.append(seq_of(event.id))
            else:
                raise Violation(f"the listener at replica {self.number} got {event.id} after {position} and no reset")
        if position == self._opened_at:
            raise Violation(f"the listener at replica {self.number} never got a reset")
        query = f"SELECT seq FROM revocation_events WHERE seq > {seq_of(position)} AND seq <= {seq_of(cursor)}"
        logged = [int(seq) for seq in database.execute(query).split()]
        check_feed([seq for seq in seen if seq <= seq_of(cursor)], logged)

    def _run(self):
        try:
            while True:
                self.events.append(self._stream.next_event())
        except (OSError, ConnectionEnded):
            pass
