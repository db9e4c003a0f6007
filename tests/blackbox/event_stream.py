"""A reader of the revocation feed's `text/event-stream` form (HTML standard, section 9.2)."""

import json
from dataclasses import dataclass

from http_client import Connection


@dataclass
class Event:
    id: str
    type: str
    data: dict


class Refused(Exception):
    """The service answered `response` instead of a stream."""

    def __init__(self, response):
        super().__init__(f"refused: {response}")
        self.response = response


class EventStream:
    """A subscription. `opening` holds the fields that came before anything else, `retry` and `id`."""

    def __init__(self, port, cursor=None, last_event_id=None, small_window=False):
        self._connection = Connection(port, small_window)
        target = "/api/v1/internal/revocations" + (f"?cursor={cursor}" if cursor else "")
        headers = {"Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self._connection.send_request("GET", target, headers=headers)
        version, status, self.headers = self._connection.read_head()
        if status != 200:
            raise Refused(self._connection.read_body(version, status, self.headers))
        assert "Transfer-Encoding" not in self.headers and "Content-Length" not in self.headers
        self.opening = {}
        while "id" not in self.opening:
            self.opening.update(self.next_block())
        self.cursor = self.opening["id"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def next_block(self):
        """The fields of the next block that has any; comments are left out."""
        fields = {}
        while True:
            line = self._connection.read_line()
            if line.startswith(":"):
                continue
            if line == "":
                if fields:
                    return fields
                continue
            name, _, value = line.partition(":")
            assert name not in fields, f"{name} comes twice in one block"
            fields[name] = value.removeprefix(" ")

    def next_event(self):
        fields = self.next_block()
        assert set(fields) == {"id", "event", "data"}, f"not an event: {fields}"
        self.cursor = fields["id"]
        return Event(fields["id"], fields["event"], json.loads(fields["data"]))

    def next_events(self, count):
        return [self.next_event() for _ in range(count)]

    def next_comment(self):
        """The next line of the stream, which is to be a comment: for a stream on which nothing else happens."""
        line = ""
        while line == "":
            line = self._connection.read_line()
        assert line.startswith(":"), f"not a comment: {line!r}"
        return line

    def set_timeout(self, seconds):
        """The longest that a read may take from now on."""
        self._connection.set_timeout(seconds)

    def interrupt(self):
        """Ends a read that another thread waits in."""
        self._connection.interrupt()

    def close(self):
        self._connection.close()
