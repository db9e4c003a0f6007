"""Rounds of load by wrk, and nginx to set beside."""

import pathlib
import statistics
import sys
import time

from common import Server, free_port, wrk


def start_nginx(body, directory, certificate=None, key=None):
    """Answers every request with `body`; over TLS as well, on the port `tls_port`, if it has a certificate."""
    port, tls_port = free_port(), free_port()
    tls = f"listen 127.0.0.1:{tls_port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};" if certificate else ""
    conf = pathlib.Path(directory) / "nginx.conf"
    conf.write_text(f"""
worker_processes 1;
pid {directory}/nginx.pid;
daemon off;
error_log {directory}/nginx-error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{port};
    {tls}
    ssl_protocols TLSv1.2 TLSv1.3;
    default_type application/json;
    location / {{ return 200 '{body}'; }}
  }}
}}
""")
    server = Server("nginx", ["/usr/sbin/nginx", "-p", directory, "-c", str(conf)], port, "/", directory)
    server.tls_port = tls_port
    return server


class Measurement:
    """The rounds of one server under one load."""

    def __init__(self):
        self.rounds = []

    def column(self, key):
        return [one[key] for one in self.rounds if key in one]

    def median(self, key):
        return statistics.median(self.column(key))

    def add_round(self, server, script, path, connections, seconds, variables):
        self.rounds.append(wrk_round(server, script, path, connections, seconds, variables))


def wrk_round(server, script, path, connections, seconds, variables=None):
    """One round of load by wrk, with what the server's processes took for it."""
    before = server.cpu_seconds()
    report = wrk(server, script, path, connections, seconds, variables)
    used = server.cpu_seconds() - before
    return {
        "cpu_us": used / report["requests"] * 1e6,
        "per_s": report["requests"] / report["duration_us"] * 1e6,
        "p50_us": report["p50_us"],
        "p99_us": report["p99_us"],
    }


class Pace:
    """The time that is left for something, if it is bounded."""

    def __init__(self, seconds=None):
        self._ends = None if seconds is None else time.monotonic() + seconds

    def part(self, share):
        return Pace(None if self._ends is None else (self._ends - time.monotonic()) * share)

    def has(self, seconds):
        return self._ends is None or time.monotonic() + seconds <= self._ends


def alternate(title, contenders, rounds, pace):
    """Plays rounds of all contenders (name: function that plays one) in turns, so that a noisy minute meets them all:
    {name: Measurement}. The order turns round each time. A slow machine plays fewer rounds, and one at least."""
    measured = {name: Measurement() for name in contenders}
    began = time.monotonic()
    for number in range(rounds):
        if number > 0 and not pace.has((time.monotonic() - began) / number):
            break
        show_progress(f"{title}: round {number + 1} of {rounds}")
        for name in contenders if number % 2 == 0 else reversed(contenders):
            measured[name].rounds.append(contenders[name]())
    show_progress("")
    return measured


def show_progress(line):
    if sys.stderr.isatty():
        print(f"\r{line:79}\r", end="", file=sys.stderr, flush=True)
    elif line:
        print(line, file=sys.stderr, flush=True)


def spread(measurement, key, digits=0):
    if not measurement.column(key):
        return "–"
    low, middle, high = min(measurement.column(key)), measurement.median(key), max(measurement.column(key))
    return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


COLUMNS = (("CPU µs/request", "cpu_us", 1), ("requests/s", "per_s", 0), ("p50 µs", "p50_us", 0), ("p99 µs", "p99_us", 0))


def print_table(rows, title=""):
    print(f"\n{title:22}" + "".join(f"{column:>28}" for column, _, _ in COLUMNS))
    for name, one in rows:
        print(f"{name:22}" + "".join(f"{spread(one, key, digits):>28}" for _, key, digits in COLUMNS))
