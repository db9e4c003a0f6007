-- Where the log is: the same two functions as before, in PL/pgSQL. PostgreSQL puts neither in place of its call, and plans the
-- body of one in SQL again for each statement that calls it, which took longer than the rest of a revocation's statements; in
-- PL/pgSQL the plan is kept with the connection.
--
-- Stable, as before: they read by the snapshot of the statement that calls them.
create or replace function backend.feed_epoch() returns bigint
language plpgsql stable
as $$
begin
  return (
    select hashtextextended(
      concat_ws('/', f.history_id, f.tableoid,
                (select oid from pg_database where datname = current_database()),
                (select system_identifier from pg_control_system()),
                left(pg_walfile_name(pg_current_wal_lsn()), 8)),
      0)
    from backend.feed_state f);
end
$$;

create or replace function backend.feed_end() returns bigint
language plpgsql stable
as $$
begin
  return coalesce((select max(seq) from backend.revocation_events), (select pruned_through from backend.feed_state));
end
$$;
