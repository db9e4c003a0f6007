"""PgBouncer between the service and PostgreSQL: refused where it lends backends to transactions or statements."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading

import pytest

from http_client import HANG_S
from needs import need
from postgres import Database
from service import BINARY, environment, free_port
from tcp_server import TcpServer
from waiting import eventually

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
UNPRIVILEGED = "nobody"  # PgBouncer refuses to run as root


@pytest.fixture(autouse=True)
def pgbouncer():
    need(PGBOUNCER, "pgbouncer")


class Pooler:
    """PgBouncer in front of one database; it drops the startup options, as its users are told to have it do."""

    def __init__(self, directory, database, mode, **settings):
        address = database.address
        self.port = free_port()
        (directory / "users").write_text(f'"{address.username}" "{address.password}"\n')
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "plain",
            "auth_file": directory / "users",
            "pool_mode": mode,
            "ignore_startup_parameters": "options,extra_float_digits",
            **settings,
        }
        target = f"{database.name} = host={address.hostname} port={address.port}"
        text = "\n".join(f"{name} = {value}" for name, value in lines.items())
        (directory / "pgbouncer.ini").write_text(f"[databases]\n{target}\n[pgbouncer]\n{text}\n")
        for each in [directory, *directory.iterdir()]:
            each.chmod(0o755)
        self._address = address
        self.database = self.behind(self.port)
        self._process = subprocess.Popen(
            [PGBOUNCER, directory / "pgbouncer.ini"],
            user=UNPRIVILEGED if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def behind(self, port):
        """The database as it is reached through `port`."""
        netloc = f"{self._address.username}:{self._address.password}@127.0.0.1:{port}"
        return Database(self._address._replace(netloc=netloc).geturl())

    def __enter__(self):
        def accepts():
            done = subprocess.run(["pg_isready", "-h", "127.0.0.1", "-p", str(self.port)], capture_output=True)
            return done.returncode == 0

        eventually(accepts, "the pooler accepts connections")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait(HANG_S)


class Standstill(TcpServer):
    """Passes connections to `behind` on, until one of them begins a transaction: then nothing gets through before
    another one has sent something more, and first of all what was held back."""

    def __init__(self, behind):
        self._behind = behind
        self._holder = None
        self._is_over = threading.Event()
        self._has_passed = threading.Event()
        super().__init__()

    def _serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._behind)) as behind:
            threading.Thread(target=self._answer, args=(behind, client), daemon=True).start()
            while data := client.recv(65536):
                if self._holder is None and b"begin" in data:
                    self._holder = client
                elif self._holder not in (None, client):
                    self._is_over.set()
                    self._has_passed.wait(HANG_S)
                behind.sendall(data)
            behind.shutdown(socket.SHUT_RDWR)

    def _answer(self, behind, client):
        with contextlib.suppress(OSError):
            while data := behind.recv(65536):
                if self._holder is client:
                    self._is_over.wait(HANG_S)
                client.sendall(data)
                if self._holder is client:
                    self._has_passed.set()
        if self._holder is client:
            self._has_passed.set()


@pytest.fixture
def pinned(cluster):
    """A database that has by itself what the startup options would have set, so that dropping them is not noticed."""
    database = cluster.create_database()
    for setting in (
        "search_path = backend",
        "default_transaction_isolation = 'read committed'",
        "standard_conforming_strings = on",
        "timezone = 'UTC'",
    ):
        database.execute(f"ALTER DATABASE {database.name} SET {setting}")
    return database


@pytest.fixture
def open_directory():
    """A directory that another user may enter."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="portcullis-pooler-") as path:
        yield pathlib.Path(path)


def run(command, database, **settings):
    settings |= {"BACKEND_POSTGRES_DSN": database.dsn, "BACKEND_HTTP_ADDR": "127.0.0.1:0"}
    return subprocess.run(
        [BINARY, command], env=environment(settings), capture_output=True, text=True, timeout=HANG_S
    )


@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("round_robin", [0, 1])
def test_a_pooler_of_transactions_is_refused(pinned, open_directory, mode, round_robin):
    with Pooler(open_directory, pinned, mode, server_round_robin=round_robin, default_pool_size=5) as pooler:
        done = run("migrate", pooler.database)
    assert done.returncode == 1, done.stderr
    assert "pooler" in done.stderr


def test_serve_ends_behind_a_pooler_of_transactions(pinned, open_directory):
    with Pooler(open_directory, pinned, "transaction") as pooler:
        done = run("serve", pooler.database, BACKEND_POSTGRES_MAX_IDLE_CONNS="12")
    assert done.returncode == 1, done.stderr
    assert "pooler" in done.stderr.split("the service cannot go on")[1]
    assert "database connection is back" not in done.stderr  # of many that are made at a time, none was believed


def test_a_pooler_that_stood_still_is_refused(pinned, open_directory):
    with Pooler(open_directory, pinned, "transaction") as pooler:
        standstill = Standstill(pooler.port)
        done = run("migrate", pooler.behind(standstill.port))
        standstill.stop()
    assert done.returncode == 1, done.stderr
    assert "pooler" in done.stderr


@pytest.mark.parametrize("pool_size", [1, 5])
def test_a_pooler_of_sessions_will_do(pinned, open_directory, pool_size):
    with Pooler(open_directory, pinned, "session", default_pool_size=pool_size) as pooler:
        done = run("migrate", pooler.database)
    assert done.returncode == 0, done.stderr
    assert pinned.execute("SELECT count(*) > 0 FROM backend.schema_migrations") == "t"


def test_startup_options_that_do_not_arrive_are_noticed(cluster, open_directory):
    database = cluster.create_database()
    with Pooler(open_directory, database, "session") as pooler:
        done = run("migrate", pooler.database)
    assert done.returncode == 1
    assert "search_path" in done.stderr
