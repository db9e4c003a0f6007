"""A private PostgreSQL cluster, its databases, and what a test does to them behind the service's back."""

import contextlib
import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.parse

from http_client import HANG_S
from waiting import eventually

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "private-postgres"


class Cluster:
    def __init__(self):
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-test-"))
        self._directory.chmod(0o755)  # the server's own user passes through
        self._numbers = itertools.count(1)
        self._dsn = ""
        self.start()

    def start(self):
        self._dsn = self._run("start")

    def stop(self):
        self._run("stop")

    def kill(self):
        """SIGKILL to the server and all its backends: a crash."""
        self._run("kill")

    @contextlib.contextmanager
    def stopped(self):
        self.stop()
        try:
            yield
        finally:
            self.start()

    def remove(self):
        with contextlib.suppress(subprocess.CalledProcessError):  # it is not running
            self.kill()  # nothing of it is needed: no checkpoint
        for pointer in ("home", "socket-dir"):
            if (self._directory / pointer).exists():
                shutil.rmtree((self._directory / pointer).read_text().strip(), ignore_errors=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    def create_database(self):
        name = f"test_{next(self._numbers)}"
        Database(self._dsn).execute(f"CREATE DATABASE {name}")
        return Database(urllib.parse.urlsplit(self._dsn)._replace(path=f"/{name}").geturl())

    def _run(self, command):
        return subprocess.run(
            [SCRIPT, command, self._directory], stdout=subprocess.PIPE, text=True, check=True, timeout=2 * HANG_S
        ).stdout.strip()


class Database:
    """One database, by the DSN that the service gets: `postgres://…?search_path=backend&sslmode=disable`."""

    def __init__(self, dsn):
        self.dsn = dsn
        self.address = urllib.parse.urlsplit(dsn)
        self.name = self.address.path.removeprefix("/")

    def execute(self, sql):
        """Runs `sql` and returns its rows as text, columns separated by `|`."""
        done = subprocess.run([*self._psql(), "-c", sql], env=self._environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{sql}: {done.stderr}"
        return done.stdout.strip()

    @contextlib.contextmanager
    def locked(self, table):
        """Keeps everybody off `table` (a statement that needs it waits, it does not fail) until the block ends."""
        holder = subprocess.Popen(
            self._psql(), env=self._environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            holder.stdin.write(f"BEGIN;\nLOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;\n\\echo locked\n")
            holder.stdin.flush()
            while line := holder.stdout.readline():
                if line.strip() == "locked":
                    break
            assert line, f"{table} could not be locked"
            yield
        finally:
            holder.stdin.close()  # psql ends, and its transaction with it
            holder.stdout.close()
            holder.wait(HANG_S)

    def wait_for_blocked_statements(self, count=1):
        """Until at least `count` backends wait for a lock: proof that requests have reached the database."""
        query = (
            "SELECT count(*) FROM pg_stat_activity "
            f"WHERE datname = '{self.name}' AND wait_event_type = 'Lock' AND state = 'active'"
        )
        eventually(lambda: int(self.execute(query)) >= count, f"{count} statements wait for a lock in {self.name}")

    def _psql(self):
        return [_psql_path(), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]

    def _environment(self):
        return {
            "PATH": os.environ["PATH"],
            "PGHOST": self.address.hostname,
            "PGPORT": str(self.address.port),
            "PGUSER": self.address.username,
            "PGPASSWORD": self.address.password or "",
            "PGDATABASE": self.name,
            "PGOPTIONS": "-c search_path=backend -c client_min_messages=warning",
        }


def _psql_path():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else shutil.which("psql")
