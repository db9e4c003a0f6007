"""Everything is bounded, and past a bound there is a clear answer at once (rule 8)."""

import contextlib
import socket
import threading

import pytest

from event_stream import Refused
from http_client import HANG_S, ConnectionEnded, encode_request
from people import telegram
from service import Service
from waiting import eventually, in_time

GUEST = "/api/v1/public/sessions/guest"
KIB = 1024


IMPATIENT = {
    "BACKEND_HTTP_HEADER_TIMEOUT": "500ms",
    "BACKEND_HTTP_BODY_TIMEOUT": "500ms",
    "BACKEND_HTTP_WRITE_TIMEOUT": "1s",
    "BACKEND_REVOCATION_HEARTBEAT": "500ms",
    "BACKEND_HTTP_MAX_SUBSCRIBERS": "2",
}


@pytest.fixture(scope="module")
def impatient(database, tmp_path_factory):
    """A service with low limits, so that they can be reached."""
    service = Service(database, tmp_path_factory.mktemp("impatient"), **IMPATIENT).start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def restless(database, tmp_path_factory):
    """One that has no time for who is idle, either: a client that the machine holds up is late for it as well."""
    directory = tmp_path_factory.mktemp("restless")
    service = Service(database, directory, **IMPATIENT, BACKEND_HTTP_IDLE_TIMEOUT="500ms").start()
    yield service
    service.stop()


def json_of_size(size):
    return b'{"device":{"label":"%s"}}' % (b"x" * (size - len(b'{"device":{"label":""}}')))


def test_a_body_of_64_kib_is_read_and_one_byte_more_is_not(http):
    headers = {"Content-Type": "application/json"}
    assert http.post(GUEST, json_of_size(64 * KIB), headers=headers).status != 413
    http.post(GUEST, json_of_size(64 * KIB + 1), headers=headers).expect_problem(413, "body_too_large")


def test_the_answer_to_a_large_body_reaches_a_client_that_goes_on_sending(service):
    headers = {"Content-Type": "application/json"}
    request = encode_request("POST", GUEST, body=json_of_size(256 * KIB), headers=headers)
    with service.connect() as connection:
        connection.send(request)
        answer = connection.read_response()
        answer.expect_problem(413, "body_too_large")
        assert answer.headers["Connection"] == "close"
        connection.expect_end()


def test_a_large_body_is_refused_before_it_is_sent(service):
    headers = {"Content-Type": "application/json", "Content-Length": str(10**9), "Expect": "100-continue"}
    with service.connect() as connection:
        connection.send_request("POST", GUEST, headers=headers)
        connection.read_response().expect_problem(413, "body_too_large")


def test_chunks_cannot_go_round_the_limit(service):
    headers = {"Content-Type": "application/json", "Content-Length": None, "Transfer-Encoding": "chunked"}
    with service.connect() as connection:
        # At once: a service that has answered reads on for a moment only.
        connection.send(encode_request("POST", GUEST, headers=headers) + (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 5)
        connection.read_response().expect_problem(413, "body_too_large")
        connection.expect_end()


def expect_headers_too_large(service, request):
    with service.connect() as connection:
        connection.send(request)
        connection.read_response().expect_problem(431, "headers_too_large")
        connection.expect_end()


def test_the_headers_are_bounded_in_size(service):
    expect_headers_too_large(service, encode_request("GET", "/healthz", headers={"X-Filler": "x" * 64 * KIB}))


def test_the_headers_are_bounded_in_number(service):
    fields = {f"X-Filler-{number}": "x" for number in range(1001)}
    expect_headers_too_large(service, encode_request("GET", "/healthz", headers=fields))


def test_the_request_line_is_bounded(service):
    expect_headers_too_large(service, encode_request("GET", "/healthz?" + "x" * 64 * KIB))


def test_headers_that_never_end_are_cut_short(service):
    with service.connect() as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nX-Filler: " + b"x" * 80 * KIB)
        connection.read_response().expect_problem(431, "headers_too_large")
        connection.expect_end()


def test_a_head_that_does_not_come_is_not_waited_for(impatient):
    with impatient.connect() as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: portc")
        connection.read_response().expect_problem(408, "request_timeout")
        connection.expect_end()


def test_a_head_that_trickles_in_is_not_waited_for(impatient):
    """The time is that of the whole head: a byte now and then does not buy more of it."""
    with impatient.connect() as connection:
        connection.set_timeout(0.05)
        for byte in encode_request("GET", "/healthz", headers={"X-Filler": "x" * 5000}):
            connection.send(bytes([byte]))
            if connection.has_input():
                break
        connection.set_timeout(HANG_S)
        connection.read_response().expect_problem(408, "request_timeout")
        connection.expect_end()


def test_a_body_that_does_not_come_is_not_waited_for(impatient):
    with impatient.connect() as connection:
        connection.send(encode_request("POST", GUEST, body={"device": {}})[:-3])
        connection.read_response().expect_problem(408, "request_timeout")
        connection.expect_end()


def test_an_idle_connection_is_closed_in_silence(restless):
    def is_closed_after_an_answer():
        with restless.connect() as connection:
            assert connection.request("GET", "/healthz").status == 200
            connection.expect_end()

    in_time(0.5, is_closed_after_an_answer)
    with restless.connect() as connection:
        connection.expect_end()


def test_a_client_that_sends_and_does_not_read_is_cut_off(impatient):
    pipeline = encode_request("GET", "/metrics") * 100
    with impatient.connect(small_window=True) as connection:
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                connection.send(pipeline)


def test_a_quiet_subscriber_is_not_idle(restless):
    with in_time(0.5, restless.subscribe) as stream:
        for _ in range(4):  # four heartbeats: three times as long as an idle connection may be
            stream.next_comment()


def test_a_subscriber_too_many_is_turned_away_and_room_is_found_again(impatient):
    for _ in range(2):
        streams = [eventually(lambda: subscribed(impatient), "a subscriber has room") for _ in range(2)]
        assert subscribed(impatient) is None
        for stream in streams:
            stream.close()


def subscribed(service):
    """A stream, or None if it is turned away."""
    try:
        return service.subscribe()
    except Refused as refusal:
        refusal.response.expect_problem(503, "connection_limit")
        return None


def test_a_connection_too_many_is_turned_away_and_room_is_found_again(database, new_service):
    service = new_service(database, BACKEND_HTTP_MAX_CONNECTIONS="8").start()
    crowd = [eventually(lambda: admitted(service), "the service has room") for _ in range(8)]
    assert admitted(service) is None
    for connection in crowd:
        assert connection.request("GET", "/healthz").status == 200
        connection.close()
    service.wait_until_ready()


def admitted(service):
    """A connection that is served, or None if it is turned away: by an answer or a closed door, not by silence."""
    connection = service.connect()
    try:
        answer = connection.request("GET", "/healthz")
        if answer.status == 200:
            return connection
        answer.expect_problem(503, "connection_limit")
    except (ConnectionEnded, ConnectionResetError, BrokenPipeError):
        pass
    connection.close()
    return None


def test_a_full_queue_turns_requests_away_at_once(database, new_service):
    service = new_service(
        database,
        BACKEND_POSTGRES_MAX_QUEUE="4",
        BACKEND_POSTGRES_MAX_OPEN_CONNS="1",
        BACKEND_POSTGRES_MAX_BATCH="1",
        BACKEND_POSTGRES_OPERATION_TIMEOUT="60s",
    ).start()
    with contextlib.ExitStack() as crowd:
        connections = [crowd.enter_context(service.connect()) for _ in range(30)]
        with database.locked("backend.accounts"):
            for connection in connections:
                connection.send_request("POST", "/api/v1/internal/sessions", body={"identity": telegram()})
                connection.set_timeout(0.01)
            eventually(lambda: any(c.has_input() for c in connections), "a request is turned away")
        for connection in connections:
            connection.set_timeout(HANG_S)
        answers = [connection.read_response() for connection in connections]
    refused = [answer for answer in answers if answer.status != 201]
    assert 0 < len(refused) < 30
    for answer in refused:
        answer.expect_problem(503, "overloaded")


def test_clients_that_do_not_read_cost_no_descriptor(impatient):
    pipeline = encode_request("GET", "/metrics") * 100
    before = impatient.open_files()
    for _ in range(3):
        with impatient.connect(small_window=True) as connection:
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                while True:
                    connection.send(pipeline)
    eventually(lambda: impatient.open_files() <= before, "what they held is given back")


def test_it_listens_on_after_a_crowd_that_comes_and_goes_at_the_limit(database, new_service):
    """Connections end while others are accepted: the door is shut and opened within one turn of the loop."""
    service = new_service(database, BACKEND_HTTP_MAX_CONNECTIONS="2", BACKEND_LOG_LEVEL="error").start()
    crowd = [threading.Thread(target=come_and_go, args=(service, 80)) for _ in range(200)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    service.wait_until_ready()


def come_and_go(service, times):
    """Until nobody answers any more."""
    request = encode_request("GET", "/healthz")
    with contextlib.suppress(TimeoutError):
        for _ in range(times):
            with socket.create_connection(("127.0.0.1", service.port), HANG_S) as client:
                client.sendall(request)
                with contextlib.suppress(ConnectionResetError):
                    client.recv(4096)
