-- The sweep goes by what there is to remove, and looks at a bounded number of rows in each transaction.

-- Guests in the order in which they are looked at. The id is in it, so that a batch is read from the index alone.
drop index backend.accounts_guests_by_age;
create index accounts_guests_by_age on backend.accounts (created_at, account_id) where is_guest;

-- Sessions that ended one by one, in the order of their ends. A table of its own and no index on revoked_at: ending a
-- session is then a heap-only update, which touches none of the table's indexes. Each page keeps room for that.
create table backend.ended_sessions (
  ended_at timestamptz not null,
  session_id uuid not null, -- no foreign key: the row may outlive the session until the sweep comes by
  primary key (ended_at, session_id)
);

insert into backend.ended_sessions (ended_at, session_id)
  select revoked_at, session_id from backend.sessions where revoked_at is not null order by revoked_at;

alter table backend.sessions set (fillfactor = 90);

-- A trigger, so that no statement that ends a session, by whomever it is sent, can forget it.
create function backend.note_ended_session() returns trigger
language plpgsql
as $$
begin
  insert into backend.ended_sessions (ended_at, session_id) values (new.revoked_at, new.session_id)
    on conflict do nothing;
  return null;
end
$$;

create trigger note_ended_session after update of revoked_at on backend.sessions
  for each row when (new.revoked_at is distinct from old.revoked_at and new.revoked_at is not null)
  execute function backend.note_ended_session();

-- Sessions that ended with all of their account's: those of this generation and below died at `ended_at`. What happens to
-- the account later (a new name, another end) does not change that. The sweep removes the row after the last session.
create table backend.ended_generations (
  account_id uuid not null, -- no foreign key: the row may outlive the account until the sweep comes by
  generation integer not null,
  ended_at timestamptz not null default clock_timestamp(),
  primary key (account_id, generation)
);

create index ended_generations_by_age on backend.ended_generations (ended_at, account_id);

insert into backend.ended_generations (account_id, generation, ended_at)
  select account_id, session_generation - 1, updated_at from backend.accounts where session_generation > 0;

-- By a trigger, for the same reason.
create function backend.note_ended_generation() returns trigger
language plpgsql
as $$
begin
  insert into backend.ended_generations (account_id, generation) values (new.account_id, new.session_generation - 1)
    on conflict do nothing;
  return null;
end
$$;

create trigger note_ended_generation after update of session_generation on backend.accounts
  for each row when (new.session_generation > old.session_generation)
  execute function backend.note_ended_generation();

-- One batch of guests: `batch` of them are looked at, and those that may go are deleted or, in a dry run, counted. A
-- function, because each statement of it sees by a snapshot of its own: a guest that was seated or linked after the first
-- statement looked, and before it got the row's lock, must be seen by the second.
--
-- The order of locks is that of every writer: accounts (by id), their sessions, the log's advisory lock last.
--
-- The settings keep the plans to the indexes whatever the statistics say, which may be those of an empty table. Seats are
-- looked up one account at a time (`limit 1`): a join could choose to read all of them.
drop function backend.reap_guests;
create function backend.reap_guests(
  created_before timestamptz, after_created_at timestamptz, after_account_id uuid, batch bigint, is_dry_run boolean,
  leader_lock bigint, log_lock bigint, cause_reason text, cause_actor text,
  out is_leader boolean, out reaped bigint, out has_more boolean,
  out reached_created_at timestamptz, out reached_account_id uuid
)
language plpgsql
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  looked_at uuid[];
  picked uuid[];
  ended uuid[];
  with_sessions uuid[];
  generations integer[];
begin
  reaped := 0;
  has_more := false;
  is_leader := is_dry_run or pg_try_advisory_xact_lock(leader_lock);
  if not is_leader then
    return;
  end if;

  with candidates as materialized (
    select a.account_id, a.created_at
    from backend.accounts a
    where a.is_guest and a.created_at < created_before
      and (a.created_at, a.account_id) > (after_created_at, after_account_id)
    order by a.created_at, a.account_id
    limit batch
  )
  select array_agg(c.account_id), count(*) = batch,
         (array_agg(c.created_at order by c.created_at desc, c.account_id desc))[1],
         (array_agg(c.account_id order by c.created_at desc, c.account_id desc))[1]
    into looked_at, has_more, reached_created_at, reached_account_id
    from candidates c;

  select array_agg(c.account_id order by c.account_id), count(*) into picked, reaped
    from unnest(looked_at) as c(account_id)
    left join lateral (select true as is_seated from backend.game_players p
                       where p.account_id = c.account_id limit 1) p on true
    where p.is_seated is null;
  if picked is null or is_dry_run then
    return;
  end if;

  -- Whoever is seating, linking or minting for one of them right now has its row: it is left for the next sweep.
  reaped := 0;
  select array_agg(l.account_id) into picked
    from (select a.account_id from backend.accounts a where a.account_id = any (picked)
          order by a.account_id for update skip locked) l;

  -- Under the locks, by a new snapshot.
  select array_agg(a.account_id) into ended
    from backend.accounts a
    left join lateral (select true as is_seated from backend.game_players p
                       where p.account_id = a.account_id limit 1) p on true
    where a.account_id = any (picked) and a.is_guest and p.is_seated is null;
  if ended is null then
    return;
  end if;

  select array_agg(distinct s.account_id) into with_sessions
    from backend.sessions s join backend.accounts a using (account_id)
    where s.account_id = any (ended) and s.revoked_at is null and s.generation = a.session_generation;

  delete from backend.sessions where account_id = any (ended);
  delete from backend.identities where account_id = any (ended);
  delete from backend.account_stats where account_id = any (ended);
  -- Before the log's lock is taken, so that whoever has it waits for nobody's row.
  with gone as (
    delete from backend.accounts a where a.account_id = any (ended)
    returning a.account_id, a.session_generation + 1 as generation
  )
  select count(*), array_agg(g.account_id), array_agg(g.generation) into reaped, ended, generations from gone g;

  if with_sessions is not null then
    perform pg_advisory_xact_lock(log_lock);
    insert into backend.revocation_events (seq, kind, account_id, generation, reason, actor)
      select nextval('backend.revocation_events_seq'), 'account', g.account_id, g.generation, cause_reason, cause_actor
      from unnest(ended, generations) as g(account_id, generation)
      where g.account_id = any (with_sessions);
  end if;
end
$$;

-- One batch of the sessions that ended one by one.
create function backend.delete_dead_sessions(
  ended_before timestamptz, after_ended_at timestamptz, after_session_id uuid, batch bigint, leader_lock bigint,
  out is_leader boolean, out deleted bigint, out has_more boolean,
  out reached_ended_at timestamptz, out reached_session_id uuid
)
language plpgsql
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  ends timestamptz[];
  picked uuid[];
begin
  deleted := 0;
  has_more := false;
  is_leader := pg_try_advisory_xact_lock(leader_lock);
  if not is_leader then
    return;
  end if;

  with ended as materialized (
    select e.ended_at, e.session_id
    from backend.ended_sessions e
    where e.ended_at < ended_before and (e.ended_at, e.session_id) > (after_ended_at, after_session_id)
    order by e.ended_at, e.session_id
    limit batch
  )
  select array_agg(e.ended_at order by e.ended_at, e.session_id),
         array_agg(e.session_id order by e.ended_at, e.session_id), count(*) = batch,
         (array_agg(e.ended_at order by e.ended_at desc, e.session_id desc))[1],
         (array_agg(e.session_id order by e.ended_at desc, e.session_id desc))[1]
    into ends, picked, has_more, reached_ended_at, reached_session_id
    from ended e;
  if picked is null then
    return;
  end if;

  with free as (
    select s.session_id from backend.sessions s where s.session_id = any (picked) and s.revoked_at < ended_before
    order by s.session_id for update skip locked
  ), gone as (
    delete from backend.sessions s using free where s.session_id = free.session_id returning s.session_id
  )
  select count(*) into deleted from gone;

  -- But for those that somebody held.
  delete from backend.ended_sessions e
    using unnest(ends, picked) as d(ended_at, session_id)
    where e.ended_at = d.ended_at and e.session_id = d.session_id
      and (select true from backend.sessions s
           where s.session_id = d.session_id and s.revoked_at < ended_before limit 1) is null;
end
$$;

-- One batch of the sessions that ended with all of their account's. An account may have any number of them: the batch is
-- of sessions, and a generation's row goes when none of its sessions is left.
create function backend.delete_dead_generations(
  ended_before timestamptz, after_ended_at timestamptz, after_account_id uuid, batch bigint, leader_lock bigint,
  out is_leader boolean, out deleted bigint, out has_more boolean,
  out reached_ended_at timestamptz, out reached_account_id uuid
)
language plpgsql
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  accounts uuid[];
  generations integer[];
  picked uuid[];
begin
  deleted := 0;
  has_more := false;
  is_leader := pg_try_advisory_xact_lock(leader_lock);
  if not is_leader then
    return;
  end if;

  with ended as materialized (
    select e.account_id, e.generation, e.ended_at
    from backend.ended_generations e
    where e.ended_at < ended_before and (e.ended_at, e.account_id) > (after_ended_at, after_account_id)
    order by e.ended_at, e.account_id
    limit batch
  )
  select array_agg(e.account_id order by e.ended_at, e.account_id),
         array_agg(e.generation order by e.ended_at, e.account_id), count(*) = batch,
         (array_agg(e.ended_at order by e.ended_at desc, e.account_id desc))[1],
         (array_agg(e.account_id order by e.ended_at desc, e.account_id desc))[1]
    into accounts, generations, has_more, reached_ended_at, reached_account_id
    from ended e;
  if accounts is null then
    return;
  end if;

  select array_agg(p.session_id) into picked
    from (select s.session_id
          from unnest(accounts, generations) as e(account_id, generation)
          cross join lateral (select s.session_id from backend.sessions s
                              where s.account_id = e.account_id and s.generation <= e.generation limit batch) s
          limit batch) p;
  with free as (
    select s.session_id from backend.sessions s where s.session_id = any (picked)
    order by s.session_id for update skip locked
  ), gone as (
    delete from backend.sessions s using free where s.session_id = free.session_id returning s.session_id
  )
  select count(*) into deleted from gone;

  -- A full batch may have left some: the next one looks at the same generations, unless it could get nothing here.
  if cardinality(picked) >= batch and deleted > 0 then
    has_more := true;
    reached_ended_at := after_ended_at;
    reached_account_id := after_account_id;
  end if;

  delete from backend.ended_generations e
    using unnest(accounts, generations) as d(account_id, generation)
    where e.account_id = d.account_id and e.generation = d.generation
      and (select true from backend.sessions s
           where s.account_id = d.account_id and s.generation <= d.generation limit 1) is null;
end
$$;
