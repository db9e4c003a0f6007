"""TLS in front of a port that has none, for clients that insist on it."""

import contextlib
import socket
import ssl
import subprocess
import threading

from tcp_server import TcpServer, copy


def make_certificate(directory):
    """A certificate of its own authority for `localhost` and 127.0.0.1; returns the paths of it and its key."""
    certificate, key = directory / "server.pem", directory / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    return certificate, key


class TlsFront(TcpServer):
    def __init__(self, directory, port):
        self.certificate, key = make_certificate(directory)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._behind = port
        super().__init__()

    def _serve(self, connection):
        with contextlib.suppress(OSError), self._context.wrap_socket(connection, server_side=True) as client:
            with socket.create_connection(("127.0.0.1", self._behind)) as behind:
                threading.Thread(target=copy, args=(behind, client), daemon=True).start()
                copy(client, behind)
