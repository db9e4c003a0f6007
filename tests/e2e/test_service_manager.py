"""What systemd is told by a process of ours: that it serves, that it lives, that it stops."""

import contextlib
import socket

import pytest

from waiting import eventually

WATCHDOG_S = 2


class Manager:
    """The socket that NOTIFY_SOCKET names."""

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0"))
        self._socket.setblocking(False)
        self.told = []
        self.settings = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}

    def hears(self, state):
        """Whether it was told so by now."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.told.append(self._socket.recv(4096).decode())
        return state in self.told

    def forget(self):
        self.hears("")
        self.told.clear()


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    return Manager(str(tmp_path / "notify") if request.param == "path" else f"@portcullis-{tmp_path}")


def expect_a_life(process, manager):
    eventually(lambda: manager.hears("WATCHDOG=1"), "a sign of life")
    process.freeze()
    manager.forget()
    process.proceed()
    eventually(lambda: manager.hears("WATCHDOG=1"), "a sign of life after a pause")
    process.stop()
    assert manager.hears("STOPPING=1") and manager.told.count("READY=1") == 0


def test_a_service_tells_when_it_serves_lives_and_stops(database, new_service, manager):
    service = new_service(database, **manager.settings).start()
    eventually(lambda: manager.hears("READY=1"), "the service tells that it serves")
    expect_a_life(service, manager)


def test_an_edge_does_so_too(service, new_edge, manager):
    edge = new_edge([service], **manager.settings).start()
    eventually(lambda: manager.hears("READY=1"), "the edge tells that it serves")
    expect_a_life(edge, manager)


def test_while_there_is_no_database_it_does_not_say_that_it_serves(new_service, manager):
    class Nowhere:
        dsn = "postgres://u:p@127.0.0.1:1/x?search_path=backend"

    service = new_service(Nowhere, **manager.settings).start_unready()
    eventually(lambda: manager.hears("WATCHDOG=1"), "a sign of life")
    assert not manager.hears("READY=1")
    service.stop()


def test_a_manager_who_wants_no_signs_of_life_gets_none(database, new_service, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    service = new_service(database, **{**manager.settings, "WATCHDOG_PID": "1"}).start()
    eventually(lambda: manager.hears("READY=1"), "the service tells that it serves")
    service.stop()
    assert manager.hears("STOPPING=1") and manager.told == ["READY=1", "STOPPING=1"]
