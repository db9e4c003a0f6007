"""A thousand subscribers in one thread: a loop that reads whatever comes, for those that read at all."""

import fcntl
import re
import selectors
import socket
import statistics
import struct
import termios
import threading
import time

from http_client import HANG_S, encode_request
from waiting import eventually

SUBSCRIBE = encode_request("GET", "/api/v1/internal/revocations", headers={"Accept": "text/event-stream"})
EVENT_ID = re.compile(rb"^event: session\.revoked\nid: \w+-(\d+)$", re.MULTILINE)
OPENED = re.compile(rb"^id: \w+-\d+$", re.MULTILINE)
SAMPLED = 20  # one reader in so many notes when it got what


def subscribe(port, small_window=False):
    client = socket.socket()
    if small_window:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.settimeout(HANG_S)
    client.connect(("127.0.0.1", port))
    client.sendall(SUBSCRIBE)
    return client


def unread_bytes(client):
    """What has come to this end of a connection and was not read."""
    return struct.unpack("i", fcntl.ioctl(client, termios.FIONREAD, b"\0" * 4))[0]


class Reader:
    def __init__(self, client, notes_times):
        self.client = client
        self.is_open = False  # the service has told where the stream begins
        self.is_over = False
        self.seen = []
        self.times = {} if notes_times else None
        self._rest = b""

    def take(self, data):
        blocks, end, self._rest = (self._rest + data).rpartition(b"\n\n")
        seen = [int(seq) for seq in EVENT_ID.findall(blocks)]
        self.is_open = self.is_open or OPENED.search(blocks + end) is not None
        if self.times is not None:
            now = time.monotonic()
            self.times.update((seq, now) for seq in seen)
        self.seen += seen


class Readers:
    """`count` subscribers that read all that they are sent."""

    def __init__(self, port, count):
        self.readers = [Reader(subscribe(port), number % SAMPLED == 0) for number in range(count)]
        self._selector = selectors.DefaultSelector()
        for reader in self.readers:
            reader.client.setblocking(False)
            self._selector.register(reader.client, selectors.EVENT_READ, reader)
        self._stop = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        eventually(lambda: all(each.is_open for each in self.readers), "all are subscribed")
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(HANG_S)
        self._selector.close()
        for reader in self.readers:
            reader.client.close()

    def have(self, seq):
        """Whether each has got the event of that number; one that was cut off never will."""
        if self._error:
            raise self._error
        return all(each.is_over or (each.seen and each.seen[-1] >= seq) for each in self.readers)

    def median_ms(self, acknowledged):
        """From the acknowledgement of an event (`seq: time`) to its arrival at a reader."""
        late = [each.times[seq] - at for each in self.readers if each.times for seq, at in acknowledged.items()]
        return 1000 * statistics.median(late)

    def _run(self):
        try:
            while not self._stop.is_set():
                for key, _ in self._selector.select(0.1):
                    self._read(key.data)
        except Exception as error:  # the test's thread must hear of it
            self._error = error

    def _read(self, reader):
        try:
            data = reader.client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            reader.take(data)
        else:
            reader.is_over = True
            self._selector.unregister(reader.client)


def read_what_was_sent(client, last_seq):
    """The events that lie between the service and a subscriber that never read, and whether the stream has ended before
    `last_seq`."""
    data = b""
    end = re.compile(rb"^id: \w+-%d\n.*\n\n" % last_seq, re.MULTILINE)
    try:
        while more := client.recv(65536):
            data += more
            if end.search(data, max(0, len(data) - 100_000)):
                return data, False
    except ConnectionResetError:
        pass
    return data, True
