"""The process under test: `portcullis serve` on a free loopback port, and the other commands of the binary."""

import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import subprocess

from event_stream import EventStream
from http_client import HANG_S, Client, Connection, ConnectionEnded
from waiting import eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("PORTCULLIS_BINARY") or ROOT / "build/release/src/portcullis").absolute()

# Of a machine that stands still for many seconds, as a shared one may, no test is to notice anything: no time-out of the
# service's ends what a test has begun, but where a test is about that time-out.
POSTGRES_TIMEOUT = "BACKEND_POSTGRES_OPERATION_TIMEOUT"
PATIENT = {
    POSTGRES_TIMEOUT: "30s",
    "BACKEND_HTTP_HEADER_TIMEOUT": "60s",
    "BACKEND_HTTP_BODY_TIMEOUT": "60s",
    "BACKEND_SHUTDOWN_TIMEOUT": "30s",
}

STOP_LOG_CHARS = 8_000  # of the log, shown when a stop fails
FOREIGN_SETTINGS = ("BACKEND_", "GATEWAY_", "OTEL_", "PG")  # nothing of the caller's may reach the service

_given_ports = {}  # port: what keeps other runs of these tests from it, as long as this process lives


def environment(settings):
    """Of a process of ours. What a command asks of the database has time enough, unless `settings` say else."""
    settings = {POSTGRES_TIMEOUT: PATIENT[POSTGRES_TIMEOUT], **settings}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_SETTINGS)}
    return {**kept, **settings}


def run_command(*arguments, **settings):
    """Runs a command of the binary that ends by itself."""
    return subprocess.run(
        [BINARY, *arguments],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )


def free_port():
    """A port below the kernel's range for outgoing connections, so that none of those can take it. No port is given
    twice, by this run or another at the same time: the first who got it may not listen yet."""
    while True:
        port = random.randrange(10_000, 20_000)
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0portcullis-test-port-{port}")
        except OSError:
            claim.close()
            continue
        _given_ports[port] = claim
        return port


class Service:
    """A running `portcullis serve`. It keeps its port and its log over restarts."""

    command = "serve"

    def __init__(self, database, directory, **settings):
        self._set_up(
            directory,
            lambda port: {
                "BACKEND_HTTP_ADDR": f"127.0.0.1:{port}",
                "BACKEND_POSTGRES_DSN": database.dsn,
                "BACKEND_LOG_LEVEL": "debug",
                "BACKEND_SHUTDOWN_DELAY": "0s",  # nobody distributes requests; a test of the delay sets one
                **PATIENT,
                **settings,
            },
        )

    def _set_up(self, directory, settings_at):
        self.port = free_port()
        self.log_path = pathlib.Path(directory) / f"portcullis-{self.port}.log"
        self.open_files_max = None  # the limit that the process starts with; None: that of the tests
        self.locked_bytes_max = None  # the same, of memory that may be locked
        self.launcher = []  # a command in front of the program
        self._process = None
        self._settings = settings_at(self.port)
        self.http = self.client("")
        self.gateway = self.client("/api/v1/internal")

    def set(self, variable, value):
        """Changes a setting of what is started next."""
        self._settings[variable] = value

    def start(self):
        """Starts the process and waits until it is ready. One that does not become so is not left to run: whoever would have
        stopped it may not have been given it yet."""
        try:
            self.start_unready()
            self.wait_until_ready()
        except BaseException:
            if self.is_running:
                self.kill()
            raise
        return self

    def start_unready(self):
        """Starts the process and waits until it answers at all."""
        self.spawn()
        eventually(lambda: self._answers("/healthz") is not None, "the service answers /healthz")
        return self

    def spawn(self):
        limits = [f"--nofile={self.open_files_max}"] if self.open_files_max else []
        limits += [f"--memlock={self.locked_bytes_max}"] if self.locked_bytes_max is not None else []
        limits = ["prlimit", *limits] if limits else []
        if self.locked_bytes_max is not None and os.geteuid() == 0:  # for whom that limit does not hold
            limits += ["setpriv", "--bounding-set=-ipc_lock"]
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                [*limits, *self.launcher, BINARY, self.command],
                env=environment(self._settings),
                cwd=self.log_path.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self):
        eventually(lambda: self._answers("/readyz") == 200, "the service is ready")

    def terminate(self):
        self._process.send_signal(signal.SIGTERM)

    def interrupt(self):
        self._process.send_signal(signal.SIGINT)

    def hang_up(self):
        """Asks it to read its files again."""
        self._process.send_signal(signal.SIGHUP)

    def wait_for_exit(self):
        return self._process.wait(HANG_S)

    def stop(self):
        """Ends the process as an operator would."""
        self.terminate()
        code = self.wait_for_exit()
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.log[-STOP_LOG_CHARS:]}"

    def kill(self):
        self._process.kill()
        self.wait_for_exit()

    def freeze(self):
        """Stops the process as a debugger or a hypervisor would: no code of it runs, the kernel queues what comes."""
        self._process.send_signal(signal.SIGSTOP)
        eventually(self._is_stopped, "all threads are stopped")

    def proceed(self):
        self._process.send_signal(signal.SIGCONT)

    @property
    def pid(self):
        return self._process.pid

    def open_files(self):
        """How many descriptors the process has open."""
        return len(list(pathlib.Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def expect_no_crash(self):
        """That it ended only when it was told to, and that no sanitizer complained of it."""
        code = None if self._process is None else self._process.poll()
        assert code in (None, 0, -signal.SIGKILL), f"the service ended by itself with {code}:\n{self.log}"
        self.expect_no_complaint()

    def expect_no_complaint(self):
        """That no sanitizer, of a binary that has one, said anything."""
        log = self.log if self.log_path.exists() else ""
        complaint = re.search("Sanitizer|runtime error:", log)
        assert not complaint, log[complaint.start() - 200 :]

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def client(self, prefix, **headers):
        return Client(self.port, prefix, headers)

    def as_user(self, account_id, session_id=None):
        """A client of the user's routes, with the headers that a gateway sets."""
        headers = {"X-User-ID": account_id}
        if session_id:
            headers["X-Session-ID"] = session_id
        return Client(self.port, "/api/v1/user", headers)

    def connect(self, **options):
        return Connection(self.port, **options)

    def subscribe(self, **options):
        return EventStream(self.port, **options)

    def resolve(self, token):
        return self.gateway.get("/sessions/resolve", token=token)

    def _is_stopped(self):
        states = set()
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                states.add((task / "stat").read_text().rpartition(")")[2].split()[0])
        return states == {"T"}

    def _answers(self, path):
        """The status of `path`, or None while nobody listens."""
        assert self.is_running, f"the service ended by itself with {self._process.returncode}:\n{self.log}"
        try:
            return self.http.get(path).status
        except (OSError, ConnectionEnded):
            return None
