"""What the benchmarks share: a private PostgreSQL, the service on it, tokens to ask for, and where results go."""

import argparse
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
SERVICE = ROOT / "build/release/src/portcullis"
BENCH = ROOT / "bench"
RESULTS = BENCH / "results"

START_TIMEOUT_S = 60
MINTERS = 16  # connections that make the sessions before the measurement
RESOLVE = "/api/v1/internal/sessions/resolve"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Ending:
    """What a signal asks for: that what was started ends with the blocks that it was started for, and so do its folders."""

    is_held = False
    asked_by = None  # while it is held

    def __call__(self, number, _frame=None):
        if self.is_held:
            self.asked_by = number
            return
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)  # once is enough: the end is not to be cut short
        print(f"bench: {signal.Signals(number).name}, ending", file=sys.stderr)
        sys.exit(128 + number)

    @contextlib.contextmanager
    def held(self):
        """The end comes after the block: a process that was being made would have nobody who ends it."""
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False
            if self.asked_by:
                self(self.asked_by)


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
end_in_order = Ending()
for each in ENDING:
    signal.signal(each, end_in_order)


def free_port():
    """A port below the kernel's range for outgoing connections, so that none of those can take it."""
    while True:
        port = random.randrange(10_000, 20_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def wait_until(condition, what):
    deadline = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"bench: {what} did not happen within {START_TIMEOUT_S} s")
        time.sleep(0.01)


def answers(port, path):
    """Whether a GET of `path` is 200, or, with no path, whether somebody listens."""
    if path is None:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False


class Server:
    """A process that listens on a port, with those that it forked."""

    scheme = "http"

    def __init__(self, name, command, port, probe, directory, environment=None):
        self.name, self.port = name, port
        self._log = open(pathlib.Path(directory) / f"{name}.log", "wb")
        self._process = None
        try:
            with end_in_order.held():
                self._process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)
            wait_until(lambda: self._lives() and answers(port, probe), f"the start of {name}")
        except BaseException:
            self.stop()
            raise

    def _lives(self):
        if self._process.poll() is not None:
            sys.exit(f"bench: {self.name} ended with {self._process.returncode}; see {self._log.name}")
        return True

    def cpu_seconds(self):
        """User and system time of the process and its children."""
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        ticks = 0
        for pid in [self._process.pid, *children]:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # utime and stime, proc(5)
        return ticks / CLOCK_TICKS

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    @property
    def pid(self):
        return self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(START_TIMEOUT_S)
        self._log.close()


def start_service(dsn, directory, binary=SERVICE, port=None, launcher=(), **settings):
    """`portcullis serve`, ready. `launcher`: a command in front of it. `settings`: further variables; its own log says
    warnings only."""
    port = port or free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BACKEND_", "OTEL_", "PG"))}
    environment |= {"BACKEND_POSTGRES_DSN": dsn, "BACKEND_HTTP_ADDR": f"127.0.0.1:{port}", "BACKEND_LOG_LEVEL": "warn",
                    "BACKEND_SHUTDOWN_DELAY": "0s",  # nobody distributes requests to it
                    **settings}
    return Server("portcullis", [*launcher, binary, "serve"], port, "/readyz", directory, environment)


def start_edge(service, directory, binary=SERVICE, **settings):
    """`portcullis edge` in front of the service, ready."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    environment |= {"GATEWAY_BACKEND_URL": f"http://127.0.0.1:{service.port}", "GATEWAY_HTTP_ADDR": f"127.0.0.1:{port}",
                    "GATEWAY_LOG_LEVEL": "warn", **settings}
    return Server("edge", [binary, "edge"], port, "/readyz", directory, environment)


class Connection:
    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT_S)

    def call(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        if response.status not in (200, 201):
            sys.exit(f"bench: {method} {path} answered {response.status}: {text}")
        return text


def psql_dsn(dsn):
    """The DSN without what only the service understands."""
    return urllib.parse.urlsplit(dsn)._replace(query="").geturl()


def wrk(server, script, path, connections, seconds, variables=None):
    """What wrk reports of a run in which every request was answered as it should be."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", BENCH / script, f"{server.scheme}://127.0.0.1:{server.port}{path}"]
    environment = {**os.environ, "REPORT": str(BENCH / "report.lua"), **(variables or {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + START_TIMEOUT_S)
    if "REPORT " not in done.stdout:
        sys.exit(f"bench: wrk failed\n{done.stdout}{done.stderr}")
    report = json.loads(done.stdout.partition("REPORT ")[2])
    if report["failed"] or not report["requests"]:
        sys.exit(f"bench: {report['failed']} of {report['requests']} requests to {server.name} failed")
    return report


def mint_sessions(port, count):
    """The tokens of `count` guests' sessions."""
    tokens, lock = [], threading.Lock()

    def mint(share):
        connection = Connection(port)
        own = [json.loads(connection.call("POST", "/api/v1/public/sessions/guest", {}))["token"] for _ in range(share)]
        with lock:
            tokens.extend(own)

    shares = [count // MINTERS + (i < count % MINTERS) for i in range(MINTERS)]
    threads = [threading.Thread(target=mint, args=(share,)) for share in shares if share]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(tokens) != count:
        sys.exit("bench: not every session could be minted")
    return tokens


def write_tokens(directory, tokens):
    """A file for wrk's scripts, one token a line."""
    path = pathlib.Path(directory) / "tokens"
    path.touch(mode=0o600)
    path.write_text("\n".join(tokens) + "\n")
    return path


@contextlib.contextmanager
def private_postgres(name):
    """A cluster for the block, and a directory of its own: (dsn, directory)."""
    with tempfile.TemporaryDirectory(prefix=f"portcullis-{name}-") as directory:
        os.chmod(directory, 0o755)  # the database's user passes through to its cluster
        cluster = pathlib.Path(directory) / "postgres"
        script = ROOT / "scripts/private-postgres"
        try:
            started = subprocess.run([script, "start", cluster], check=True, stdout=subprocess.PIPE, text=True)
            yield started.stdout.strip(), pathlib.Path(directory)
        finally:
            subprocess.run([script, "remove", cluster], check=True)


def version_of(*command):
    """The first version number that a program tells of itself."""
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)[0]


def machine():
    """What it is measured on."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    return {"cpu": cpu[1] if cpu else os.uname().machine, "cores": os.cpu_count(), "load_average": os.getloadavg()[0],
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "kernel": os.uname().release, "system": system[1] if system else "unknown"}


def save(name, arguments, measured):
    """Writes what was measured to bench/results, with what it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.timezone.utc)
    path = RESULTS / f"{name}-{now:%Y%m%d-%H%M%S}.json"
    document = {
        "bench": name, "at": now.isoformat(timespec="seconds"), "machine": machine(),
        "arguments": {key: str(value) if isinstance(value, pathlib.Path) else value for key, value in vars(arguments).items()},
        **measured,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nwritten to {path.relative_to(ROOT)}")


def executable(text):
    path = pathlib.Path(text).resolve()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise argparse.ArgumentTypeError(f"{path} is no program; ./dev build makes the release build")
    return path


def binary_option(parser, flag="--binary"):
    parser.add_argument(flag, type=executable, default=str(SERVICE),  # a text is looked at as one that is given
                        help="the portcullis to measure (default: the release build)")


def some(text):
    """A number of things of which there is at least one."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)
