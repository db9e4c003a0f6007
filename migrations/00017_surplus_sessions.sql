-- Ends what accounts have too many after these sessions were minted, the oldest first: the last step of a mint's
-- transaction, which has locked the accounts. Nearly all mints end at the first `if`, and one plan is all that it takes
-- them; as one statement, PostgreSQL set up all that follows for each.
--
-- Sessions of an account are read from the newest back, the dead among them included (no index knows of them), 10 000 of
-- them or four times as many as may live. An account whose sessions end all day long, and are kept for their retention, is
-- not read through to its beginning. At most 1000 end; the next mint ends more.
--
-- Who has ended them is who minted: the account's newest entry of a mint is this transaction's, since mints for one account
-- wait for each other. `log_lock` is waited for as long as a statement may take, and last.
create function backend.end_surplus_sessions(
  minted uuid[], live_max bigint, log_lock bigint, session_minted text, session_revoked text
) returns table (owner_id uuid, ended_id uuid, last_epoch bigint, last_seq bigint)
language plpgsql rows 1
as $$
declare
  full_accounts uuid[];
  ended uuid[];
begin
  if live_max is null then
    return;
  end if;
  select array_agg(distinct s.account_id) into full_accounts
    from unnest(minted) as q(session_id)
    cross join lateral (select t.* from backend.sessions t where t.session_id = q.session_id limit 1) s
    cross join lateral (select from backend.sessions o where o.account_id = s.account_id and o.generation = s.generation
                        offset live_max limit 1) too_many;
  if full_accounts is null then
    return;
  end if;

  with surplus as materialized (
    select a.account_id, n.session_id
    from unnest(full_accounts) as f(account_id) join backend.accounts a using (account_id)
    cross join lateral (
      select s.session_id
      from (select t.* from backend.sessions t
            where t.account_id = a.account_id and t.generation = a.session_generation
            order by t.session_id desc limit greatest(10000, 4 * live_max)) s
      where s.revoked_at is null
        and coalesce(backend.session_expires_at(s.created_at, a.is_guest) > clock_timestamp(), true)
      order by s.session_id desc offset live_max limit 1000) n
  ), locked as materialized (
    select s.session_id
    from (select account_id, session_id from surplus order by account_id, session_id) q
    cross join lateral (select t.session_id from backend.sessions t where t.session_id = q.session_id
                        and t.revoked_at is null limit 1 for no key update of t) s
  ), gone as (
    update backend.sessions s set revoked_at = clock_timestamp(), revoke_reason = 'superseded'
    from locked l where s.session_id = l.session_id
    returning s.session_id
  )
  select array_agg(g.session_id order by g.session_id) into ended from gone g;
  if ended is null then
    return;
  end if;

  insert into backend.audit_events (event_id, occurred_at, action, actor, account_id, session_id, caller, user_id, reason,
                                    request_id, trace_id, address)
    select backend.audit_event_id(c.at, nextval('backend.audit_events_seq')), c.at, session_revoked, m.actor,
           s.account_id, s.session_id, m.caller, m.user_id, 'superseded', m.request_id, m.trace_id, m.address
    from unnest(ended) as e(session_id)
    cross join lateral (select t.* from backend.sessions t where t.session_id = e.session_id limit 1) s
    cross join lateral (select a.* from backend.audit_events a
                        where a.account_id = s.account_id and a.action = session_minted
                        order by a.account_id desc, a.event_id desc limit 1) m
    cross join (select clock_timestamp() as at) c;

  perform set_config('lock_timeout', current_setting('statement_timeout'), true);
  perform pg_advisory_xact_lock(log_lock);
  return query
    with logged as (
      insert into backend.revocation_events (seq, kind, session_id, account_id, generation, reason, actor)
        select nextval('backend.revocation_events_seq'), 'session', s.session_id, s.account_id, s.generation, 'superseded',
               'internal'
        from unnest(ended) as e(session_id)
        cross join lateral (select t.* from backend.sessions t where t.session_id = e.session_id limit 1) s
        returning seq, account_id, session_id
    )
    select l.account_id, l.session_id, backend.feed_epoch(), l.seq from logged l order by l.seq;
end
$$;
