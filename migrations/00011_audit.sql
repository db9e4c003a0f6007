-- Who did what to whom, when and why. An entry is written by the transaction of the change that it tells of. No token,
-- no caller's key and no e-mail address is ever in it.

-- For ids only: which of two entries of one microsecond comes first means nothing.
create sequence backend.audit_events_seq as bigint cache 32;

create table backend.audit_events (
  -- Version 7 by the database's clock (`audit_event_id`): the order of the audit, and its time.
  event_id uuid primary key,
  occurred_at timestamptz not null,
  action text not null,
  actor text not null, -- which interface asked: public, internal, user, admin, reaper
  -- No foreign keys: the audit outlives what it tells of.
  account_id uuid,
  session_id uuid,
  game_id uuid,
  caller text, -- by its name in the callers' file
  user_id uuid, -- the account that a gateway said it acts for
  reason text,
  request_id text,
  trace_id uuid, -- 16 bytes (W3C Trace Context), in the type that is just as long
  address inet -- the client's, as far as it could be believed
);
alter sequence backend.audit_events_seq owned by backend.audit_events.event_id;

-- One for each condition that a search may go by; each ends in the order of the pages.
create index audit_events_of_account on backend.audit_events (account_id, event_id);
create index audit_events_by_action on backend.audit_events (action, event_id);
create index audit_events_by_caller on backend.audit_events (caller, action, event_id) where caller is not null;

-- The id of an entry: 48 bits of milliseconds, version 7, the microsecond within the millisecond times four, variant, `n`
-- (RFC 9562, section 6.2, method 3). Ids compare as their times do, so that the primary key serves the order, a range of
-- time and the retention. Written so that PostgreSQL can put it in place of a call.
create function backend.audit_event_id(at timestamptz, n bigint) returns uuid
language sql stable
as $$
  select (lpad(to_hex((extract(epoch from at) * 1000000)::bigint / 1000), 12, '0')
          || '7' || lpad(to_hex((extract(epoch from at) * 1000000)::bigint % 1000 * 4), 3, '0')
          || '8' || lpad(to_hex(n), 15, '0'))::uuid
$$;

-- Entries are added, and deleted once they are old (`BACKEND_AUDIT_RETENTION`). Nothing changes one.
create function backend.refuse_to_change_audit() returns trigger
language plpgsql
as $$
begin
  raise exception 'the audit is append-only';
end
$$;

create trigger refuse_to_change_audit before update or truncate on backend.audit_events
  for each statement execute function backend.refuse_to_change_audit();

-- A page of entries, newest first: ids from `from_id` on and below `below_id`. Null conditions are none.
--
-- Each condition that is given is equality, and the index that begins with it is walked from the end of its range. The
-- conditions are written as comparisons of rows, and the order names the columns of the index, so that no other index can
-- serve them, whatever the statistics say: an action that was frequent once may be rare among the newest entries, and a
-- walk of those would be long. A caller alone is looked up by each of the `actions` there are.
create function backend.search_audit(
  of_account uuid, of_caller text, of_action text, from_id uuid, below_id uuid, page bigint, actions text[]
)
returns setof backend.audit_events
language plpgsql stable rows 50
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
begin
  if of_account is not null then
    return query
      select e.* from backend.audit_events e
      where (e.account_id, e.event_id) >= (of_account, from_id) and (e.account_id, e.event_id) < (of_account, below_id)
        and (of_caller is null or e.caller = of_caller) and (of_action is null or e.action = of_action)
      order by e.account_id desc, e.event_id desc limit page;
  elsif of_caller is not null then
    return query
      select e.*
      from unnest(case when of_action is null then actions else array[of_action] end) as a(action)
      cross join lateral (
        select e.* from backend.audit_events e
        where (e.caller, e.action, e.event_id) >= (of_caller, a.action, from_id)
          and (e.caller, e.action, e.event_id) < (of_caller, a.action, below_id)
          and e.caller is not null
        order by e.caller desc, e.action desc, e.event_id desc limit page) e
      order by e.event_id desc limit page;
  elsif of_action is not null then
    return query
      select e.* from backend.audit_events e
      where (e.action, e.event_id) >= (of_action, from_id) and (e.action, e.event_id) < (of_action, below_id)
      order by e.action desc, e.event_id desc limit page;
  else
    return query
      select e.* from backend.audit_events e
      where e.event_id >= from_id and e.event_id < below_id
      order by e.event_id desc limit page;
  end if;
end
$$;

-- One batch of guests: `batch` of them are looked at, and those that may go are deleted or, in a dry run, counted. A
-- function, because each statement of it sees by a snapshot of its own: a guest that was seated or linked after the first
-- statement looked, and before it got the row's lock, must be seen by the second.
--
-- Each guest that goes has its entry in the audit, by the same transaction and before the log's lock is taken.
--
-- The order of locks is that of every writer: accounts (by id), their sessions, the log's advisory lock last.
--
-- The settings keep the plans to the indexes whatever the statistics say, which may be those of an empty table. Seats are
-- looked up one account at a time (`limit 1`): a join could choose to read all of them.
drop function backend.reap_guests;
create function backend.reap_guests(
  created_before timestamptz, after_created_at timestamptz, after_account_id uuid, batch bigint, is_dry_run boolean,
  leader_lock bigint, log_lock bigint, cause_reason text, cause_actor text,
  audit_action text, audit_reason text, origin_actor text, origin_caller text, origin_user uuid, origin_request text,
  origin_trace uuid, origin_address inet,
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

  insert into backend.audit_events (event_id, occurred_at, action, actor, account_id, caller, user_id, reason, request_id,
                                    trace_id, address)
    select backend.audit_event_id(c.at, nextval('backend.audit_events_seq')), c.at, audit_action, origin_actor,
           g.account_id, origin_caller, origin_user, audit_reason, origin_request, origin_trace, origin_address
    from unnest(ended) as g(account_id) cross join (select clock_timestamp() as at) c;

  if with_sessions is not null then
    perform pg_advisory_xact_lock(log_lock);
    insert into backend.revocation_events (seq, kind, account_id, generation, reason, actor)
      select nextval('backend.revocation_events_seq'), 'account', g.account_id, g.generation, cause_reason, cause_actor
      from unnest(ended, generations) as g(account_id, generation)
      where g.account_id = any (with_sessions);
  end if;
end
$$;
