"""Boot and stop, as an orchestrator sees them."""

import re
import socket
import time

import pytest

from http_client import ConnectionEnded
from needs import preloaded
from people import telegram
from waiting import eventually

SESSIONS = "/api/v1/internal/sessions"


def test_it_boots_without_its_database_and_is_ready_when_that_is_there(cluster, database, new_service):
    service = new_service(database, BACKEND_POSTGRES_OPERATION_TIMEOUT="1s")

    def checked():
        """What it checks, unless the machine stands still and there is no time for it."""
        answer = service.http.get("/readyz")
        assert answer.status == 503
        return answer.json.get("checks")

    with cluster.stopped():
        service.start_unready()
        service.http.get("/healthz").expect(200)
        checks = eventually(checked, "it tells what it lacks")
        assert set(checks) == {"database", "cache", "revocations"}
        assert checks["database"] != "ok" and checks["cache"] != "ok" and checks["revocations"] != "ok"
        early = service.gateway.post("/sessions", {"identity": telegram()})
        early.expect_problem(503, early.json["code"])
        early = service.resolve("pcs_" + "0" * 49)
        assert early.status in (401, 503)
    service.wait_until_ready()
    mints = lambda: service.gateway.post("/sessions", {"identity": telegram()}).status == 201
    eventually(mints, "a session is minted")


def test_sessions_are_in_memory_before_it_is_ready(cluster, database, new_service):
    service = new_service(database, BACKEND_REVOCATION_MAX_STALENESS="10m").start()
    tokens = [service.gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"] for _ in range(20)]
    service.stop()
    service.start()
    with cluster.stopped():
        assert [service.resolve(token).status for token in tokens] == [200] * 20


def test_no_boot_loses_what_it_read_into_memory(cluster, new_service):
    service = new_service(cluster.create_database()).start()
    for _ in range(20):
        service.gateway.post("/sessions", {"identity": telegram()}).expect(201)
    for _ in range(10):
        service.stop()
        service.start()
        assert sessions_in_memory(service) == 20


def sessions_in_memory(service):
    metrics = service.http.get("/metrics").body.decode()
    return int(re.search(r"^portcullis_session_cache_active_entries (\d+)$", metrics, re.MULTILINE)[1])


def test_two_that_boot_together_on_an_empty_database_both_come_up(cluster, new_service):
    database = cluster.create_database()
    services = [new_service(database).start_unready() for _ in range(3)]
    for service in services:
        service.wait_until_ready()


def test_a_stop_finishes_what_is_in_flight(database, new_service):
    patience = {"BACKEND_POSTGRES_OPERATION_TIMEOUT": "60s", "BACKEND_SHUTDOWN_TIMEOUT": "60s"}
    service = new_service(database, **patience).start()
    with service.connect() as connection:
        with database.locked("backend.accounts"):
            connection.send_request("POST", SESSIONS, body={"identity": telegram()})
            database.wait_for_blocked_statements()
            service.terminate()
            eventually(lambda: turns_newcomers_away(service), "the service takes nothing new")
            assert service.is_running
        answer = connection.read_response()
        assert answer.status == 201 and answer.headers["Connection"] == "close"
        connection.expect_end()
    assert service.wait_for_exit() == 0
    service.start()
    service.resolve(answer.json["token"]).expect(200)


def turns_newcomers_away(service):
    try:
        answer = service.http.get("/readyz")
    except (OSError, ConnectionEnded):
        return True
    if answer.status == 503:
        assert "Retry-After" in answer.headers
        return True
    return False


def test_a_stop_does_not_wait_for_ever(database, new_service):
    service = new_service(database, BACKEND_POSTGRES_OPERATION_TIMEOUT="5m", BACKEND_SHUTDOWN_TIMEOUT="1s").start()
    with service.connect() as connection, database.locked("backend.accounts"):
        connection.send_request("POST", SESSIONS, body={"identity": telegram()})
        database.wait_for_blocked_statements()
        service.terminate()
        assert service.wait_for_exit() == 0


def test_a_stop_that_is_held_up_for_a_moment_still_finishes_its_work(database, new_service):
    service = new_service(database, BACKEND_POSTGRES_OPERATION_TIMEOUT="5m", BACKEND_SHUTDOWN_TIMEOUT="5m").start()
    with service.connect() as connection:
        with database.locked("backend.accounts"):
            connection.send_request("POST", SESSIONS, body={"identity": telegram()})
            database.wait_for_blocked_statements()
            service.terminate()
            eventually(lambda: "msg=stopping" in service.log, "the service is stopping")
            service.freeze()
            service.proceed()
        assert connection.read_response("POST").status == 201
    assert service.wait_for_exit() == 0
    assert "took too long" not in service.log


def test_a_stop_does_not_wait_for_those_who_only_listen(database, new_service):
    service = new_service(database, BACKEND_SHUTDOWN_TIMEOUT="5m").start()
    with service.connect() as idle, service.connect() as polling, service.subscribe() as stream:
        assert idle.request("GET", "/healthz").status == 200
        polling.send_request("GET", "/api/v1/internal/revocations?wait=30")
        started = time.monotonic()
        service.stop()
        assert time.monotonic() - started < 25, "it waited for the long poll"
        idle.expect_end()
        with pytest.raises((ConnectionEnded, ConnectionResetError)):
            stream.next_event()


def test_a_stop_just_after_the_start_waits_for_nobody(database, new_service):
    """Several, since what was in flight between the parts of the process decides."""
    service = new_service(database).start()
    token = service.client("/api/v1/public").post("/sessions/guest").expect(201)["token"]
    service.stop()
    for _ in range(12):
        service.start()
        service.resolve(token).expect(200)
        service.stop()
    assert "without waiting" not in service.log and "some connections did not end" not in service.log


@pytest.mark.uninstrumented
def test_a_thread_that_ends_after_main_does_no_harm(database, new_service):
    preload = preloaded("PORTCULLIS_LATE_THREADS", "late_threads.cpp")
    service = new_service(database, LD_PRELOAD=preload).start()
    service.stop()
    assert int(re.search(r"^threads that end late: (\d+)$", service.log, re.MULTILINE)[1]) > 0


def test_a_second_start_on_the_same_port_says_why_it_cannot(database, new_service):
    service = new_service(database).start()
    twin = new_service(database, BACKEND_HTTP_ADDR=f"127.0.0.1:{service.port}")
    twin.spawn()
    assert twin.wait_for_exit() != 0
    assert str(service.port) in twin.log
    service.http.get("/readyz").expect(200)


def test_its_port_is_free_again_at_once(database, new_service):
    service = new_service(database).start()
    with service.connect() as connection:
        assert connection.request("GET", "/healthz").status == 200
        service.stop()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", service.port))


def test_an_interrupt_stops_it_as_well(database, new_service):
    service = new_service(database).start()
    service.interrupt()
    assert service.wait_for_exit() == 0


def test_a_log_line_is_structured_and_carries_the_request_id(database, new_service):
    service = new_service(database).start()
    service.http.get("/healthz", headers={"X-Request-Id": "find-me-7"}).expect(200)
    service.gateway.get("/sessions/resolve", headers={"X-Request-Id": "find-me-8"})
    service.stop()
    lines = service.log.splitlines()
    assert all(line.startswith(("ts=", "{")) for line in lines), "a line that is not structured"
    assert any("find-me-8" in line for line in lines)
