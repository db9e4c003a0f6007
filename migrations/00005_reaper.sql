-- One batch of the guest reaper. A function, because each statement of it sees by a snapshot of its own: a guest that was
-- seated or linked after the first statement looked, and before it got the row's lock, must be seen by the second.
--
-- The order of locks is that of every writer: accounts (by id), their sessions, the log's advisory lock last.
create function backend.reap_guests(
  created_before timestamptz, after_created_at timestamptz, after_account_id uuid, batch bigint,
  leader_lock bigint, log_lock bigint, cause_reason text, cause_actor text,
  out is_leader boolean, out reaped bigint, out has_more boolean,
  out reached_created_at timestamptz, out reached_account_id uuid
)
language plpgsql
as $$
declare
  picked uuid[];
  doomed uuid[];
  with_sessions uuid[];
  generations integer[];
begin
  reaped := 0;
  has_more := false;
  is_leader := pg_try_advisory_xact_lock(leader_lock);
  if not is_leader then
    return;
  end if;

  with candidates as (
    select a.account_id, a.created_at
    from backend.accounts a
    where a.is_guest and a.created_at < created_before
      and (a.created_at, a.account_id) > (after_created_at, after_account_id)
      and not exists (select from backend.game_players p where p.account_id = a.account_id)
    order by a.created_at, a.account_id
    limit batch
  )
  select array_agg(c.account_id order by c.account_id), count(*) = batch,
         (array_agg(c.created_at order by c.created_at desc, c.account_id desc))[1],
         (array_agg(c.account_id order by c.created_at desc, c.account_id desc))[1]
    into picked, has_more, reached_created_at, reached_account_id
    from candidates c;
  if picked is null then
    return;
  end if;

  -- Whoever is seating, linking or minting for one of them right now has its row: it is left for the next sweep.
  select array_agg(l.account_id) into picked
    from (select a.account_id from backend.accounts a where a.account_id = any (picked)
          order by a.account_id for update skip locked) l;

  -- Under the locks, by a new snapshot.
  select array_agg(a.account_id) into doomed
    from backend.accounts a
    where a.account_id = any (picked) and a.is_guest
      and not exists (select from backend.game_players p where p.account_id = a.account_id);
  if doomed is null then
    return;
  end if;

  select array_agg(distinct s.account_id) into with_sessions
    from backend.sessions s join backend.accounts a using (account_id)
    where s.account_id = any (doomed) and s.revoked_at is null and s.generation = a.session_generation;

  delete from backend.sessions where account_id = any (doomed);
  delete from backend.identities where account_id = any (doomed);
  delete from backend.account_stats where account_id = any (doomed);
  -- Before the log's lock is taken, so that whoever has it waits for nobody's row.
  with gone as (
    delete from backend.accounts a where a.account_id = any (doomed)
    returning a.account_id, a.session_generation + 1 as generation
  )
  select count(*), array_agg(g.account_id), array_agg(g.generation) into reaped, doomed, generations from gone g;

  if with_sessions is not null then
    perform pg_advisory_xact_lock(log_lock);
    insert into backend.revocation_events (seq, kind, account_id, generation, reason, actor)
      select nextval('backend.revocation_events_seq'), 'account', g.account_id, g.generation, cause_reason, cause_actor
      from unnest(doomed, generations) as g(account_id, generation)
      where g.account_id = any (with_sessions);
  end if;
end
$$;
