"""A collector of the tests' own: takes OTLP over HTTP and reads its protobuf by field numbers (opentelemetry-proto 1.x)."""

import contextlib
import gzip
import http.server
import struct
import threading
import time

from http_client import HANG_S, exchange

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def traced(is_sampled=True, **headers):
    """The header fields of a request in the trace `TRACE`, of the span `CALLER`."""
    return {"traceparent": f"00-{TRACE}-{CALLER}-0{int(is_sampled)}", **headers}


def fields(data):
    """The fields of a protobuf message as pairs of number and value: an int, or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == VARINT:
            yield key >> 3, varint()
        elif kind == FIXED64:
            yield key >> 3, struct.unpack_from("<Q", data, at)[0]
            at += 8
        elif kind == FIXED32:
            yield key >> 3, struct.unpack_from("<I", data, at)[0]
            at += 4
        else:
            assert kind == BYTES, f"wire type {kind}"
            size = varint()
            yield key >> 3, data[at : at + size]
            at += size


def all_of(data, number):
    return [value for key, value in fields(data) if key == number]


def one_of(data, number, default=None):
    return next(iter(all_of(data, number)), default)


def attributes(messages):
    """KeyValue messages as a dict: strings, bools and integers as what they are."""
    found = {}
    for message in messages:
        value = one_of(message, 2, b"")
        for number, content in fields(value):
            found[one_of(message, 1).decode()] = {
                1: lambda: content.decode(),
                2: lambda: bool(content),
                3: lambda: content,
                4: lambda: struct.unpack("<d", struct.pack("<Q", content))[0],
            }[number]()
    return found


def count_spans(request):
    """Of an ExportTraceServiceRequest."""
    scopes = [scope for resource in all_of(request, 1) for scope in all_of(resource, 2)]
    return sum(len(all_of(scope, 2)) for scope in scopes)


class Span:
    KINDS = {1: "internal", 2: "server", 3: "client"}

    def __init__(self, message):
        self.trace_id = one_of(message, 1).hex()
        self.span_id = one_of(message, 2).hex()
        self.trace_state = one_of(message, 3, b"").decode()
        self.parent_id = one_of(message, 4, b"").hex()
        self.name = one_of(message, 5).decode()
        self.kind = self.KINDS.get(one_of(message, 6))
        self.attributes = attributes(all_of(message, 9))
        self.links = [(one_of(link, 1).hex(), one_of(link, 2).hex()) for link in all_of(message, 13)]
        self.began, self.ended = one_of(message, 7), one_of(message, 8)
        self.dropped_attributes, self.dropped_links = one_of(message, 10, 0), one_of(message, 14, 0)
        self.is_failed = one_of(one_of(message, 15, b""), 3) == 2

    @property
    def id(self):
        """As a link names it."""
        return self.trace_id, self.span_id


class LogRecord:
    def __init__(self, message):
        self.severity = one_of(message, 2)
        self.body = one_of(one_of(message, 5), 1).decode()
        self.attributes = attributes(all_of(message, 6))
        self.trace_id = one_of(message, 9, b"").hex()
        self.span_id = one_of(message, 10, b"").hex()


class Metric:
    def __init__(self, message):
        self.name = one_of(message, 1).decode()
        self.unit = one_of(message, 3, b"").decode()
        content = dict(fields(message))
        if 9 in content:
            self.kind = "histogram"
            points = all_of(content[9], 1)
            self.labels = [attributes(all_of(point, 9)) for point in points]
        elif 7 in content:
            self.kind = "counter" if one_of(content[7], 3) else "updowncounter"
            self.labels = [attributes(all_of(point, 7)) for point in all_of(content[7], 1)]
        else:
            self.kind = "gauge"
            self.labels = [attributes(all_of(point, 7)) for point in all_of(content[5], 1)]


MARK = "/mark"  # asked by the tests themselves


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # whoever comes while the machine stands still

    def __init__(self, handler):
        self._handling = []
        super().__init__(("127.0.0.1", 0), handler)

    def process_request(self, request, client_address):
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        thread.start()
        self._handling.append(thread)  # those before a request that was answered are here by then

    def wait_for_all_so_far(self):
        for thread in list(self._handling):
            thread.join(HANG_S)


class Collector:
    """Answers with `status`, after `delay_s`; keeps what it took with 200. The first requests for the paths in `refusals`
    get an answer of their own each: a status, and header fields. `tls`: the server's context; then what is asked of the
    collector waits for no request that is on its way."""

    def __init__(self, status=200, delay_s=0, refusals=None, tls=None, body=b""):
        self.body = body  # of each answer
        self.status = status
        self.delay_s = delay_s
        self.refusals = {path: list(answers) for path, answers in (refusals or {}).items()}
        self.refused = []  # path, body and when
        self.requests = 0
        self.headers = []  # of every request
        self._taken = []
        self.taken_at = []
        self._tls = tls
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                collector._take(self)

            def log_message(self, *_):
                pass

        self._server = Server(Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _take(self, handler):
        if handler.path == MARK:
            return self._answer(handler, 200, {})
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if handler.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.headers.append(handler.headers)
        self.requests += 1
        status, headers = self.status, {}
        if self.refusals.get(handler.path):
            status, headers = self.refusals[handler.path].pop(0)
            self.refused.append((handler.path, body, time.monotonic()))
        time.sleep(self.delay_s)
        if status == 200:
            self._taken.append((handler.path, body))
            self.taken_at.append(time.monotonic())
        self._answer(handler, status, headers)

    def _answer(self, handler, status, headers):
        with contextlib.suppress(OSError):  # it did not wait for so long
            handler.send_response(status)
            handler.send_header("Content-Type", "application/x-protobuf")
            handler.send_header("Content-Length", str(len(self.body)))
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(self.body)

    def _all_taken(self):
        """What was sent by now: who sent it waits for a second at most, and may be gone before it is read."""
        if not self._tls:
            exchange(self._server.server_port, "POST", MARK)  # connections are accepted in their order
        self._server.wait_for_all_so_far()
        return list(self._taken)

    @property
    def taken(self):
        """Paths and bodies."""
        return self._all_taken()

    @property
    def raw(self):
        return [body for _, body in self._all_taken()]

    def _items(self, path):
        for taken, body in self._all_taken():
            if taken == path:
                for resource in all_of(body, 1):
                    for scope in all_of(resource, 2):
                        yield from all_of(scope, 2)

    def spans(self, path="/v1/traces"):
        return [Span(message) for message in self._items(path)]

    def trace(self, trace_id, path="/v1/traces"):
        return [span for span in self.spans(path) if span.trace_id == trace_id]

    def logs(self):
        return [LogRecord(message) for message in self._items("/v1/logs")]

    def metrics(self):
        return {metric.name: metric for metric in map(Metric, self._items("/v1/metrics"))}

    def resources(self):
        """Of each request."""
        return [attributes(all_of(one_of(one_of(body, 1), 1), 1)) for body in self.raw]

    def resource(self):
        return self.resources()[0]
