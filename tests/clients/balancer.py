"""A balancer of connections, as a service of a cluster has one in front."""

import contextlib
import itertools
import socket
import threading

from tcp_server import TcpServer, copy


class Balancer(TcpServer):
    """Each connection goes to the next of `ports`, and stays there."""

    def __init__(self, ports):
        self._turns = itertools.cycle(ports)
        super().__init__()

    def _serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", next(self._turns))) as behind:
            threading.Thread(target=copy, args=(behind, client), daemon=True).start()
            copy(client, behind)
