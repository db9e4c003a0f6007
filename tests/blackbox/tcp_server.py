"""A server of the tests' own: what stands behind or in front of the one under test."""

import contextlib
import socket
import threading


class TcpServer:
    """Listens on a loopback port of its own (`port`) from the start. Each connection is handed to `_serve`, which a
    subclass has and which closes it, in a thread of its own."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        """Takes no more connections. Those that there are go on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends an `accept` that waits, which closing does not
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()


def copy(source, sink):
    """Passes on what `source` sends until it has ended, and tells `sink` so."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
