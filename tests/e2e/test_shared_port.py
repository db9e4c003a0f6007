"""Two processes on one port: BACKEND_HTTP_REUSE_PORT."""

import contextlib

import pytest

from http_client import Connection
from people import telegram
from service import free_port

CONNECTIONS = 64  # that one of two gets fewer than an eighth of them is a matter of one in a thousand million


@pytest.fixture
def pair(database, new_service):
    """Two services with a port each of their own, and the port that both listen on."""
    shared = free_port()
    services = [new_service(database, BACKEND_HTTP_REUSE_PORT="on") for _ in range(2)]
    for service in services:
        service.set("BACKEND_HTTP_ADDR", f"127.0.0.1:{service.port},127.0.0.1:{shared}")
        service.start()
    return services, shared


@contextlib.contextmanager
def connected(port):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Connection(port)) for _ in range(CONNECTIONS)]


def ask_all(connections, token, status):
    headers = {"Authorization": f"Bearer {token}"}
    for each in connections:
        assert each.request("GET", "/api/v1/internal/sessions/resolve", headers=headers).status == status


def test_connections_to_a_shared_port_are_spread_over_its_processes(pair):
    services, shared = pair
    token = services[0].gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"]
    before = [service.open_files() for service in services]
    with connected(shared) as connections:
        ask_all(connections, token, 200)
        served = [service.open_files() - count for service, count in zip(services, before)]
        assert min(served) >= CONNECTIONS // 8, served


def test_a_revocation_through_a_shared_port_holds_for_whoever_has_read_it(pair):
    services, shared = pair
    token = services[0].gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"]
    with connected(shared) as connections:
        ask_all(connections, token, 200)
        revoked = connections[0].request("POST", "/api/v1/internal/sessions/revoke", headers={"Authorization": f"Bearer {token}"})
        cursor = revoked.expect(200)["cursor"]
        headers = {"Authorization": f"Bearer {token}", "X-Min-Cursor": cursor}
        for each in connections:
            each.request("GET", "/api/v1/internal/sessions/resolve", headers=headers).expect_problem(401, "session_revoked")


def test_one_of_those_on_a_shared_port_stops_and_the_other_goes_on(pair):
    services, shared = pair
    token = services[0].gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"]
    services[0].stop()
    with connected(shared) as connections:
        ask_all(connections, token, 200)


def test_a_port_is_shared_only_by_those_who_all_ask_for_it(database, new_service):
    service = new_service(database, BACKEND_HTTP_REUSE_PORT="on").start()
    twin = new_service(database, BACKEND_HTTP_ADDR=f"127.0.0.1:{service.port}")
    twin.spawn()
    assert twin.wait_for_exit() != 0
    assert str(service.port) in twin.log
