"""A TCP proxy that keeps what it passes on, and can refuse some of it."""

import contextlib
import socket
import threading


class Tap:
    """Passes connections to `behind` on. `received` is all that was sent to there."""

    def __init__(self, behind):
        self.received = b""
        self.refused = None  # connections that bring these bytes are closed, and `refusals` counts them
        self.refusals = 0
        self._behind = behind
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._behind)) as behind:
            threading.Thread(target=self._answer, args=(behind, client), daemon=True).start()
            while data := client.recv(65536):
                with self._lock:
                    self.received += data
                    if self.refused and self.refused in data:
                        self.refusals += 1
                        break
                behind.sendall(data)
            for each in (behind, client):
                each.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _answer(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
