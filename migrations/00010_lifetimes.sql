-- How old sessions may grow is a setting of the process that asks, which tells it to each of its connections: the row
-- has the time of creation and nothing else, and whoever judges it computes the rest. Null: the session does not expire.
--
-- The parameters hold a number of seconds, so that no time zone has a say.
create function backend.session_expires_at(created_at timestamptz, is_guest boolean) returns timestamptz
language sql stable
return created_at + nullif(current_setting(
  case when is_guest then 'portcullis.guest_session_max_age' else 'portcullis.session_max_age' end, true), '')::interval;

-- The sweep goes through sessions in the order of their age.
create index sessions_by_age on backend.sessions (created_at, session_id);

-- One batch of the sessions that expired, of guests or of full accounts: `batch` rows are looked at, those go that were
-- not revoked (what was revoked is kept as long as a revoked session is). A row that somebody holds is left.
create function backend.delete_expired_sessions(
  created_before timestamptz, of_guests boolean, after_created_at timestamptz, after_session_id uuid, batch bigint,
  leader_lock bigint,
  out is_leader boolean, out deleted bigint, out has_more boolean,
  out reached_created_at timestamptz, out reached_session_id uuid
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

  with free as (
    select s.session_id
    from unnest(picked) as p(session_id)
    cross join lateral (select s.* from backend.sessions s where s.session_id = p.session_id limit 1) s
    cross join lateral (select a.* from backend.accounts a where a.account_id = s.account_id limit 1) a
    where a.is_guest = of_guests and s.revoked_at is null and s.generation = a.session_generation
  ), locked as (
    select s.session_id from backend.sessions s join free using (session_id)
    where s.revoked_at is null
    order by s.session_id for update of s skip locked
  ), gone as (
    delete from backend.sessions s using locked where s.session_id = locked.session_id returning s.session_id
  )
  select count(*) into deleted from gone;
end
$$;

-- As before, and what has expired is not active.
create or replace function backend.count_all(
  pages_max bigint,
  out accounts bigint, out guests bigint, out active_sessions bigint, out is_estimated boolean
)
language plpgsql volatile
set jit = off -- compiling takes longer than the reads
as $$
declare
  page_bytes bigint := current_setting('block_size')::bigint;
  account_pages bigint := pg_relation_size('backend.accounts') / page_bytes;
  session_pages bigint := pg_relation_size('backend.sessions') / page_bytes;
  read_pages bigint;
begin
  is_estimated := account_pages > pages_max or session_pages > pages_max;

  read_pages := least(account_pages, pages_max);
  select round(count(*) * account_pages / greatest(read_pages, 1)::numeric),
         round(count(*) filter (where a.is_guest) * account_pages / greatest(read_pages, 1)::numeric)
    into accounts, guests
    from backend.sample_pages(account_pages, read_pages) as p
    cross join lateral (select a.is_guest from backend.accounts a
                        where a.ctid >= p.first_row and a.ctid < p.end_row offset 0) a;

  read_pages := least(session_pages, pages_max);
  select round(count(*) * session_pages / greatest(read_pages, 1)::numeric)
    into active_sessions
    from backend.sample_pages(session_pages, read_pages) as p
    cross join lateral (select s.account_id, s.generation, s.created_at from backend.sessions s
                        where s.ctid >= p.first_row and s.ctid < p.end_row and s.revoked_at is null offset 0) s
    cross join lateral (select a.session_generation, a.is_guest from backend.accounts a
                        where a.account_id = s.account_id limit 1) a
    where s.generation = a.session_generation
      and coalesce(backend.session_expires_at(s.created_at, a.is_guest) > now(), true);
end
$$;
