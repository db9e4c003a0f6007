"""Revocations one after the other at three replicas, watched at all of them, beside PostgreSQL's own commits."""

import contextlib
import pathlib
import random
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time

import common as run
from loads import show_progress

REPLICAS = 3
HANG_S = 60
ASK_PAUSE_S = 0.0002  # before the next question: asking all the time would take the cores from the others
PAUSE_MAX_S = 0.02  # between revocations: they come at any time between two polls of the log
INSERT = "insert into bench_commits (at) values (now());\n"


def request(method, path, *fields):
    return "\r\n".join([f"{method} /api/v1/internal{path} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


class Peer:
    """A connection to one replica, for the one loop that reads them all."""

    def __init__(self, number, service):
        self.number = number
        self.socket = socket.create_connection(("127.0.0.1", service.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, data):
        self.socket.sendall(data)

    def read_status(self):
        """The status of an answer, which comes in one piece: all are small."""
        answer = self.socket.recv(65536)
        if not answer:
            sys.exit(f"bench: replica {self.number} has closed")
        return int(answer.split(None, 2)[1])


class Revocations:
    """Times of revocations, in seconds: from the request, and from the acknowledgement."""

    def __init__(self, services):
        self.commits, self.seldom_commits, self.acknowledged = [], [], []
        self.dead, self.told = [], []  # (from the request, from the acknowledgement)
        self._changers = [Peer(number, each) for number, each in enumerate(services)]
        self._askers = [Peer(number, each) for number, each in enumerate(services)]
        self._subscribers = [Peer(number, each) for number, each in enumerate(services)]
        self._selector = selectors.SelectSelector()  # waits for less than a millisecond, too
        for kind in (self._changers, self._askers, self._subscribers):
            for peer in kind:
                self._selector.register(peer.socket, selectors.EVENT_READ, (peer, kind))
        for peer in self._subscribers:
            peer.ask(request("GET", "/revocations", "Accept: text/event-stream"))
            opening = b""
            while not re.search(rb"id: \S+\n\n", opening):
                opening += peer.socket.recv(65536)

    def revoke(self, at, token):
        bearer = f"Authorization: Bearer {token}"
        resolve = request("GET", "/sessions/resolve", bearer)
        for peer in self._askers:  # each has it in memory
            peer.ask(resolve)
            if peer.read_status() != 200:
                sys.exit("bench: a session did not resolve")
        time.sleep(random.uniform(0, PAUSE_MAX_S))
        dead, told, acknowledged = {}, {}, None
        began = time.monotonic()
        self._changers[at].ask(request("POST", "/sessions/revoke", bearer, "Content-Length: 0"))
        due = {peer: began for peer in self._askers if peer.number != at}  # when each is asked again
        while acknowledged is None or len(dead) < REPLICAS - 1 or len(told) < REPLICAS:
            now = time.monotonic()
            if now > began + HANG_S:
                sys.exit("bench: a revocation is not seen everywhere")
            for peer in [peer for peer, at_time in due.items() if at_time <= now]:
                del due[peer]
                peer.ask(resolve)
            for key, _ in self._selector.select(max(0, min(due.values()) - now) if due else HANG_S):
                peer, kind = key.data
                if kind is self._changers:
                    if peer.read_status() != 200:
                        sys.exit("bench: a revocation failed")
                    acknowledged = time.monotonic()
                elif kind is self._askers:
                    if peer.read_status() == 401:
                        dead[peer.number] = time.monotonic()
                    else:
                        due[peer] = time.monotonic() + ASK_PAUSE_S
                elif b"event: session.revoked" in peer.socket.recv(65536):
                    told[peer.number] = time.monotonic()
        self.acknowledged.append(acknowledged - began)
        self.dead += [(each - began, each - acknowledged) for each in dead.values()]
        self.told += [(each - began, each - acknowledged) for each in told.values()]


def time_commits(dsn, count, directory, mean_pause_s=0):
    """Seconds of each of `count` transactions that insert a row and commit, over one connection: one after the other, or with
    pauses at random, after which everybody has to wake up first."""
    plain = run.psql_dsn(dsn)
    subprocess.run(["psql", "-X", "-q", "-c", "set client_min_messages = warning;"
                    "create table if not exists public.bench_commits (at timestamptz)", plain], check=True)
    script = pathlib.Path(directory) / "insert.sql"
    script.write_text(INSERT.replace("bench_commits", "public.bench_commits"))
    pauses = ["--rate", f"{1 / mean_pause_s:g}"] if mean_pause_s else []
    with tempfile.TemporaryDirectory(dir=directory) as logs:
        subprocess.run(["pgbench", "-n", "-c1", "-t", str(count), *pauses, "-f", script, "-l", "--log-prefix", f"{logs}/log",
                        plain], check=True, capture_output=True)
        lines = [line for log in pathlib.Path(logs).iterdir() for line in log.read_text().splitlines()]
    return [commit_seconds(line) for line in lines]


def commit_seconds(line):
    """Of a line of pgbench's log: client, number, microseconds, script, two of when, and with pauses how late it began, which
    the microseconds hold as well."""
    columns = line.split()
    late = int(columns[6]) if len(columns) > 6 else 0
    return (int(columns[2]) - late) / 1e6


@contextlib.contextmanager
def replicas(dsn, directory, binary):
    """The services, on one database."""
    services = []
    try:
        for number in range(REPLICAS):
            own = pathlib.Path(directory) / f"replica-{number}"
            own.mkdir()
            services.append(run.start_service(dsn, own, binary))
        yield services
    finally:
        for service in services:
            service.stop()


def measure(dsn, directory, binary, rounds, share, has_time=lambda seconds: True):
    """`share` commits and as many revocations in each round; fewer rounds when there is no time for them."""
    with replicas(dsn, directory, binary) as services:
        seen = Revocations(services)
        tokens = run.mint_sessions(services[0].port, -(-(rounds * share + REPLICAS) // run.MINTERS) * run.MINTERS)
        for number in range(REPLICAS):
            seen.revoke(number, tokens.pop())  # not counted: everything warm
        for times in (seen.acknowledged, seen.dead, seen.told):
            times.clear()
        began = time.monotonic()
        for number in range(rounds):
            if number > 0 and not has_time((time.monotonic() - began) / number):
                break
            show_progress(f"revoke: round {number + 1} of {rounds}")
            seen.commits += time_commits(dsn, share, directory)
            seen.seldom_commits += time_commits(dsn, share, directory, PAUSE_MAX_S / 2)
            for number in range(share):
                seen.revoke(number % REPLICAS, tokens.pop())
    show_progress("")
    return seen
