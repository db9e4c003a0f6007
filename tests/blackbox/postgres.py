"""A private PostgreSQL cluster, its databases, and what a test does to them behind the service's back."""

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.parse

from http_client import HANG_S
from waiting import eventually

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "private-postgres"


class Cluster:
    """A server of its own. With `primary`, a hot standby of that one until it is promoted."""

    def __init__(self, primary=None):
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-test-"))
        self._directory.chmod(0o755)  # the server's own user passes through
        self._numbers = itertools.count(1)
        self._dsn = ""
        try:
            self._begin(primary)
        except BaseException:  # an interrupt, too: nobody else knows of it yet
            self.remove()
            raise

    def _begin(self, primary):
        if primary is None:
            self.start()
            # Tests end processes, never the machine, so what the kernel has is safe; and a stall of a shared disk, which
            # takes seconds, is not mistaken for a database that is gone.
            self.set("fsync", "off")
        else:
            self._dsn = self._run("standby", primary._directory)

    def start(self):
        self._dsn = self._run("start")

    def stop(self):
        self._run("stop")

    def kill(self):
        """SIGKILL to the server and all its backends: a crash."""
        self._run("kill")

    @property
    def port(self):
        return urllib.parse.urlsplit(self._dsn).port

    @property
    def maintenance(self):
        """The database in which a superuser sees to the cluster."""
        return Database(self._dsn)

    def set(self, parameter, value):
        """Changes a setting of the whole cluster. Who connects from now on has it; the processes that there are hear of it a
        moment later, each for itself."""
        self.maintenance.execute(f"ALTER SYSTEM SET {parameter} = '{value}'")
        self.maintenance.execute("SELECT pg_reload_conf()")
        eventually(lambda: self.maintenance.execute(f"SHOW {parameter}") == str(value), f"{parameter} is {value}")

    def new_standby(self, synchronous=False):
        """A hot standby that follows; with `synchronous` every commit waits for it from now on."""
        standby = Cluster(primary=self)
        if synchronous:
            name = re.sub("[^A-Za-z0-9]", "_", standby._directory.name)
            self.set("synchronous_standby_names", f'"{name}"')
            query = f"SELECT sync_state FROM pg_stat_replication WHERE application_name = '{name}'"
            eventually(lambda: self.maintenance.execute(query) == "sync", "the server knows its standby")
            # The checkpointer is who tells the others that commits wait. It reads the setting before it begins a
            # checkpoint; it may have been about to begin the first.
            for _ in range(2):
                self.maintenance.execute("CHECKPOINT")
        return standby

    def promote(self):
        self._run("promote")

    def wait_for_replay(self, primary):
        """Until this standby has applied all that has happened on `primary` by now."""
        end = primary.maintenance.execute("SELECT pg_current_wal_lsn()")
        query = f"SELECT pg_last_wal_replay_lsn() >= '{end}'"
        eventually(lambda: self.maintenance.execute(query) == "t", f"the standby has replayed {end}")

    @contextlib.contextmanager
    def stopped(self):
        self.stop()
        try:
            yield
        finally:
            self.start()

    def remove(self):
        with contextlib.suppress(subprocess.SubprocessError):  # it is not running, or does not end in time
            self.kill()  # nothing of it is needed: no checkpoint
        for pointer in ("home", "socket-dir"):
            if (self._directory / pointer).exists():
                shutil.rmtree((self._directory / pointer).read_text().strip(), ignore_errors=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    def create_database(self):
        name = f"test_{next(self._numbers)}"
        self.maintenance.execute(f"CREATE DATABASE {name}")
        return self.database(name)

    def database(self, name):
        return Database(urllib.parse.urlsplit(self._dsn)._replace(path=f"/{name}").geturl())

    def _run(self, command, *arguments):
        return subprocess.run(
            [SCRIPT, command, self._directory, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=2 * HANG_S,
        ).stdout.strip()


class Database:
    """One database, by the DSN that the service gets: `postgres://…?search_path=backend&sslmode=disable`."""

    def __init__(self, dsn):
        self.dsn = dsn
        self.address = urllib.parse.urlsplit(dsn)
        self.name = self.address.path.removeprefix("/")

    def as_new_role(self, name, options=""):
        """The same database as a role reaches it that is made here and has no rights yet."""
        self.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x' {options}")
        netloc = f"{name}:x@{self.address.hostname}:{self.address.port}"
        return Database(self.address._replace(netloc=netloc).geturl())

    def execute(self, sql):
        """Runs `sql` and returns its rows as text, columns separated by `|`."""
        done = subprocess.run([*self._psql(), "-c", sql], env=self._environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{sql}: {done.stderr}"
        return done.stdout.strip()

    def locked(self, table):
        """Keeps everybody off `table` (a statement that needs it waits, it does not fail) until the block ends."""
        return self.amid(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")

    @contextlib.contextmanager
    def amid(self, sql):
        """The block is amid a transaction that has done `sql`, and is rolled back at its end."""
        holder = subprocess.Popen(
            self._psql(), env=self._environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            holder.stdin.write(f"BEGIN;\n{sql};\n\\echo done\n")
            holder.stdin.flush()
            while line := holder.stdout.readline():
                if line.strip() == "done":
                    break
            assert line, f"refused: {sql}"
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
