"""Rounds of load by wrk, and nginx to set beside."""

import pathlib
import statistics

from common import Server, free_port, wrk


def start_nginx(body, directory):
    port = free_port()
    conf = pathlib.Path(directory) / "nginx.conf"
    conf.write_text(f"""
worker_processes 1;
pid {directory}/nginx.pid;
daemon off;
error_log {directory}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{port};
    default_type application/json;
    location / {{ return 200 '{body}'; }}
  }}
}}
""")
    return Server("nginx", ["/usr/sbin/nginx", "-p", directory, "-c", str(conf)], port, "/", directory)


class Measurement:
    """The rounds of one server under one load."""

    def __init__(self):
        self.rounds = []

    def column(self, key):
        return [one[key] for one in self.rounds]

    def median(self, key):
        return statistics.median(self.column(key))

    def add_round(self, server, script, path, connections, seconds, variables):
        before = server.cpu_seconds()
        report = wrk(server, script, path, connections, seconds, variables)
        used = server.cpu_seconds() - before
        self.rounds.append({
            "cpu_us": used / report["requests"] * 1e6,
            "per_s": report["requests"] / report["duration_us"] * 1e6,
            "p50_us": report["p50_us"],
            "p99_us": report["p99_us"],
        })


def spread(measurement, key, digits=0):
    low, middle, high = min(measurement.column(key)), measurement.median(key), max(measurement.column(key))
    return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def print_table(rows):
    columns = (("CPU µs/request", "cpu_us", 1), ("requests/s", "per_s", 0), ("p50 µs", "p50_us", 0), ("p99 µs", "p99_us", 0))
    print("\n" + " " * 22 + "".join(f"{title:>28}" for title, _, _ in columns))
    for name, one in rows:
        print(f"{name:22}" + "".join(f"{spread(one, key, digits):>28}" for _, key, digits in columns))
