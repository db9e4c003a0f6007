"""A TCP proxy on loopback that misbehaves on demand: one for each edge of a service (database, client).

A fault is laid on with one of `Proxy`'s methods, acts until it is lifted, and counts in `fired` how often it did act:

    with proxy.blackhole(edge="feed") as fault:
        …
    assert fault.fired

All proxies share one event loop in a thread of its own, `Network`.
"""

import asyncio
import itertools
import socket
import struct
import threading

from http_client import HANG_S
from network_faults import Blackhole, CutAfter, CutAnswer, Delay, HoldAnswer, HoldHttpAnswer, HoldRequest, Refusal
from service import free_port
from wire import DOWN, UP, Cut, Wire

CHUNK_BYTES = 65_536


class Network:
    """The thread in which the proxies run."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def run(self, coroutine):
        """Runs `coroutine` in the network's thread and returns its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(HANG_S)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(HANG_S)


class Proxy:
    """Passes connections to `port` on to `target_port`. With `postgres`, an edge is called by the application_name of
    the connection, `pool` or `feed`."""

    def __init__(self, network, target_port, postgres=False):
        self.network = network
        self.port = free_port()
        self.faults = []
        self.accepted = 0
        self._target_port = target_port
        self._is_postgres = postgres
        self._wires = {}
        self._numbers = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self._listener.setblocking(False)
        self._tasks = set()
        network.run(self._start())

    # -- faults

    def blackhole(self, edge=None, directions=(UP, DOWN)):
        """Bytes vanish without a word, until the fault is lifted."""
        return self._lay_on(Blackhole(self, edge, directions))

    def delay(self, seconds, edge=None, directions=(UP, DOWN)):
        """Each chunk is late by `seconds`, a number or a function that draws one."""
        return self._lay_on(Delay(self, edge, directions, seconds))

    def refuse(self, edge=None):
        """Connections are reset at once, those that stand and new ones."""
        fault = self._lay_on(Refusal(self, edge, (UP, DOWN)))
        self.drop(edge, fault)
        return fault

    def cut_after(self, bytes_max, edge=None, directions=(UP, DOWN)):
        return self._lay_on(CutAfter(self, edge, directions, bytes_max))

    def cut_answer(self, statement, edge="pool", times=1):
        """Loses the answer to the next transactions that run `statement`, the name of a prepared one or the beginning of a
        query, after they are done."""
        return self._lay_on(CutAnswer(self, edge, statement, times))

    def hold_answer(self, statement, edge="pool", times=1):
        """Holds back the answer to the next transactions that run `statement`, until lifted."""
        return self._lay_on(HoldAnswer(self, edge, statement, times))

    def hold_request(self, statement, edge="pool"):
        """Keeps `statement` from the server until lifted."""
        return self._lay_on(HoldRequest(self, edge, statement))

    def hold_http_answer(self, request):
        """Holds back what answers `request`, the beginning of its first line, until lifted."""
        return self._lay_on(HoldHttpAnswer(self, request))

    def drop(self, edge=None, fault=None):
        """Resets the connections that stand; returns how many."""
        return self.network.run(self._drop(edge, fault))

    def half_close(self, edge=None, direction=DOWN):
        """Ends one direction of the connections that stand, as a peer that stops sending; returns how many."""
        return self.network.run(self._half_close(edge, direction))

    def heal(self):
        """Lifts all faults."""
        for fault in list(self.faults):
            fault.lift()

    def close(self):
        self.network.run(self._close())

    @property
    def open_connections(self):
        return len(self._wires)

    # -- in the network's thread

    def _lay_on(self, fault):
        async def append():
            self.faults.append(fault)

        self.network.run(append())
        return fault

    async def _start(self):
        self._spawn(self._accept())

    def _spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self):
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._listener)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            self._spawn(self._serve(client))

    async def _serve(self, client):
        wire = Wire(next(self._numbers), client)
        self._wires[wire.number] = wire
        is_reset = True
        try:
            await self._connect(wire)
            pumps = [asyncio.ensure_future(self._pump(wire, direction)) for direction in (UP, DOWN)]
            try:
                await asyncio.gather(*pumps)
                is_reset = False
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.wait(pumps)  # nobody waits on a socket that is closed
        except (Cut, OSError):
            pass
        finally:
            wire.close(is_reset)
            self._wires.pop(wire.number, None)

    async def _connect(self, wire):
        first = await self._read_start(wire) if self._is_postgres else b""
        for fault in list(self.faults):
            if fault.concerns(wire, UP):
                await fault.opened(wire)
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.attach(server)
        await asyncio.get_running_loop().sock_connect(server, ("127.0.0.1", self._target_port))
        await wire.deliver(UP, first)

    async def _read_start(self, wire):
        """The startup message, which tells whose connection this is."""
        loop = asyncio.get_running_loop()
        data = b""
        while len(data) < 4 or len(data) < struct.unpack_from("!I", data)[0]:
            more = await loop.sock_recv(wire.source(UP), CHUNK_BYTES)
            if not more:
                raise Cut
            data += more
        fields = data[8:].split(b"\0")
        names = dict(zip(fields[::2], fields[1::2]))
        wire.edge = "feed" if names.get(b"application_name", b"").endswith(b" feed") else "pool"
        return data

    async def _pump(self, wire, direction):
        loop = asyncio.get_running_loop()
        while True:
            data = await loop.sock_recv(wire.source(direction), CHUNK_BYTES)
            if not data:
                wire.half_close(direction)
                return
            await self._forward(wire, direction, data)

    async def _forward(self, wire, direction, data):
        messages = wire.follow(direction, data) if self._is_postgres else []
        for fault in list(self.faults):
            if data and fault.concerns(wire, direction):
                data = await fault.pass_on(wire, direction, data, messages)
        await wire.deliver(direction, data)

    async def _drop(self, edge, fault):
        doomed = [wire for wire in self._wires.values() if edge in (None, wire.edge)]
        for wire in doomed:
            wire.task.cancel()
        await asyncio.gather(*(wire.task for wire in doomed), return_exceptions=True)
        if fault is not None:
            fault.fired += len(doomed)
        return len(doomed)

    async def _half_close(self, edge, direction):
        closed = 0
        for wire in list(self._wires.values()):
            if edge in (None, wire.edge):
                wire.half_close(direction)
                closed += 1
        return closed

    async def _close(self):
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()
