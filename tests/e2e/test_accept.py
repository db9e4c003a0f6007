"""`Accept` as RFC 9110 has it: any case, several lines, weights; and what a stream says to proxies."""

import pytest

from http_client import encode_request

PATH = "/api/v1/internal/revocations"

STREAM = {
    "plain": ["text/event-stream"],
    "in capitals": ["Text/Event-STREAM"],
    "the first of a list": ["text/event-stream, application/json;q=0.9"],
    "the last of a list": ["application/json;q=0.5 , text/event-stream"],
    "of equal weight": ["application/json, text/event-stream"],
    "on a second line": ["application/json;q=0.1", "text/event-stream"],
    "on a line after an empty one": ["", "text/event-stream"],
    "with a low weight alone": ["text/event-stream;q=0.001"],
    "with a weight in capitals": ["text/event-stream;Q=0.5"],
    "with white space about the weight": ["text/event-stream ; q=1.000"],
    "between empty elements": [", ,text/event-stream,,"],
    "with a wildcard beside it": ["text/event-stream, */*;q=0.1"],
    "beside a quoted comma": ['text/plain;title="a, b", text/event-stream'],
}

JSON = {
    "nothing": [],
    "empty": [""],
    "a wildcard": ["*/*"],
    "a wildcard of the type": ["text/*"],
    "json": ["application/json"],
    "of lower weight": ["text/event-stream;q=0.4, application/json;q=0.5"],
    "of lower weight on another line": ["application/json", "text/event-stream;q=0.9"],
    "of no weight": ["text/event-stream;q=0"],
    "of no weight at all": ["text/event-stream;q=0.000, */*"],
    "a name that begins alike": ["text/event-streams"],
    "a name that ends alike": ["x-text/event-stream"],
    "as a parameter": ["text/plain;format=text/event-stream"],
    "in quotes": ['text/plain;note="a, text/event-stream"'],
}


def ask(service, lines):
    """Sends one `Accept` for each of `lines`; the headers of the answer."""
    request = encode_request("GET", PATH)
    fields = "".join(f"Accept: {line}\r\n" for line in lines).encode()
    with service.connect() as connection:
        connection.send(request[:-2] + fields + b"\r\n")
        _, status, headers = connection.read_head()
    assert status == 200
    return headers


@pytest.mark.parametrize("lines", STREAM.values(), ids=STREAM.keys())
def test_a_stream_is_asked_for(service, lines):
    headers = ask(service, lines)
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["Cache-Control"] == "no-store, no-transform"  # or a proxy may hold it back to compress it
    assert headers["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("lines", JSON.values(), ids=JSON.keys())
def test_no_stream_is_asked_for(service, lines):
    headers = ask(service, lines)
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
