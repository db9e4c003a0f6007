"""An application behind a gateway: it answers with what reached it, and speaks WebSocket to those who ask."""

import base64
import contextlib
import hashlib
import json

from tcp_server import TcpServer

WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class EchoUpstream(TcpServer):
    """Each request that comes is kept in `seen`: its head, as it was on the wire."""

    def __init__(self):
        self.seen = []
        super().__init__()

    def _serve(self, connection):
        with contextlib.suppress(ConnectionError), connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                pairs = []
                while (field := stream.readline()) not in (b"\r\n", b""):
                    name, _, value = field.decode("latin-1").partition(":")
                    pairs.append((name, value.strip()))
                self.seen.append((line.decode("latin-1"), pairs))
                named = {name.lower(): value for name, value in pairs}
                if named.get("expect", "").lower() == "100-continue":
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                if named.get("upgrade", "").lower() == "websocket":
                    return self._echo_frames(connection, stream, named)
                body = self._read_body(stream, named)
                self._answer(connection, line.split()[0].decode(), line.split()[1].decode(), pairs, body)

    def _read_body(self, stream, named):
        if named.get("transfer-encoding", "").lower() != "chunked":
            return stream.read(int(named.get("content-length", 0)))
        body = b""
        while size := int(stream.readline().split(b";")[0], 16):
            body += stream.read(size)
            stream.readline()
        while stream.readline() not in (b"\r\n", b""):
            pass
        return body

    def _answer(self, connection, method, target, pairs, body):
        said = json.dumps({"method": method, "target": target, "headers": pairs, "body_bytes": len(body)}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n".encode()
        connection.sendall(head + (b"" if method == "HEAD" else said))

    def _echo_frames(self, connection, stream, named):
        digest = hashlib.sha1(named["sec-websocket-key"].encode() + WEBSOCKET_KEY).digest()
        accept = base64.b64encode(digest).decode()
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\nX-Seen-User: {named.get('x-user-id', '')}\r\n\r\n".encode()
        )
        while data := stream.read1(4096):
            connection.sendall(data)
