"""Requests that two readers could understand differently, or that nobody honest sends: refused, and the connection
closed, so that nothing can hide behind them."""

import pytest

from http_client import encode_request

HOST = b"Host: portcullis.test\r\n"


def get(*fields, line=b"GET /healthz HTTP/1.1", host=HOST):
    return line + b"\r\n" + host + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def post(*fields, body=b""):
    return get(*fields, line=b"POST /api/v1/public/sessions/guest HTTP/1.1") + body


CHUNKED = b"Transfer-Encoding: chunked"

MALFORMED = {
    "no host": get(host=b""),
    "empty host": get(host=b"Host:\r\n"),
    "two hosts": get(b"Host: portcullis.test"),
    "two hosts in one": get(host=b"Host: a.test, b.test\r\n"),
    "host with a space": get(host=b"Host: a b\r\n"),
    "host with a user": get(host=b"Host: root@a.test\r\n"),
    "host with a path": get(host=b"Host: a.test/x\r\n"),
    "host with a strange port": get(host=b"Host: a.test:99999\r\n"),
    "two lengths": post(b"Content-Length: 2", b"Content-Length: 2", body=b"{}"),
    "two unequal lengths": post(b"Content-Length: 2", b"Content-Length: 3", body=b"{} "),
    "list of lengths": post(b"Content-Length: 2, 2", body=b"{}"),
    "signed length": post(b"Content-Length: +2", body=b"{}"),
    "negative length": post(b"Content-Length: -2", body=b"{}"),
    "hexadecimal length": post(b"Content-Length: 0x2", body=b"{}"),
    "overflowing length": post(b"Content-Length: 18446744073709551618", body=b"{}"),
    "length and chunks": post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
    "chunks and length": post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n"),
    "unknown coding": post(b"Transfer-Encoding: gzip", body=b""),
    "coding before chunked": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked twice": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "empty coding": post(b"Transfer-Encoding:", body=b""),
    "coding in quotes": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "chunk of no size": post(CHUNKED, body=b"x\r\n{}\r\n0\r\n\r\n"),
    "chunk that is longer": post(CHUNKED, body=b"2\r\n{} \r\n0\r\n\r\n"),
    "chunk size that overflows": post(CHUNKED, body=b"10000000000000002\r\n{}\r\n0\r\n\r\n"),
    "chunks in http/1.0": get(CHUNKED, line=b"POST /api/v1/public/sessions/guest HTTP/1.0") + b"0\r\n\r\n",
    "folded field": get(b"X-A: b\r\n c"),
    "space before the colon": get(b"X-A : b"),
    "field without a name": get(b": b"),
    "field without a colon": get(b"X-A"),
    "name that is no token": get(b"X(A): b"),
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: portcullis.test\n\n",
    "bare line feed in a field": get(b"X-A: b\nX-B: c"),
    "bare carriage return": get(b"X-A: b\rX-B: c"),
    "nul in a field": get(b"X-A: b\0c"),
    "nul in the target": get(line=b"GET /health\0z HTTP/1.1"),
    "space in the target": get(line=b"GET /health z HTTP/1.1"),
    "two spaces": get(line=b"GET  /healthz HTTP/1.1"),
    "asterisk with get": get(line=b"GET * HTTP/1.1"),
    "fragment": get(line=b"GET /healthz#top HTTP/1.1"),
    "no path": get(line=b"GET healthz HTTP/1.1"),
    "connect": get(line=b"CONNECT portcullis.test:443 HTTP/1.1"),
    "no version": b"GET /healthz\r\n\r\n",
    "lower-case protocol": get(line=b"GET /healthz http/1.1"),
    "method that is no token": get(line=b"G(T /healthz HTTP/1.1"),
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(32) + b"\r\n\r\n",
    "two tokens": get(b"Authorization: Bearer a", b"Authorization: Bearer b"),
}


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED.keys())
def test_it_is_malformed_and_the_connection_ends(service, request_bytes):
    with service.connect() as connection:
        smuggled = encode_request("GET", "/healthz", headers={"X-Request-Id": "smuggled"})
        connection.send(request_bytes + smuggled)
        answer = connection.read_response()
        answer.expect_problem(400, "request_malformed")
        assert answer.headers["Connection"] == "close"
        assert answer.headers["X-Request-Id"] != "smuggled"
        connection.expect_end()


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/1.2", b"HTTP/0.9"])
def test_another_version_is_not_spoken(service, version):
    with service.connect() as connection:
        connection.send(get(line=b"GET /healthz " + version))
        connection.read_response().expect_problem(505, "http_version_unsupported")
        connection.expect_end()


def test_what_came_before_a_malformed_request_is_answered(service):
    with service.connect() as connection:
        connection.send(encode_request("GET", "/healthz") * 3 + MALFORMED["two hosts"])
        assert [connection.read_response().status for _ in range(4)] == [200, 200, 200, 400]
        connection.expect_end()


def test_the_service_is_as_well_as_before(http):
    """Runs after all of the above."""
    assert http.get("/readyz").expect(200)["status"] == "ready"
