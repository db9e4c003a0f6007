"""The parts of the one table: what is played against what, and which of its numbers has an aim.

Each part takes the arguments and the time that it may take, and returns a `Section`."""

import contextlib
import dataclasses
import functools
import json
import statistics
import time

import common
import filled
import peers
import revocations
import rows
import secured
from aims import Aim, compare
from loads import alternate, show_progress, start_nginx, wrk_round

SESSIONS = "/api/v1/internal/sessions"
STATS = "/api/v1/admin/stats"
AIMED_CONNECTIONS = 64
PACED_RATE = 10_000  # requests a second that come whatever the answers take: far below what any of them can serve
REDIS_TRIAL = 5000  # requests that tell how many fill a round
MINT_AIMS = {8: 1.0, 64: 2.0, 256: 3.0}  # clients: times the throughput of those who commit one by one
PAYLOAD = "payload of 96 bytes"  # of a session: its token's hash, two ids, an instant and a few small numbers


@dataclasses.dataclass
class Section:
    contests: dict  # title: {name: Measurement}
    aims: list


def countdown(values):
    """Each value, with how many are left from it on."""
    return [(len(values) - place, value) for place, value in enumerate(values)]


# -- resolve: who answers from memory


def resolve(arguments, pace):
    with contextlib.ExitStack() as stack:
        dsn, directory = stack.enter_context(common.private_postgres("resolve"))
        service = stack.enter_context(common.start_service(dsn, directory, arguments.binary))
        tokens = common.mint_sessions(service.port, arguments.tokens)
        body = common.Connection(service.port).call("GET", common.RESOLVE, token=tokens[0])
        variables = {"TOKENS": str(common.write_tokens(directory, tokens))}
        web = {"portcullis": service, "nginx": stack.enter_context(start_nginx(body, directory)),
               "go": stack.enter_context(peers.start_go_service(dsn, directory))}
        redis = stack.enter_context(peers.start_redis(len(tokens), body, directory))
        section = Section({}, [])

        def ask(server, connections, seconds):
            return wrk_round(server, "resolve.lua", common.RESOLVE, connections, seconds, variables)

        for server in web.values():
            ask(server, 1, 1)  # not counted: everything warm
        title = f"resolve at {PACED_RATE:,}/s, {AIMED_CONNECTIONS} connections"
        section.contests[title] = alternate(title, {
            name: functools.partial(peers.paced_round, server, common.RESOLVE, variables["TOKENS"], AIMED_CONNECTIONS,
                                    PACED_RATE, arguments.seconds) for name, server in web.items()
        }, arguments.rounds, pace.part(1 / (len(arguments.connections) + 1)))
        for left, connections in countdown(arguments.connections):
            title = f"resolve, {connections} connection{'s' * (connections > 1)}"
            trial = peers.redis_round(redis, len(tokens), connections, REDIS_TRIAL)
            count = int(trial["per_s"] * arguments.seconds)
            played = alternate(title, {
                **{name: functools.partial(ask, server, connections, arguments.seconds) for name, server in web.items()},
                "redis": functools.partial(peers.redis_round, redis, len(tokens), connections, count),
            }, arguments.rounds, pace.part(1 / left))
            section.contests[title] = played
            if connections == AIMED_CONNECTIONS:
                section.aims += resolve_aims(title, played)
        return section


def resolve_aims(title, played):
    command = "./dev bench --only resolve"
    return [
        compare(f"{title}: CPU", played, "cpu_us", "µs", "nginx", 1.0, True, command),
        compare(f"{title}: CPU", played, "cpu_us", "µs", "go", 0.25, True, command),
        compare(f"{title}: throughput", played, "per_s", "/s", "redis", 1.0, False, command),
    ]


# -- tls: the same over TLS, and by a caller who proves who it is


def tls(arguments, pace):
    with contextlib.ExitStack() as stack:
        dsn, directory = stack.enter_context(common.private_postgres("tls"))
        certificate, key = secured.make_certificate(directory)
        callers, caller_key = secured.make_caller(directory, arguments.binary)
        ports = {"plain": common.free_port(), "tls": common.free_port()}
        addresses = f"127.0.0.1:{ports['plain']},127.0.0.1:{ports['tls']};tls"
        settings = {"BACKEND_HTTP_ADDR": addresses, "BACKEND_TLS_CERT_FILE": str(certificate), "BACKEND_TLS_KEY_FILE": str(key)}
        service = stack.enter_context(common.start_service(dsn, directory, arguments.binary, ports["plain"], **settings))
        guarded = stack.enter_context(common.start_service(dsn, directory, arguments.binary, BACKEND_CALLERS_FILE=str(callers)))
        tokens = common.mint_sessions(service.port, arguments.tokens)
        body = common.Connection(service.port).call("GET", common.RESOLVE, token=tokens[0])
        nginx = stack.enter_context(start_nginx(body, directory, certificate, key))
        without = {"TOKENS": str(common.write_tokens(directory, tokens))}
        contests = {
            "resolve over TLS": {"portcullis": (secured.Door(service, ports["tls"], "https"), without),
                                 "nginx": (secured.Door(nginx, nginx.tls_port, "https"), without)},
            "resolve with a caller's key": {"portcullis": (guarded, {**without, "CALLER_KEY": caller_key}),
                                            "without": (service, without)},
        }
        section = Section({}, [])
        for left, (what, contenders) in countdown(contests.items()):
            title = f"{what}, {AIMED_CONNECTIONS} connections"
            play = {name: functools.partial(wrk_round, server, "resolve.lua", common.RESOLVE, AIMED_CONNECTIONS,
                                            variables=variables) for name, (server, variables) in contenders.items()}
            for one in play.values():
                one(1)  # not counted: everything warm
            section.contests[title] = played = alternate(
                title, {name: functools.partial(one, arguments.seconds) for name, one in play.items()}, arguments.rounds,
                pace.part(1 / left))
            beside, bound = ("nginx", 1.1) if "TLS" in what else ("without", 1.05)
            section.aims.append(compare(f"{title}: CPU", played, "cpu_us", "µs", beside, bound, True, "./dev bench --only tls"))
        return section


# -- miss: sessions that are not in memory

MISS_CLIENTS = (1, 64)  # each has a connection of its own beside the service


def miss(arguments, pace):
    with contextlib.ExitStack() as stack:
        dsn, directory = stack.enter_context(common.private_postgres("miss"))
        service = stack.enter_context(
            common.start_service(dsn, directory, arguments.binary, BACKEND_SESSION_CACHE_MAX_ENTRIES="1"))
        tokens = common.mint_sessions(service.port, arguments.tokens)
        variables = {"TOKENS": str(common.write_tokens(directory, tokens))}
        database = rows.UncachedSessions(dsn, directory, len(tokens))
        section = Section({}, [])
        for left, clients in countdown(MISS_CLIENTS):
            title = f"miss, {clients} connection{'s' * (clients > 1)}"
            section.contests[title] = alternate(title, {
                "portcullis": lambda: wrk_round(service, "resolve.lua", common.RESOLVE, clients, arguments.seconds, variables),
                "pgbench": lambda: database.ask(clients, arguments.seconds),
            }, arguments.rounds, pace.part(1 / left))
        return section


# -- revoke-all: one event however many sessions an account has, which the database counts

ENDED_SESSIONS = (1, 100, 10_000)  # of an account
ENDED_ACCOUNTS = 8  # in a round


def revoke_all(arguments, pace):
    with contextlib.ExitStack() as stack:
        dsn, directory = stack.enter_context(common.private_postgres("revoke-all"))
        with common.start_service(dsn, directory, arguments.binary):
            pass  # makes the schema
        accounts = {size: rows.fill_accounts(dsn, ENDED_ACCOUNTS * (arguments.rounds + 1), size) for size in ENDED_SESSIONS}
        service = stack.enter_context(common.start_service(dsn, directory, arguments.binary))

        def end(size):
            ended, accounts[size] = accounts[size][:ENDED_ACCOUNTS], accounts[size][ENDED_ACCOUNTS:]
            return rows.end_accounts(service, ended, size)

        def commit():
            seconds = revocations.time_commits(dsn, ENDED_ACCOUNTS, directory)
            return {"p50_us": statistics.median(seconds) * 1e6, "p99_us": max(seconds) * 1e6}

        for size in ENDED_SESSIONS:
            end(size)  # not counted: everything warm
        title = f"revoke-all, accounts of {', '.join(f'{size:,}' for size in ENDED_SESSIONS)} sessions"
        names = {size: f"portcullis, {size:,}" for size in ENDED_SESSIONS}
        played = alternate(title, {**{names[size]: functools.partial(end, size) for size in ENDED_SESSIONS}, "commit": commit},
                           arguments.rounds, pace)
        return Section({title: played}, [])


# -- mint: log-ins of people that nobody has seen before


def mint(arguments, pace):
    with contextlib.ExitStack() as stack:
        dsn, directory = stack.enter_context(common.private_postgres("mint"))
        service = stack.enter_context(common.start_service(dsn, directory, arguments.binary))
        go = stack.enter_context(peers.start_go_service(dsn, directory))
        logs = directory / "pgbench"
        logs.mkdir()
        section = Section({}, [])
        for left, clients in countdown(arguments.clients):
            title = f"mint, {clients} client{'s' * (clients > 1)}"
            section.contests[title] = played = alternate(title, {
                "portcullis": lambda: wrk_round(service, "mint_new.lua", SESSIONS, clients, arguments.seconds),
                "pgbench": lambda: peers.pgbench_round(dsn, peers.THREE_INSERTS, clients, arguments.seconds, logs),
                "libpq": lambda: peers.libpq_round(dsn, clients, arguments.seconds),
                "go": lambda: wrk_round(go, "mint_new.lua", SESSIONS, clients, arguments.seconds),
            }, arguments.rounds, pace.part(1 / left))
            command = f"./dev bench --only mint --clients {clients}"
            for beside in ("pgbench", "libpq"):
                if clients == 1:
                    section.aims.append(compare(f"{title}: latency", played, "p50_us", "µs", beside, 2.0, True, command))
                else:
                    least = MINT_AIMS.get(clients, 1.0)
                    section.aims.append(compare(f"{title}: throughput", played, "per_s", "/s", beside, least, False, command))
        return section


# -- revoke: from the request to the last replica and subscriber


def revoke(arguments, pace):
    share = -(-arguments.revocations // arguments.rounds)
    with common.private_postgres("revoke") as (dsn, directory):
        seen = revocations.measure(dsn, directory, arguments.binary, arguments.rounds, share, pace.has)
    commits = {"commit of one row by pgbench": [seconds * 1e3 for seconds in seen.commits],
               "the same with pauses between": [seconds * 1e3 for seconds in seen.seldom_commits]}
    acknowledged = [seconds * 1e3 for seconds in seen.acknowledged]
    dead = [max(0, after) * 1e3 for _, after in seen.dead]
    told = [max(0, after) * 1e3 for _, after in seen.told]

    def aims(what, times, most):
        return [Aim(f"revoke: {what}", "ms", times, theirs, beside, most, True, "./dev bench --only revoke", in_turns=False)
                for beside, theirs in commits.items()]

    return Section({}, [*aims("request → acknowledged", acknowledged, 2.5),
                        *aims("acknowledged → 401 at another replica", dead, 2.0),
                        *aims("acknowledged → event at a subscriber", told, 1.5)])


# -- start: what is in memory, and how soon


def start(arguments, pace):
    """A database of which a third is cached; the start is timed next to the copy of the same rows by psql."""
    settings = {"BACKEND_SESSION_CACHE_MAX_ENTRIES": str(arguments.accounts)}
    with common.private_postgres("start") as (dsn, directory):
        with common.start_service(dsn, directory, arguments.binary, **settings) as empty:
            empty_mb = empty.resident_mb()
        show_progress(f"start: filling {arguments.accounts:,} accounts, {3 * arguments.accounts:,} sessions")
        filled.fill(dsn, arguments.accounts, 3)
        bytes_each = []

        def start_once():
            began = time.monotonic()
            with common.start_service(dsn, directory, arguments.binary, **settings) as service:
                took = time.monotonic() - began
                cached = json.loads(common.Connection(service.port).call("GET", STATS))["cache"]["size"]
                bytes_each.append((service.resident_mb() - empty_mb) * 2**20 / int(cached))
            return {"p50_us": took * 1e6}

        def copy_once():
            began = time.monotonic()
            filled.query(dsn, filled.COPY.format(limit=arguments.accounts))
            return {"p50_us": (time.monotonic() - began) * 1e6}

        title = f"start to ready, {arguments.accounts:,} cached of {3 * arguments.accounts:,}"
        start_once()  # not counted: the database's own cache is warm
        played = alternate(title, {"portcullis": start_once, "copy": copy_once}, arguments.rounds, pace)
    command = f"./dev bench --only start --accounts {arguments.accounts}"
    seconds = {name: [us / 1e6 for us in one.column("p50_us")] for name, one in played.items()}
    return Section({}, [
        Aim(title, "s", seconds["portcullis"], seconds["copy"], r"`\copy … (format binary)`", 1.5, True, command),
        Aim(f"resident bytes per cached session, {arguments.accounts:,} cached", "bytes", bytes_each, [], PAYLOAD, 160, True, command),
    ])


ALL = {"resolve": resolve, "tls": tls, "miss": miss, "mint": mint, "revoke": revoke, "revoke-all": revoke_all,
       "start": start}
