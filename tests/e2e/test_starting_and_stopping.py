"""What a rolling restart needs: who comes early waits, what has begun to arrive is answered, and nobody is lost."""

import contextlib
import time

import pytest

from http_client import HANG_S, ConnectionEnded, encode_request, says_close
from people import telegram
from waiting import eventually, in_time

SESSIONS = "/api/v1/internal/sessions"
GUEST = "/api/v1/public/sessions/guest"
MIGRATION_LOCK = "backend.schema_migrations"
MIGRATOR = 7306084002  # the advisory lock of who migrates
IDLE_S = 5  # at a stop, for an idle connection's next request


# -- starting


def test_a_request_that_comes_early_waits_for_the_start(database, new_service):
    """The start is held up by a lock that its look at the schema needs."""
    service = new_service(database, BACKEND_POSTGRES_OPERATION_TIMEOUT="60s").start()
    token = service.client("/api/v1/public").post("/sessions/guest").expect(201)["token"]
    service.stop()
    with contextlib.ExitStack() as crowd:
        with database.locked(MIGRATION_LOCK):
            service.start_unready()
            early = [crowd.enter_context(service.connect()) for _ in range(20)]
            for connection in early[:10]:
                connection.send_request("GET", f"{SESSIONS}/resolve", token=token)
            for connection in early[10:]:
                connection.send_request("POST", SESSIONS, body={"identity": telegram()})
            pipelining = crowd.enter_context(service.connect())
            pipelining.send(encode_request("GET", f"{SESSIONS}/resolve", token=token) * 5)
            assert service.http.get("/readyz").status == 503  # it is answered, and not ready
            service.http.get("/api/v1/public/version").expect(200)
            assert not any(has_answer(connection) for connection in early)
        statuses = [connection.read_response().status for connection in early]
        assert statuses == [200] * 10 + [201] * 10
        assert [pipelining.read_response().status for _ in range(5)] == [200] * 5


def has_answer(connection):
    connection.set_timeout(0.01)
    try:
        return connection.has_input()
    finally:
        connection.set_timeout(HANG_S)


def test_the_wait_for_the_start_is_bounded(database, new_service):
    service = new_service(database, BACKEND_POSTGRES_OPERATION_TIMEOUT="1s").start()
    service.stop()
    with database.locked(MIGRATION_LOCK):
        service.start_unready()
        with service.connect() as connection:
            connection.request("POST", SESSIONS, body={"identity": telegram()}).expect_problem(503, "starting")
            assert connection.request("GET", "/healthz").status == 200  # and the connection is as good as before
    service.wait_until_ready()


def test_nothing_is_asked_of_a_schema_that_is_not_there_yet(cluster, new_service):
    database = cluster.create_database()
    service = new_service(database, BACKEND_CANARY_INTERVAL="100ms", BACKEND_GUEST_REAP_INTERVAL="1s")
    with database.amid(f"SELECT pg_advisory_lock({MIGRATOR})"):
        service.start_unready()
        time.sleep(1.5)  # the bulk revoker looks for work each half second
    service.wait_until_ready()
    assert "refused a statement" not in service.log


# -- stopping


@pytest.fixture
def patient(database, new_service):
    """One that gives those who are connected time at a stop, none before it."""
    return new_service(database, BACKEND_SHUTDOWN_TIMEOUT="60s").start()


def restarted(service):
    if service.is_running:
        service.kill()
    return service.start()


def wait_until_port_is_closed(service):
    def is_closed():
        try:
            service.connect().close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(is_closed, "the port is closed")


def test_half_a_request_at_the_stop_is_answered(patient):
    requests = {
        "head": encode_request("POST", GUEST, body={"device": {"label": "half"}}),
        "body": encode_request("POST", GUEST, body={"device": {"label": "half"}}),
        "line": encode_request("GET", "/healthz"),
    }
    cut_at = {"head": 30, "body": len(requests["body"]) - 5, "line": 3}
    with contextlib.ExitStack() as all_of:
        connections = {name: all_of.enter_context(patient.connect()) for name in requests}
        for name, connection in connections.items():
            connection.send(requests[name][: cut_at[name]])
        patient.http.get("/healthz").expect(200)  # they have been read by now
        patient.terminate()
        wait_until_port_is_closed(patient)
        for name, connection in connections.items():
            connection.send(requests[name][cut_at[name] :])
            answer = connection.read_response()
            assert answer.status in (200, 201), f"{name}: {answer}"
            assert says_close(answer)
            connection.expect_end()
    assert patient.wait_for_exit() == 0


def test_whoever_is_at_the_door_when_the_stop_comes_is_answered(patient):
    """Their handshakes are done, their requests sent, and none of them has been accepted.

    The signal's thread may wake later than the sockets': an answer of before does not tell of the stop, and the
    connection ends all the same.
    """
    with contextlib.ExitStack() as crowd:
        patient.freeze()
        at_the_door = [crowd.enter_context(patient.connect()) for _ in range(400)]
        for connection in at_the_door:
            connection.send_request("POST", GUEST)
        patient.terminate()
        patient.proceed()
        for connection in at_the_door:
            assert connection.read_response().status == 201
            connection.expect_end()
    assert patient.wait_for_exit() == 0


def test_half_a_request_that_stays_half_does_not_hold_the_stop_for_ever(database, new_service):
    service = new_service(database, BACKEND_SHUTDOWN_TIMEOUT="1s").start()
    with service.connect() as connection:
        connection.send(encode_request("POST", GUEST, body={"device": {}})[:-5])
        service.terminate()
        assert service.wait_for_exit() == 0
        with contextlib.suppress(ConnectionEnded, ConnectionResetError):
            assert connection.read_response().status in (408, 503)


def test_a_kept_alive_connection_has_its_next_request_answered_and_is_told_to_close(patient):
    token = patient.client("/api/v1/public").post("/sessions/guest").expect(201)["token"]

    def ask_after_the_stop():
        restarted(patient)
        with contextlib.ExitStack() as connections:
            connection, idle = (connections.enter_context(patient.connect()) for _ in range(2))
            for each in (connection, idle):
                answer = each.request("GET", f"{SESSIONS}/resolve", token=token)
                assert answer.status == 200 and not says_close(answer)
            patient.terminate()
            wait_until_port_is_closed(patient)
            answer = connection.request("GET", f"{SESSIONS}/resolve", token=token)
            assert answer.status == 200 and says_close(answer)
            connection.expect_end()
            assert patient.is_running, "it did not wait for the idle connection's next request"
            connections.pop_all()
            return idle

    with in_time(IDLE_S, ask_after_the_stop) as idle:
        idle.expect_end()  # without a word, when nothing comes
    assert patient.wait_for_exit() == 0


def test_what_is_pipelined_behind_the_last_answer_is_left_undone(patient):
    """RFC 9112, section 9.6: who reads `Connection: close` knows that nothing behind it was done, and may ask again."""

    def ask_after_the_stop():
        restarted(patient)
        with patient.connect() as connection:
            assert connection.request("GET", "/healthz").status == 200
            patient.terminate()
            wait_until_port_is_closed(patient)
            connection.send(encode_request("GET", "/healthz") * 3)
            first = connection.read_response()
            assert first.status == 200 and says_close(first)
            connection.expect_end()

    in_time(IDLE_S, ask_after_the_stop)
    assert patient.wait_for_exit() == 0


def test_before_the_stop_there_is_a_time_in_which_only_readiness_fails(database, new_service):
    service = new_service(database, BACKEND_SHUTDOWN_DELAY="60s").start()
    token = service.client("/api/v1/public").post("/sessions/guest").expect(201)["token"]
    with service.connect() as kept, service.subscribe() as stream:
        assert kept.request("GET", "/healthz").status == 200
        service.terminate()
        unready = eventually(lambda: answer_of_unready(service), "/readyz fails")
        assert unready["status"] == "draining"
        resolved = service.resolve(token)  # on a connection of its own
        assert resolved.status == 200 and says_close(resolved)
        ended = service.gateway.post("/sessions/revoke", token=token).expect(200)
        assert stream.next_event().id == ended["cursor"]  # streams go on
        answer = kept.request("GET", "/healthz")
        assert answer.status == 200 and says_close(answer)
        kept.expect_end()
        assert service.is_running
        service.kill()


def test_the_time_before_the_stop_passes(database, new_service):
    service = new_service(database, BACKEND_SHUTDOWN_DELAY="2s").start()
    began = time.monotonic()
    service.terminate()
    assert service.wait_for_exit() == 0
    assert time.monotonic() - began >= 2, "it did not wait"


def answer_of_unready(service):
    answer = service.http.get("/readyz")
    return answer.json if answer.status == 503 else None


def test_a_second_signal_ends_it_at_once(database, new_service):
    service = new_service(database, BACKEND_SHUTDOWN_DELAY="5m").start()
    service.terminate()
    eventually(lambda: "msg=stopping" in service.log, "the stop has begun")
    service.http.get("/healthz").expect(200)
    service.terminate()
    assert service.wait_for_exit() == 1
