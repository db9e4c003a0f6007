"""A process that is started with its standard descriptors closed: what it opens takes their numbers, and must not be
written to as if it were a log or an answer."""

import subprocess
import sys
import time

import pytest

from http_client import HANG_S
from service import BINARY, Service, environment
from waiting import eventually

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


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_migrate_ends_on_a_signal_although_it_is_process_one(cluster, signal_name):
    """The first process of a namespace has no default action of a signal: what it does not handle is ignored."""
    database = cluster.create_database()
    assert subprocess.run([BINARY, "migrate"], env=environment({"BACKEND_POSTGRES_DSN": database.dsn})).returncode == 0
    with database.locked("backend.schema_migrations"):
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", BINARY, "migrate"],
            env=environment({"BACKEND_POSTGRES_DSN": database.dsn, "BACKEND_POSTGRES_OPERATION_TIMEOUT": "5m"}),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            database.wait_for_blocked_statements()
            child = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.strip()
            if not child:
                pytest.skip("no namespace of its own can be had here")
            began = time.monotonic()
            subprocess.run(["kill", f"-{signal_name}", child], check=True)
            eventually(lambda: process.poll() is not None, "it has ended")
            assert time.monotonic() - began < HANG_S / 2
        finally:
            process.kill()
            process.communicate()
