-- The sessions that canaries mint and revoke, to measure how soon the end of one is known. They are in a table of their
-- own, so that nothing which counts, lists or ends sessions meets them. A row is gone as soon as its revocation was
-- acknowledged; what a process has left behind that was killed, the next canary removes.
create table backend.canaries (
  session_id uuid primary key,
  token_hash bytea not null,
  minted_at timestamptz not null default clock_timestamp(),
  revoked_at timestamptz
);

-- Its events are of an account that nobody else can have: ids are UUIDv7, and this one is of 1970.
create index revocation_events_of_canaries on backend.revocation_events (occurred_at)
  where account_id = '00000000-0000-7000-8000-000000000000';

-- One transaction in the life of a canary. Each can be run again after its outcome was lost.
--   mint         adds the row.
--   revoke       ends it, with an event in the log as any session's end has.
--   acknowledge  tells in the log when the one who asked for the revocation was answered (occurred_at), and removes what
--                is left: the row, and events of earlier canaries.
-- Like every writer of the log it takes the log's lock last, and keeps it to the commit.
create function backend.canary_step(
  stage text, id uuid, hash bytea, acknowledged_at timestamptz, log_lock bigint, out epoch bigint, out seq bigint
) language plpgsql as $$
declare
  canary_account constant uuid := '00000000-0000-7000-8000-000000000000';
  why text;
  at timestamptz;
begin
  case stage
    when 'mint' then
      delete from backend.canaries c where c.minted_at < clock_timestamp() - interval '1 minute';
      insert into backend.canaries (session_id, token_hash) values (id, hash) on conflict do nothing;
    when 'revoke' then
      update backend.canaries c set revoked_at = clock_timestamp()
        where c.session_id = id and c.revoked_at is null returning c.revoked_at into at;
      why := 'canary';
    when 'acknowledge' then
      delete from backend.canaries c where c.session_id = id returning canary_step.acknowledged_at into at;
      delete from backend.revocation_events e
        where e.account_id = '00000000-0000-7000-8000-000000000000'
          and e.occurred_at < clock_timestamp() - interval '10 minutes';
      why := 'canary acknowledged';
  end case;
  if at is not null then
    perform set_config('lock_timeout', current_setting('statement_timeout'), true);
    perform pg_advisory_xact_lock(log_lock);
    insert into backend.revocation_events (seq, kind, session_id, account_id, generation, reason, actor, occurred_at)
      values (nextval('backend.revocation_events_seq'), 'session', id, canary_account, 0, why, 'canary',
              coalesce(canary_step.acknowledged_at, clock_timestamp()));
  end if;
  epoch := backend.feed_epoch();
  seq := backend.feed_end();
end;
$$;
