"""A database with many accounts and sessions in it, filled by SQL."""

import subprocess

import common

# Half of the accounts are guests, and nearly all of those are old and sit in a game; ids begin with their time, as the
# service makes them. One session of ten has ended.
FILL = """
set synchronous_commit = off;
insert into backend.accounts (account_id, is_guest, created_at)
  select (lpad(to_hex((extract(epoch from t) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
          || substr(md5(n::text), 4, 15))::uuid, n % 2 = 0, t
  from generate_series(1, {accounts}) n
  cross join lateral (select now() - interval '90 days' * (1 - n::float8 / {accounts}) as t) at;
insert into backend.identities (identity_id, account_id, kind, external_id, created_at)
  select gen_random_uuid(), account_id, case when n % 2 = 0 then 'email' else 'telegram' end,
         case when n % 2 = 0 then md5(n::text) || '@example.org' else (100000000 + n * 7)::text end, created_at
  from (select *, row_number() over () as n from backend.accounts where not is_guest) a;
insert into backend.game_players (game_id, account_id)
  select gen_random_uuid(), account_id from (select *, row_number() over () as n from backend.accounts where is_guest) a
  where n % 100 <> 0;
insert into backend.sessions (session_id, account_id, token_hash, generation, created_at, revoked_at)
  select gen_random_uuid(), account_id, sha256((account_id::text || n)::bytea), 0, created_at,
         case when n = 1 and substr(account_id::text, 36) in ('0', '1', '2', '3', '4') then now() end
  from backend.accounts cross join generate_series(1, {per_account}) n;
vacuum analyze;
"""

# The rows that a start reads, by the statement by which it reads them (`copy_sql` in src/db/revocation_log.cpp), to nowhere.
COPY = r"""
\copy (select s.token_hash, s.session_id, s.account_id, s.created_at, s.generation, a.is_guest, s.created_at + case when a.is_guest then ages.of_guest else ages.of_full_account end from (select make_interval(secs => extract(epoch from backend.session_expires_at(at, true) - at)::float8) as of_guest, make_interval(secs => extract(epoch from backend.session_expires_at(at, false) - at)::float8) as of_full_account from (values (timestamptz 'epoch')) as v(at) offset 0) ages cross join backend.sessions s join backend.accounts a using (account_id) where s.revoked_at is null and s.generation = a.session_generation and coalesce(s.created_at + case when a.is_guest then ages.of_guest else ages.of_full_account end > clock_timestamp(), true) order by s.session_id desc limit {limit}) to '/dev/null' (format binary)
"""


def query(dsn, sql):
    return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", common.psql_dsn(dsn)], check=True,
                          input=sql, capture_output=True, text=True).stdout.strip()


def fill(dsn, accounts, per_account):
    """The schema must be there."""
    query(dsn, FILL.format(accounts=accounts, per_account=per_account))
