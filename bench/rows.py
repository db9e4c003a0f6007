"""What is not answered from memory alone: look-ups of sessions that are not cached, and the end of accounts with many."""

import json
import pathlib
import statistics
import time

import common
import filled
import peers

# The row that a look-up by the token's hash reads, for one of `hashes`, which psql has numbered.
NUMBER_HASHES = """
create table public.bench_hashes as select row_number() over () as n, token_hash from backend.sessions;
alter table public.bench_hashes add primary key (n);
vacuum analyze public.bench_hashes;
"""
LOOK_UP = r"""
\set n random(1, {count})
select s.session_id, s.account_id, s.created_at, s.generation, a.is_guest from public.bench_hashes h
  join backend.sessions s using (token_hash) join backend.accounts a using (account_id)
  where h.n = :n and s.revoked_at is null and s.generation = a.session_generation;
"""

# Accounts of so many sessions each; ids are random.
FILL_ACCOUNTS = """
with made as (insert into backend.accounts (account_id, is_guest) select gen_random_uuid(), false
              from generate_series(1, {accounts}) returning account_id),
     held as (insert into backend.sessions (session_id, account_id, token_hash, generation)
              select gen_random_uuid(), account_id, sha256((account_id::text || n)::bytea), 0
              from made cross join generate_series(1, {sessions}) n)
select account_id from made;
"""


class UncachedSessions:
    """A service whose memory has room for one session, and the same look-up by pgbench."""

    def __init__(self, dsn, directory, count):
        filled.query(dsn, NUMBER_HASHES)
        self._dsn, self._script = dsn, LOOK_UP.format(count=count)
        self._logs = pathlib.Path(directory) / "look-ups"
        self._logs.mkdir()

    def ask(self, clients, seconds):
        return peers.pgbench_round(self._dsn, self._script, clients, seconds, self._logs)


def fill_accounts(dsn, accounts, sessions):
    """Ids of new accounts with `sessions` each."""
    return filled.query(dsn, FILL_ACCOUNTS.format(accounts=accounts, sessions=sessions)).split()


def end_accounts(service, account_ids, sessions):
    """One round: all sessions of each account end, one request after the other."""
    connection, took, before = common.Connection(service.port), [], service.cpu_seconds()
    began = time.monotonic()
    for account_id in account_ids:
        asked = time.monotonic()
        answer = json.loads(connection.call("DELETE", f"/api/v1/internal/accounts/{account_id}/sessions"))
        took.append((time.monotonic() - asked) * 1e6)
        if answer["revoked"] != sessions:
            raise SystemExit(f"bench: {answer['revoked']} sessions ended, not {sessions}")
    took.sort()
    return {"cpu_us": (service.cpu_seconds() - before) / len(took) * 1e6, "per_s": len(took) / (time.monotonic() - began),
            "p50_us": statistics.median(took), "p99_us": took[len(took) * 99 // 100]}
