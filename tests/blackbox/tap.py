"""A TCP proxy that keeps what it passes on, and can refuse some of it."""

import contextlib
import socket
import threading

from tcp_server import TcpServer, copy


class Tap(TcpServer):
    """Passes connections to `behind` on. `received` is all that was sent to there."""

    def __init__(self, behind):
        self.received = b""
        self.refused = None  # connections that bring these bytes are closed, and `refusals` counts them
        self.refusals = 0
        self._behind = behind
        self._lock = threading.Lock()
        super().__init__()

    def _serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._behind)) as behind:
            threading.Thread(target=copy, args=(behind, client), daemon=True).start()
            while data := client.recv(65536):
                with self._lock:
                    self.received += data
                    if self.refused and self.refused in data:
                        self.refusals += 1
                        break
                behind.sendall(data)
            for each in (behind, client):
                each.shutdown(socket.SHUT_RDWR)
