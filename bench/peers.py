"""What the service is set beside, each a process on loopback: the Go service's shape, Redis, and programs that speak to
PostgreSQL themselves."""

import csv
import io
import json
import os
import pathlib
import re
import resource
import subprocess
import sys

import common

PEERS = common.BENCH / "peers"
BUILT = common.ROOT / "build/bench"

# Debian's packages of Go libraries are sources in a GOPATH; nothing is fetched.
GO_ENVIRONMENT = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "CGO_ENABLED": "0", "GOCACHE": str(BUILT / "go-cache")}

CONNECTS_PER_S = 60  # connections that pgbench makes on a busy machine

THREE_INSERTS = r"""
\set external random(1, 9000000000000000000)
begin;
insert into backend.accounts (account_id, is_guest) values (gen_random_uuid(), false) returning account_id \gset
insert into backend.identities (identity_id, account_id, kind, external_id)
  values (gen_random_uuid(), :account_id::uuid, 'telegram', :external::text) on conflict do nothing;
insert into backend.sessions (session_id, account_id, token_hash, generation)
  values (gen_random_uuid(), :account_id::uuid, sha256(:external::text::bytea), 0);
commit;
"""


def built(source, *command, environment=None):
    """The program made of a source, anew when that has changed."""
    program = BUILT / pathlib.Path(source).stem
    if not program.exists() or program.stat().st_mtime < (PEERS / source).stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        print(f"building {source}", file=sys.stderr, flush=True)
        subprocess.run([*command, "-o", program, PEERS / source, *(["-lpq", "-pthread"] if command[0] == "g++" else [])],
                       check=True, env={**os.environ, **(environment or {})})
    return program


def start_go_service(dsn, directory):
    """The Go service, with all active sessions in its memory."""
    program = built("go_service.go", "go", "build", environment=GO_ENVIRONMENT)
    port = common.free_port()
    return common.Server("go", [program, common.psql_dsn(dsn), f"127.0.0.1:{port}"], port, "/readyz", directory,
                         {**os.environ, "GIN_MODE": "release"})


# -- Redis


def start_redis(values, body, directory):
    """A Redis that holds `body` under each of `values` keys, and writes nothing to disk."""
    port = common.free_port()
    server = common.Server("redis", ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly",
                                     "no", "--dir", str(directory)], port, None, directory)
    commands = "".join(f"SET key:{number:012d} '{body}'\n" for number in range(values))
    subprocess.run(["redis-cli", "-p", str(port)], input=commands, check=True, capture_output=True, text=True)
    return server


def redis_round(server, values, connections, requests):
    """`requests` GETs of random keys."""
    before = server.cpu_seconds()
    done = subprocess.run(["redis-benchmark", "-p", str(server.port), "-c", str(connections), "-n", str(requests), "-r",
                           str(values), "--csv", "GET", "key:__rand_int__"], check=True, capture_output=True, text=True)
    used = server.cpu_seconds() - before
    told = next(csv.DictReader(io.StringIO(done.stdout[done.stdout.index('"test"'):])))
    return {"cpu_us": used / requests * 1e6, "per_s": float(told["rps"]),
            "p50_us": float(told["p50_latency_ms"]) * 1e3, "p99_us": float(told["p99_latency_ms"]) * 1e3}


# -- the same three inserts by those who speak to PostgreSQL themselves


def paced_round(server, path, tokens, connections, rate, seconds):
    """Requests at a rate; each latency runs from when the request was due. `tokens`: a file of them."""
    program = built("paced_resolve.cpp", "g++", "-O2", "-std=c++17")
    before = server.cpu_seconds()
    done = subprocess.run([program, str(server.port), path, tokens, str(connections), str(rate), str(seconds)], check=True,
                          capture_output=True, text=True)
    told = json.loads(done.stdout)
    if told.pop("failed"):
        sys.exit(f"bench: requests to {server.name} failed")
    return {"cpu_us": (server.cpu_seconds() - before) / told.pop("requests") * 1e6, **told}


def libpq_round(dsn, clients, seconds):
    program = built("libpq_mint.cpp", "g++", "-O2", "-std=c++17", "-I/usr/include/postgresql")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program, common.psql_dsn(dsn), str(clients), str(seconds)], check=True, capture_output=True,
                          text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(done.stdout)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_us": used / told.pop("requests") * 1e6, **told}


def pgbench_round(dsn, transaction, clients, seconds, directory):
    script = pathlib.Path(directory) / "transaction.sql"
    script.write_text(transaction)
    for old in pathlib.Path(directory).glob("pgbench.*"):
        old.unlink()
    seconds += clients // CONNECTS_PER_S  # its time runs from before it connects, and that is not in its rate
    command = ["pgbench", "-n", "-M", "prepared", f"-c{clients}", "-j1", f"-T{seconds}", "-f", script, "-l", "--log-prefix",
               pathlib.Path(directory) / "pgbench", common.psql_dsn(dsn)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + common.START_TIMEOUT_S)
    if done.returncode != 0:
        sys.exit(f"bench: pgbench failed\n{done.stderr}")
    if "tps =" not in done.stdout:
        sys.exit(f"bench: {clients} connections could not be made within a round; give more --seconds")
    took = sorted(int(line.split()[2]) for log in pathlib.Path(directory).glob("pgbench.*")
                  for line in log.read_text().splitlines())
    return {"per_s": float(re.search(r"tps = ([0-9.]+)", done.stdout)[1]), "p50_us": took[len(took) // 2],
            "p99_us": took[len(took) * 99 // 100]}
