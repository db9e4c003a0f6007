"""A process that is started with its standard descriptors closed: what it opens takes their numbers, and must not be
written to as if it were a log or an answer."""

import subprocess
import sys

import pytest

from http_client import HANG_S
from service import BINARY, Service, environment

CLOSED = [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]]

# Runs what follows with some of its descriptors closed.
WITHOUT = "import os,sys; [os.close(int(n)) for n in sys.argv[1].split(',')]; os.execv(sys.argv[2], sys.argv[2:])"


def without(descriptors, *command):
    return [sys.executable, "-I", "-c", WITHOUT, ",".join(map(str, descriptors)), str(BINARY), *command]


class Bare(Service):
    """A service that is started with `closed` closed."""

    closed = ()

    def spawn(self):
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                without(self.closed, "serve"),
                env=environment(self._settings),
                cwd=self.log_path.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


@pytest.mark.parametrize("descriptors", CLOSED, ids=str)
def test_it_serves_and_stops(database, tmp_path, descriptors):
    service = Bare(database, tmp_path)
    service.closed = descriptors
    try:
        service.start()
        for _ in range(20):
            minted = service.client("/api/v1/public").post("/sessions/guest").expect(201)
            service.resolve(minted["token"]).expect(200)
            service.gateway.post("/sessions/revoke", token=minted["token"]).expect(200)
            service.resolve(minted["token"]).expect_problem(401, "session_revoked")
        service.stop()
    finally:
        if service.is_running:
            service.kill()
    assert ("msg=stopped" in service.log) == (2 not in descriptors)


@pytest.mark.parametrize("descriptors", CLOSED, ids=str)
@pytest.mark.parametrize("command", ["migrate", "check-config"])
def test_a_command_does_its_work(cluster, command, descriptors):
    database = cluster.create_database()
    done = subprocess.run(
        without(descriptors, command),
        env=environment({"BACKEND_POSTGRES_DSN": database.dsn}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )
    assert done.returncode == 0, done.stderr
    if command == "migrate":
        assert database.execute("SELECT count(*) FROM backend.accounts") == "0"
    elif 1 not in descriptors:
        assert "BACKEND_HTTP_ADDR=" in done.stdout
