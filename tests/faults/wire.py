"""A connection through a proxy, and what PostgreSQL's protocol says of the bytes on it."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

UP = "up"  # from who connected to the one behind the proxy: requests
DOWN = "down"  # the other way: answers

BIND = ord("B")
PARSE = ord("P")
QUERY = ord("Q")
READY_FOR_QUERY = ord("Z")
SYNC = ord("S")


class Cut(Exception):
    """Ends a connection by a reset, in both directions."""


@dataclass
class Message:
    """A message of PostgreSQL's protocol. `sync` numbers the ReadyForQuery that ends what it belongs to."""

    kind: int
    payload: bytes
    sync: int


class Wire:
    """One connection through the proxy."""

    def __init__(self, number, client):
        self.number = number
        self.edge = None
        self.task = asyncio.current_task()
        self._ends = {UP: client, DOWN: None}  # whom each direction is read from
        self._rest = {UP: b"", DOWN: b""}
        self._syncs = {UP: 1, DOWN: 1}  # the start itself is answered by the first ReadyForQuery

    def attach(self, server):
        self._ends[DOWN] = server

    def source(self, direction):
        return self._ends[direction]

    def sink(self, direction):
        return self._ends[DOWN if direction == UP else UP]

    def follow(self, direction, data):
        """The messages of PostgreSQL's protocol that end in the chunk `data`."""
        data = self._rest[direction] + data
        messages = []
        begin = 0
        while len(data) - begin >= 5:
            end = begin + 1 + struct.unpack_from("!I", data, begin + 1)[0]
            if len(data) < end:
                break
            kind, payload = data[begin], data[begin + 5 : end]
            begin = end
            if direction == UP:
                ends = kind in (SYNC, QUERY)
                messages.append(Message(kind, payload, self._syncs[UP] + 1))
            else:
                ends = kind == READY_FOR_QUERY
                messages.append(Message(kind, payload, self._syncs[DOWN]))
            self._syncs[direction] += ends
        self._rest[direction] = data[begin:]
        return messages

    async def deliver(self, direction, data):
        if data:
            await asyncio.get_running_loop().sock_sendall(self.sink(direction), data)

    def half_close(self, direction):
        """Tells the receiver of `direction` that nothing more will come that way."""
        if (end := self.sink(direction)) is not None:  # None: not yet connected that way
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_WR)

    def close(self, is_reset):
        for end in self._ends.values():
            if end is not None:
                if is_reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.close()
