"""PgBouncer between the service and PostgreSQL: refused where it lends backends to transactions or statements."""

import os
import pathlib
import shutil
import subprocess

import pytest

from http_client import HANG_S
from needs import need
from postgres import Database
from service import BINARY, environment, free_port
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
        netloc = f"{address.username}:{address.password}@127.0.0.1:{self.port}"
        self.database = Database(address._replace(netloc=netloc).geturl())
        self._process = subprocess.Popen(
            [PGBOUNCER, directory / "pgbouncer.ini"],
            user=UNPRIVILEGED if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self):
        def accepts():
            done = subprocess.run(["pg_isready", "-h", "127.0.0.1", "-p", str(self.port)], capture_output=True)
            return done.returncode == 0

        eventually(accepts, "the pooler accepts connections")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait(HANG_S)


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


def run(command, database):
    settings = {"BACKEND_POSTGRES_DSN": database.dsn, "BACKEND_HTTP_ADDR": "127.0.0.1:0"}
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
        done = run("serve", pooler.database)
    assert done.returncode == 1, done.stderr
    assert "pooler" in done.stderr.split("the service cannot go on")[1]


def test_a_pooler_of_sessions_will_do(pinned, open_directory):
    with Pooler(open_directory, pinned, "session") as pooler:
        done = run("migrate", pooler.database)
    assert done.returncode == 0, done.stderr
    assert pinned.execute("SELECT count(*) > 0 FROM backend.schema_migrations") == "t"


def test_startup_options_that_do_not_arrive_are_noticed(cluster, open_directory):
    database = cluster.create_database()
    with Pooler(open_directory, database, "session") as pooler:
        done = run("migrate", pooler.database)
    assert done.returncode == 1
    assert "search_path" in done.stderr
