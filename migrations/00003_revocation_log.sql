-- The log that every replica and every gateway tails. A writer holds an advisory lock from before it draws `seq` until
-- its commit, so seq order is commit order and a reader that asks for "after n" can never have skipped one that
-- committed late.
create table backend.revocation_events (
  seq bigint primary key,
  kind text not null check (kind in ('session', 'account')),
  session_id uuid check ((session_id is not null) = (kind = 'session')),
  -- No foreign keys: the log outlives what it tells of.
  account_id uuid not null,
  -- kind 'account': every session of the account with a lower generation is dead.
  generation integer not null,
  reason text not null default '',
  actor text not null default '',
  occurred_at timestamptz not null default clock_timestamp()
);

-- Retention goes by age.
create index revocation_events_by_age on backend.revocation_events (occurred_at);

-- cache 1: a connection that kept numbers for later would hand them out behind its neighbours' commits.
create sequence backend.revocation_events_seq as bigint cache 1 owned by backend.revocation_events.seq;

-- One row. history_id is drawn once per history of the log. Events up to pruned_through have been deleted for age; it
-- moves in the transaction that deletes them.
create table backend.feed_state (
  is_only boolean primary key default true check (is_only),
  history_id uuid not null,
  pruned_through bigint not null default 0 check (pruned_through >= 0)
);

insert into backend.feed_state (history_id) values (gen_random_uuid());

-- Names the history that a cursor belongs to. It changes whenever positions of old may mean something else now: on a
-- point-in-time restore or a failover (the WAL timeline), on a restore of a dump (the oid of the table, the database, the
-- system identifier). It cannot see a cold copy of the data directory put back in place; there a cursor past
-- the end of the log is what gives the loss away.
--
-- Stable, not volatile: it then reads by the snapshot of the statement that calls it.
create function backend.feed_epoch() returns bigint
language sql stable
begin atomic
  select hashtextextended(
    concat_ws('/', f.history_id, f.tableoid,
              (select oid from pg_database where datname = current_database()),
              (select system_identifier from pg_control_system()),
              left(pg_walfile_name(pg_current_wal_lsn()), 8)),
    0)
  from backend.feed_state f;
end;

-- The seq of the last event, exact because seq order is commit order; retention may have emptied the table.
create function backend.feed_end() returns bigint
language sql stable
begin atomic
  select coalesce((select max(seq) from backend.revocation_events), (select pruned_through from backend.feed_state));
end;
