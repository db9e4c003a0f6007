"""What nginx keeps of an answer that may be kept: that one person's, for that long."""

import threading
import time

import pytest

from edge import Edge
from gateway import Gateway, is_installed
from needs import need
from service import Service
from tcp_server import TcpServer
from waiting import eventually


class Judge(TcpServer):
    """Stands in for Portcullis: knows everybody whose token begins with `pcs_`, and says how long that may be kept."""

    def __init__(self, max_age_s):
        self.asked = 0
        self._lock = threading.Lock()
        self._max_age_s = max_age_s
        super().__init__()

    def _serve(self, connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536) or b"\r\n\r\n"
            with self._lock:
                self.asked += 1
            connection.sendall(self._answer(head.decode("latin-1")))

    def _answer(self, head):
        _, found, token = head.partition("Authorization: Bearer pcs_")
        common = "Content-Length: 0\r\nConnection: close\r\n"
        if not found:
            return f"HTTP/1.1 401 No\r\n{common}Cache-Control: no-store\r\n\r\n".encode()
        # nginx heeds what comes first, and takes `private` for a ban.
        lifetime = f"X-Accel-Expires: {self._max_age_s}\r\nCache-Control: private, max-age={self._max_age_s}\r\n"
        return f"HTTP/1.1 200 OK\r\n{common}{lifetime}X-User-ID: {token.split()[0]}\r\n\r\n".encode()


@pytest.fixture(params=[1, 60])
def judged(request, application, tmp_path):
    need(is_installed("nginx"), "nginx")
    judge = Judge(request.param)
    gateway = Gateway("nginx", tmp_path, judge.port, application.port)
    judge.asked = 0
    yield judge, gateway, request.param
    gateway.stop()
    judge.stop()


def user_of(gateway, token):
    told = gateway.request(token=token).expect(200)
    return {name.lower(): value for name, value in told["headers"]}["x-user-id"]


def test_an_answer_is_kept_for_one_person_and_a_while(judged):
    judge, gateway, max_age_s = judged
    assert [user_of(gateway, "pcs_alice") for _ in range(5)] == ["alice"] * 5
    if max_age_s > 5:
        assert judge.asked == 1
    assert user_of(gateway, "pcs_bob") == "bob"
    assert user_of(gateway, "pcs_alic") == "alic"
    assert gateway.request(token="x").status == 401
    assert gateway.request().status == 401
    asked = judge.asked
    assert gateway.request().status == 401
    assert judge.asked == asked + 1  # a denial is never kept
    if max_age_s == 1:
        time.sleep(2.1)
        assert user_of(gateway, "pcs_alice") == "alice"
        assert judge.asked == asked + 2


# -- with Portcullis itself


@pytest.fixture(params=["service", "edge"])
def start_kept(request, cluster, application, tmp_path):
    """Starts a service, perhaps an edge in front of it, and nginx: `start_kept(max_age)` returns the service, who is asked
    by nginx, and nginx."""
    need(is_installed("nginx"), "nginx")
    running = []

    def start(max_age):
        is_edge = request.param == "edge"
        settings = {"VERDICT_MAX_AGE": max_age, "REVOCATION_MAX_STALENESS": "10m"}
        own = {} if is_edge else {f"BACKEND_{name}": value for name, value in settings.items()}
        service = asked = Service(cluster.create_database(), tmp_path, **own).start()
        running.append(service)
        if is_edge:
            settings = {f"GATEWAY_{name}": value for name, value in settings.items()}
            asked = Edge([service], tmp_path, **settings).start()
            running.append(asked)
        gateway = Gateway("nginx", tmp_path, asked.port, application.port)
        running.append(gateway)
        return service, asked, gateway

    yield start
    for each in reversed(running):
        if getattr(each, "is_running", True):
            each.stop()


def mint(service):
    return service.client("/api/v1/public").post("/sessions/guest").expect(201)


def test_nginx_keeps_what_portcullis_allows_it_to_keep(start_kept):
    service, asked, gateway = start_kept("5m")
    kept, other = mint(service), mint(service)
    assert user_of(gateway, kept["token"]) == kept["account"]["account_id"]
    asked.kill()
    assert user_of(gateway, kept["token"]) == kept["account"]["account_id"]
    assert gateway.request(token=other["token"]).status == 503
    assert gateway.request(token=kept["token"][:-1]).status != 200


def test_what_nginx_keeps_ends_soon_after_the_session(start_kept):
    service, _, gateway = start_kept("1s")
    minted = mint(service)
    assert user_of(gateway, minted["token"]) == minted["account"]["account_id"]
    service.gateway.delete(f"/sessions/{minted['session']['session_id']}").expect(200)
    eventually(lambda: gateway.request(token=minted["token"]).status == 401, "the kept answer ends")
