-- Whose order a job is, for the entries in the audit that its endings make. Jobs of before have none of it.
alter table backend.revocation_jobs
  add column caller text,
  add column user_id uuid,
  add column request_id text,
  add column trace_id uuid,
  add column address inet,
  add column audit_reason text; -- without what the audit may not keep

-- As before, and what has expired is not active.
create or replace function backend.is_selected(
  what backend.session_selector, minted_before timestamptz, s backend.sessions, a backend.accounts, has_identity boolean
) returns boolean
language sql stable
begin atomic
  select coalesce(
    s.revoked_at is null and s.generation = a.session_generation and s.created_at < minted_before
    and coalesce(backend.session_expires_at(s.created_at, a.is_guest) > now(), true)
    and case what.kind
        when 'all' then true
        when 'accounts' then s.account_id = any (what.targets)
        when 'sessions' then s.session_id = any (what.targets)
        when 'filter' then
          (what.created_before is null or s.created_at < what.created_before)
          and (what.created_after is null or s.created_at >= what.created_after)
          and (what.ip_in is null or s.ip <<= any (what.ip_in))
          and (what.user_agent_contains is null or strpos(s.user_agent, what.user_agent_contains) > 0)
          and (what.is_guest is null or a.is_guest = what.is_guest)
          and has_identity
        end,
    false);
end;

-- One transaction of the unfinished job that waits longest: looks at `page` sessions at most, and ends `batch` of those that
-- it picks one by one, or more where all of an account's end together, which is one row.
--
-- A function, because each statement of it sees by a snapshot of its own: what an account has is looked at again under its
-- lock, and so a session that was minted meanwhile is seen, and lives. Where every active session of an account is selected,
-- its generation is raised and there is one event; elsewhere sessions end, and have their events, one by one.
--
-- The order of locks is that of every writer: accounts (by id), their sessions, the log's advisory lock last. An account
-- that somebody holds is not waited for.
drop function backend.work_on_revocation_jobs;
create function backend.work_on_revocation_jobs(
  page bigint, count_page bigint, batch bigint, leader_lock bigint, log_lock bigint,
  session_revoked text, account_revoked text,
  out is_leader boolean, out has_more boolean, out is_held_up boolean, out sessions bigint, out finished_job uuid
)
language plpgsql
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  no_id constant uuid := '00000000-0000-0000-0000-000000000000';
  job backend.revocation_jobs;
  counted record;
  walked record;
  locked uuid[];
  held uuid[];
  whole uuid[];
  whole_generations integer[];
  parts uuid[];   -- sessions
  ended uuid[];   -- accounts in which something ended
begin
  has_more := false;
  is_held_up := false;
  sessions := 0;
  is_leader := pg_try_advisory_xact_lock(leader_lock);
  if not is_leader then
    return;
  end if;

  select * into job from backend.revocation_jobs j where j.finished_at is null
    order by j.worked_at nulls first, j.job_id limit 1 for update;
  if not found then
    return;
  end if;
  job.started_at := coalesce(job.started_at, clock_timestamp());

  -- Ahead of the walk that ends, which would leave nothing to be counted.
  if not job.is_counted then
    select * into counted
      from backend.count_selected(job.selects, job.accepted_at, job.count_reached, job.count_account, count_page);
    job.sessions_found := job.sessions_found + counted.sessions;
    job.accounts_found := job.accounts_found + counted.accounts;
    job.count_account := counted.last_account;
    job.count_reached := counted.reached;
    job.is_counted := not counted.has_more;
  end if;

  -- Up to the row before the first that is too many. What was left in this round stays left.
  select count(*) < page and coalesce(max(w.picked), 0) <= batch as is_round_over,
         (array_agg((w.account_id, w.generation, w.session_id)::backend.session_place order by w.n desc)
            filter (where w.picked <= batch))[1] as reached,
         array_agg(w.session_id order by w.n) filter (where w.is_picked and w.picked <= batch) as sessions,
         array_agg(distinct w.account_id) filter (where w.is_picked and w.picked <= batch) as accounts
    into walked
    from (select p.*, count(*) filter (where p.is_picked) over (order by p.n) as picked
          from (select t.account_id, t.generation, t.session_id,
                       t.is_selected and t.account_id <> all (job.left_accounts) as is_picked,
                       row_number() over (order by t.account_id, t.generation, t.session_id) as n
                from backend.walk_sessions(job.selects, job.accepted_at, job.only_accounts, job.reached, page) t) p) w;

  select array_agg(l.account_id) into locked
    from (select a.account_id from backend.accounts a where a.account_id = any (walked.accounts)
          order by a.account_id for update skip locked) l;
  select array_agg(w.account_id) into held
    from unnest(walked.accounts) as w(account_id)
    cross join lateral (select true from backend.accounts a where a.account_id = w.account_id limit 1) a
    where w.account_id <> all (coalesce(locked, '{}'));

  -- Under the locks, by a new snapshot.
  with live as materialized (
    select s.account_id, s.session_id, a.session_generation,
           backend.is_selected(
             job.selects, job.accepted_at, s, a,
             (job.selects).identity_kind is null
             or exists (select from backend.identities i
                        where i.account_id = a.account_id and i.kind || '' = (job.selects).identity_kind)) as is_selected
    from unnest(locked) as l(account_id)
    cross join lateral (select b.* from backend.accounts b where b.account_id = l.account_id limit 1) a
    cross join lateral (select t.* from backend.sessions t
                        where t.account_id = a.account_id and t.generation = a.session_generation
                          and t.revoked_at is null offset 0) s
    where coalesce(backend.session_expires_at(s.created_at, a.is_guest) > now(), true)
  ), of_account as materialized (
    select l.account_id, bool_and(l.is_selected) as is_whole, count(*) as active, min(l.session_generation) as generation
    from live l group by l.account_id
  ), picked as (
    select l.session_id, l.account_id from live l join of_account o using (account_id)
    where l.is_selected and not o.is_whole and l.session_id = any (walked.sessions)
  )
  select (select array_agg(o.account_id order by o.account_id) from of_account o where o.is_whole),
         (select array_agg(o.generation + 1 order by o.account_id) from of_account o where o.is_whole),
         (select array_agg(p.session_id order by p.session_id) from picked p),
         (select array_agg(e.account_id order by e.account_id)
          from (select o.account_id from of_account o where o.is_whole union select p.account_id from picked p) e),
         (select coalesce(sum(o.active), 0) from of_account o where o.is_whole) + (select count(*) from picked)
    into whole, whole_generations, parts, ended, sessions;

  -- Before the log's lock is taken, so that whoever has it waits for nobody's row.
  update backend.sessions s set revoked_at = clock_timestamp(), revoke_reason = job.reason where s.session_id = any (parts);
  update backend.accounts a set session_generation = a.session_generation + 1, updated_at = clock_timestamp()
    where a.account_id = any (whole);

  -- What is told of an account is told of all of its sessions.
  insert into backend.audit_events (event_id, occurred_at, action, actor, account_id, session_id, caller, user_id, reason,
                                    request_id, trace_id, address)
    select backend.audit_event_id(c.at, nextval('backend.audit_events_seq')), c.at, e.action, job.actor, e.account_id,
           e.session_id, job.caller, job.user_id, job.audit_reason, job.request_id, job.trace_id, job.address
    from (select account_revoked as action, w.account_id, null::uuid as session_id from unnest(whole) as w(account_id)
          union all
          select session_revoked, s.account_id, s.session_id from backend.sessions s where s.session_id = any (parts)) e
    cross join (select clock_timestamp() as at) c;

  if ended is not null then
    perform set_config('lock_timeout', current_setting('statement_timeout'), true);
    perform pg_advisory_xact_lock(log_lock);
    with logged as (
      insert into backend.revocation_events (seq, kind, session_id, account_id, generation, reason, actor)
        select nextval('backend.revocation_events_seq'), e.kind, e.session_id, e.account_id, e.generation, job.reason,
               job.actor
        from (select 'account' as kind, null::uuid as session_id, w.account_id, w.generation
              from unnest(whole, whole_generations) as w(account_id, generation)
              union all
              select 'session', s.session_id, s.account_id, s.generation
              from backend.sessions s where s.session_id = any (parts)) e
        returning seq
    )
    select max(l.seq), backend.feed_epoch() into job.last_seq, job.last_epoch from logged l;
  end if;

  job.sessions_ended := job.sessions_ended + sessions;
  job.accounts_ended := job.accounts_ended
    + (select count(*) from unnest(ended) as e(account_id)
       where e.account_id is distinct from job.last_account and e.account_id <> all (job.counted_accounts));
  job.left_accounts := job.left_accounts || coalesce(held, '{}');
  if job.last_account = any (held) then
    job.counted_accounts := job.counted_accounts || job.last_account;
  end if;
  job.last_account := coalesce(ended[cardinality(ended)], job.last_account);
  job.reached := coalesce(walked.reached, job.reached);

  if walked.is_round_over and job.is_counted then
    if job.left_accounts = '{}' then
      job.finished_at := clock_timestamp();
      finished_job := job.job_id;
    else
      is_held_up := coalesce(job.only_accounts = job.left_accounts, false);
      job.only_accounts := array(select l.account_id from unnest(job.left_accounts) as l(account_id) order by 1);
      job.left_accounts := '{}';
      job.reached := (no_id, 0, no_id)::backend.session_place;
    end if;
  end if;

  update backend.revocation_jobs j set
      started_at = job.started_at, worked_at = clock_timestamp(),
      finished_at = job.finished_at, reached = job.reached, only_accounts = job.only_accounts,
      left_accounts = job.left_accounts, last_account = job.last_account, counted_accounts = job.counted_accounts,
      sessions_ended = job.sessions_ended, accounts_ended = job.accounts_ended, last_epoch = job.last_epoch,
      last_seq = job.last_seq, count_reached = job.count_reached, count_account = job.count_account,
      is_counted = job.is_counted, sessions_found = job.sessions_found, accounts_found = job.accounts_found
    where j.job_id = job.job_id;
  has_more := (select true from backend.revocation_jobs j where j.finished_at is null limit 1) is not null;
end
$$;

-- One batch of the sessions that expired, of guests or of full accounts: `batch` rows are looked at, those go that were
-- not revoked (what was revoked is kept as long as a revoked session is). A row that somebody holds is left:
-- `left_created_at` is when the oldest of those was created, and the sweep comes back to it.
drop function backend.delete_expired_sessions;
create function backend.delete_expired_sessions(
  created_before timestamptz, of_guests boolean, after_created_at timestamptz, after_session_id uuid, batch bigint,
  leader_lock bigint,
  out is_leader boolean, out deleted bigint, out has_more boolean,
  out reached_created_at timestamptz, out reached_session_id uuid, out left_created_at timestamptz
)
language plpgsql
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  picked uuid[];
begin
  deleted := 0;
  has_more := false;
  is_leader := pg_try_advisory_xact_lock(leader_lock);
  if not is_leader then
    return;
  end if;

  with looked_at as materialized (
    select s.session_id, s.created_at
    from backend.sessions s
    where s.created_at < created_before and (s.created_at, s.session_id) > (after_created_at, after_session_id)
    order by s.created_at, s.session_id
    limit batch
  )
  select array_agg(l.session_id), count(*) = batch,
         (array_agg(l.created_at order by l.created_at desc, l.session_id desc))[1],
         (array_agg(l.session_id order by l.created_at desc, l.session_id desc))[1]
    into picked, has_more, reached_created_at, reached_session_id
    from looked_at l;
  if picked is null then
    return;
  end if;

  with free as materialized (
    select s.session_id, s.created_at
    from unnest(picked) as p(session_id)
    cross join lateral (select s.* from backend.sessions s where s.session_id = p.session_id limit 1) s
    cross join lateral (select a.* from backend.accounts a where a.account_id = s.account_id limit 1) a
    where a.is_guest = of_guests and s.revoked_at is null and s.generation = a.session_generation
  ), locked as materialized (
    select s.session_id from backend.sessions s join free f on f.session_id = s.session_id
    where s.revoked_at is null
    order by s.session_id for update of s skip locked
  ), gone as (
    delete from backend.sessions s using locked where s.session_id = locked.session_id returning s.session_id
  )
  select (select count(*) from gone),
         (select min(f.created_at) from free f where f.session_id not in (select l.session_id from locked l))
    into deleted, left_created_at;
end
$$;
