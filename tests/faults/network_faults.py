"""What can be wrong with a connection through a proxy."""

import abc
import asyncio
import threading

from wire import BIND, DOWN, PARSE, QUERY, READY_FOR_QUERY, UP, Cut


class Fault:
    """Something that is wrong with the connections of `edge` (all, when None), in one direction or both.

    `fired` counts the chunks that it held, delayed or withheld and the connections that it cut."""

    def __init__(self, proxy, edge, directions):
        self.fired = 0
        self._proxy = proxy
        self._edge = edge
        self._directions = directions
        self._lifted = asyncio.Event()

    def concerns(self, connection, direction):
        return self._edge in (None, connection.edge) and direction in self._directions

    async def lift_inside(self):
        if self in self._proxy.faults:
            self._proxy.faults.remove(self)
        self._lifted.set()

    def lift(self):
        """Ends the fault; what it held back is passed on."""
        self._proxy.network.run(self.lift_inside())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lift()

    async def opened(self, connection):
        """A connection was made to the proxy."""

    async def pass_on(self, connection, direction, data, messages):
        """Returns what of `data` may go on, or raises Cut. `messages` are those of PostgreSQL that end in `data`."""
        return data


class Blackhole(Fault):
    """Nothing arrives, and nobody is told; TCP delivers it once the fault is lifted."""

    async def opened(self, connection):
        self.fired += 1

    async def pass_on(self, connection, direction, data, messages):
        self.fired += 1
        await self._lifted.wait()
        return data


class Delay(Fault):
    def __init__(self, proxy, edge, directions, seconds):
        super().__init__(proxy, edge, directions)
        self._seconds = seconds

    async def pass_on(self, connection, direction, data, messages):
        self.fired += 1
        seconds = self._seconds() if callable(self._seconds) else self._seconds
        try:
            await asyncio.wait_for(self._lifted.wait(), seconds)
        except asyncio.TimeoutError:
            pass
        return data


class Refusal(Fault):
    """Every connection is reset, those that are made meanwhile as well."""

    async def opened(self, connection):
        self.fired += 1
        raise Cut

    async def pass_on(self, connection, direction, data, messages):
        self.fired += 1
        raise Cut


class CutAfter(Fault):
    """Each connection is cut after so many more of its bytes have passed. `bytes_max` may be a function, asked anew for
    each connection."""

    def __init__(self, proxy, edge, directions, bytes_max):
        super().__init__(proxy, edge, directions)
        self._bytes_max = bytes_max
        self._left = {}

    async def pass_on(self, connection, direction, data, messages):
        if connection.number not in self._left:
            self._left[connection.number] = self._bytes_max() if callable(self._bytes_max) else self._bytes_max
        left = self._left[connection.number]
        if len(data) < left:
            self._left[connection.number] = left - len(data)
            return data
        self.fired += 1
        await connection.deliver(direction, data[:left])
        raise Cut


class HoldHttpAnswer(Fault):
    """What comes back on a connection that has sent `request`, the beginning of its first line, is held until lifted."""

    def __init__(self, proxy, request):
        super().__init__(proxy, None, (UP, DOWN))
        self._request = request.encode()
        self._asked = set()
        self.answered = threading.Event()  # an answer has come back as far as the proxy

    async def pass_on(self, connection, direction, data, messages):
        if direction == UP:
            if data.startswith(self._request):
                self._asked.add(connection.number)
            return data
        if connection.number in self._asked:
            self.fired += 1
            self.answered.set()
            await self._lifted.wait()
        return data


def runs(message, statement):
    """Whether `message` runs the prepared statement of that name, or a query whose text begins so."""
    if message.kind == BIND:
        return message.payload.split(b"\0", 2)[1] == statement
    if message.kind == PARSE:
        return message.payload.split(b"\0", 2)[1].startswith(statement)
    return message.kind == QUERY and message.payload.startswith(statement)


class HoldRequest(Fault):
    """A statement (see `runs`) reaches the server only when the fault is lifted, and what follows on its connection after
    it."""

    def __init__(self, proxy, edge, statement):
        super().__init__(proxy, edge, (UP,))
        self._statement = statement.encode()
        self.seen = threading.Event()  # it was asked for

    async def pass_on(self, connection, direction, data, messages):
        if any(runs(message, self._statement) for message in messages):
            self.fired += 1
            self.seen.set()
            await self._lifted.wait()
        return data


class StatementFault(Fault, abc.ABC):
    """Waits for a transaction that runs `statement` (see `runs`), on a PostgreSQL connection, and `act`s once its answer
    (its commit, or its refusal) has come back whole, before any of that answer is passed on."""

    def __init__(self, proxy, edge, statement, times):
        super().__init__(proxy, edge, (UP, DOWN))
        self._statement = statement.encode()
        self._times = times
        self._targets = {}  # wire: the sync that ends the transaction
        self._withheld = {}
        self.seen = threading.Event()  # the transaction was sent to the server
        self.answered = threading.Event()  # its outcome has come back as far as the proxy

    async def pass_on(self, connection, direction, data, messages):
        if direction == UP:
            for message in messages:
                if runs(message, self._statement) and self._times and connection not in self._targets:
                    self._times -= 1
                    self._targets[connection] = message.sync
                    self.seen.set()
            return data
        if connection not in self._targets:
            return data
        self._withheld[connection] = self._withheld.get(connection, b"") + data
        target = self._targets[connection]
        if not any(each.kind == READY_FOR_QUERY and each.sync >= target for each in messages):
            return b""
        self.fired += 1
        self.answered.set()
        del self._targets[connection]
        withheld = await self.act(self._withheld.pop(connection))
        if self._lifted.is_set():
            await self.lift_inside()
        return withheld

    async def lift_inside(self):
        self._times = 0
        self._lifted.set()
        if not self._targets and self in self._proxy.faults:
            self._proxy.faults.remove(self)

    @abc.abstractmethod
    async def act(self, withheld):
        """What the fault does to the connection whose answer is `withheld`."""


class CutAnswer(StatementFault):
    """The transaction is done, its answer is lost with the connection."""

    async def act(self, withheld):
        if self._lifted.is_set():
            return withheld
        raise Cut


class HoldAnswer(StatementFault):
    """The transaction is done, its answer comes when the fault is lifted; or never, when that is by `lose`."""

    _is_lost = False

    def lose(self):
        """Lifts the fault, and cuts the connections whose answer it holds."""
        self._is_lost = True
        self.lift()

    async def act(self, withheld):
        await self._lifted.wait()
        if self._is_lost:
            raise Cut
        return withheld
