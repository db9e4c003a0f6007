"""HTTP/1.1 over plain sockets: small, and nothing between the test and the bytes."""

import contextlib
import json
import re
import socket
import struct

HANG_S = 60  # a wait this long is a hang; nothing is expected to take it

PROBLEM_MEMBERS = {"type", "title", "status", "code", "detail"}


class ConnectionEnded(Exception):
    """The service closed the connection before the answer was complete; `partial` is what came."""

    def __init__(self, partial):
        super().__init__(f"connection ended after {len(partial)} bytes: {partial[:200]!r}")
        self.partial = partial


class Headers:
    """The header fields of a message, by name in any case."""

    def __init__(self, pairs):
        self.pairs = pairs

    def all(self, name):
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else default

    def __getitem__(self, name):
        value = self.get(name)
        assert value is not None, f"no {name} in {self.pairs}"
        return value

    def __contains__(self, name):
        return bool(self.all(name))


class Response:
    def __init__(self, version, status, headers, body):
        self.version = version
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        assert self.headers["Content-Type"] in ("application/json", "application/problem+json")
        return json.loads(self.body)

    def expect(self, status):
        """Asserts the status and returns the JSON of the body, or None when there is no body."""
        assert self.status == status, f"expected {status}, got {self}"
        return self.json if self.body else None

    def expect_problem(self, status, code):
        """Asserts a whole problem document (RFC 9457) and returns its detail."""
        assert self.status == status, f"expected {status} {code}, got {self}"
        assert self.headers["Content-Type"] == "application/problem+json"
        problem = json.loads(self.body)
        assert set(problem) == PROBLEM_MEMBERS, f"members of {problem}"
        assert all(isinstance(problem[name], str) and problem[name] for name in PROBLEM_MEMBERS - {"status"})
        assert (problem["status"], problem["code"]) == (status, code), f"expected {code}, got {problem}"
        assert not re.search(r"(?i)sqlstate|select |insert |libpq|pg_|psql|0x[0-9a-f]{6}", problem["detail"])
        assert ("Retry-After" in self.headers) == (status in (429, 503))
        return problem["detail"]

    def expect_unavailable(self):
        """Asserts that what would have to be asked does not answer. On a machine that stood still the deadlines of the
        operation and of the whole request are both over, and either is told of."""
        assert self.status == 503, f"expected 503, got {self}"
        assert self.json["code"] in ("database_unavailable", "deadline_exceeded"), self
        self.expect_problem(503, self.json["code"])

    def __repr__(self):
        return f"{self.status} {self.headers.pairs} {self.body[:500]!r}"


def encode_request(method, target, headers=None, body=None, token=None, version="1.1"):
    """The bytes of a request. A dict becomes a JSON body; `headers` win over what would be sent by itself."""
    fields = {"Host": "portcullis.test"}
    if isinstance(body, dict):
        body = json.dumps(body).encode()
        fields["Content-Type"] = "application/json"
    if body is not None or method in ("POST", "PUT", "PATCH"):
        fields["Content-Length"] = str(len(body or b""))
    if token is not None:
        fields["Authorization"] = f"Bearer {token}"
    fields.update(headers or {})
    lines = [f"{method} {target} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


class Connection:
    """One TCP connection. `small_window` makes one that can hold little that was not read."""

    def __init__(self, port, small_window=False):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.settimeout(HANG_S)
        if small_window:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self._socket.sendall(data)

    def set_timeout(self, seconds):
        self._socket.settimeout(seconds)

    def finish_sending(self):
        self._socket.shutdown(socket.SHUT_WR)

    def send_request(self, method, target, **parts):
        self.send(encode_request(method, target, **parts))

    def request(self, method, target, **parts):
        self.send_request(method, target, **parts)
        return self.read_response(method)

    def has_input(self):
        """Whether something has come that was not read; waits for the time-out at most."""
        try:
            return bool(self._buffer) or self._fill()
        except TimeoutError:
            return False

    def read_response(self, method="GET"):
        """The next response on the connection, `100 Continue` included."""
        version, status, headers = self.read_head()
        if method == "HEAD" or status in (204, 304) or status < 200:
            return Response(version, status, headers, b"")
        return self.read_body(version, status, headers)

    def read_body(self, version, status, headers):
        assert "Transfer-Encoding" not in headers, "answers of a known size are expected"
        if "Content-Length" in headers:
            return Response(version, status, headers, self._take(int(headers["Content-Length"])))
        return Response(version, status, headers, self.read_to_end())

    def read_head(self):
        lines = self._take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/(1\.[01]) (\d{3}) (.*)", lines[0])
        assert match, f"not a status line: {lines[0]!r}"
        pairs = []
        for line in lines[1:-2]:
            name, separator, value = line.partition(":")
            assert separator and name == name.strip(), f"not a header field: {line!r}"
            pairs.append((name, value.strip()))
        return match[1], int(match[2]), Headers(pairs)

    def read_line(self):
        return self._take_until(b"\n").decode("utf-8").rstrip("\r\n")

    def read_to_end(self):
        """All that comes until the service closes."""
        while self._fill():
            pass
        data, self._buffer = self._buffer, b""
        return data

    def expect_end(self):
        """Asserts that the service closes the connection and says nothing more."""
        rest = self.read_to_end()
        assert rest == b"", f"more after the last answer: {rest[:300]!r}"

    def close(self):
        self._socket.close()

    def interrupt(self):
        """Ends a read that another thread waits in."""
        with contextlib.suppress(OSError):  # the other side was faster
            self._socket.shutdown(socket.SHUT_RDWR)

    def abort(self):
        """Leaves with a reset, as a client that crashed."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _fill(self):
        data = self._socket.recv(65536)
        self._buffer += data
        return bool(data)

    def _take(self, size):
        while len(self._buffer) < size:
            if not self._fill():
                raise ConnectionEnded(self._buffer)
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _take_until(self, mark):
        while mark not in self._buffer:
            if not self._fill():
                raise ConnectionEnded(self._buffer)
        return self._take(self._buffer.index(mark) + len(mark))


def says_close(answer):
    return answer.headers.get("Connection", "").lower() == "close"


def exchange(port, method, target, **parts):
    """One request on a connection of its own."""
    with Connection(port) as connection:
        return connection.request(method, target, **parts)


class Client:
    """Speaks to the routes below `prefix`, and checks what the contract promises of every answer."""

    def __init__(self, port, prefix="", headers=None):
        self._port = port
        self._prefix = prefix
        self._headers = headers or {}

    def request(self, method, path, body=None, token=None, headers=None):
        target = self._prefix + path
        headers = {**self._headers, **(headers or {})}
        response = exchange(self._port, method, target, headers=headers, body=body, token=token)
        assert response.headers["X-Request-Id"]
        if target.startswith("/api"):
            assert response.headers["Cache-Control"] == "no-store"
        return response

    def get(self, path, **parts):
        return self.request("GET", path, **parts)

    def head(self, path, **parts):
        return self.request("HEAD", path, **parts)

    def post(self, path, body=None, **parts):
        return self.request("POST", path, body=body, **parts)

    def put(self, path, body=None, **parts):
        return self.request("PUT", path, body=body, **parts)

    def delete(self, path, body=None, **parts):
        return self.request("DELETE", path, body=body, **parts)
