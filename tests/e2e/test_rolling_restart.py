"""Two replicas behind nginx are replaced one after the other, amid requests: none of them is lost."""

import threading

import pytest

from http_client import Connection, ConnectionEnded, says_close
from nginx import Nginx, configuration_of_replicas
from waiting import eventually

CLIENTS = 6
GUEST = "/api/v1/public/sessions/guest"
RESOLVE = "/api/v1/internal/sessions/resolve"


class Crowd:
    """Clients that mint and resolve over kept connections until told to stop. A mint is not repeated by nginx once it
    was sent, so one that is lost is seen."""

    def __init__(self, port):
        self._port = port
        self._is_over = threading.Event()
        self.answered = 0
        self.lost = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        try:
            while not self._is_over.is_set():
                with Connection(self._port) as connection:
                    self._ask_over(connection)
        except (OSError, ConnectionEnded) as broken:
            self.lost.append(broken)

    def _ask_over(self, connection):
        """Until nginx, which counts the requests of a connection, says that it ends."""
        while not self._is_over.is_set():
            minted = self._noted(connection.request("POST", GUEST), 201)
            if says_close(minted):
                return
            if minted.status == 201:
                resolved = self._noted(connection.request("GET", RESOLVE, token=minted.json["token"]), 200)
                if says_close(resolved):
                    return

    def _noted(self, answer, expected):
        self.answered += 1
        if answer.status != expected:
            self.lost.append(answer)
        return answer


@pytest.fixture
def replicas(database, new_service):
    delay = {"BACKEND_SHUTDOWN_DELAY": "1s", "BACKEND_REVOCATION_POLL_INTERVAL": "20ms"}
    return [new_service(database, **delay).start() for _ in range(2)]


def test_a_rolling_restart_loses_nothing(replicas, tmp_path):
    nginx = Nginx(tmp_path, lambda port: configuration_of_replicas(port, [each.port for each in replicas]))
    try:
        with Crowd(nginx.port) as crowd:
            for each in replicas:
                asked = crowd.answered
                eventually(lambda: crowd.answered > asked + 200, "requests are answered by both")
                each.stop()
                each.start()
        assert crowd.lost == []
        assert crowd.answered > 400
    finally:
        nginx.stop()
