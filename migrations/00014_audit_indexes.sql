-- An entry is written for every mint and every end of a session, and most of what it costs is its index entries. One
-- index now serves both who asks for a caller and who asks for an action.
drop index backend.audit_events_by_action;
drop index backend.audit_events_by_caller;

-- Callers are few, those of the callers' file; no caller counts as one more, of the name ''. No two keys are equal.
create index audit_events_by_caller on backend.audit_events (coalesce(caller, ''), action, event_id)
  with (deduplicate_items = off);
alter index backend.audit_events_of_account set (deduplicate_items = off);
alter index backend.audit_events_pkey set (deduplicate_items = off);

-- A page of entries, newest first: ids from `from_id` on and below `below_id`. Null conditions are none.
--
-- Each condition that is given is equality, and the index that begins with it is walked from the end of its range. The
-- conditions are written as comparisons of rows, and the order names the columns of the index, so that no other index can
-- serve them, whatever the statistics say: an action that was frequent once may be rare among the newest entries, and a
-- walk of those would be long. A caller alone is looked up by each of the `actions` there are, an action alone by each
-- caller that the index has: the first, and then always the first behind it.
create or replace function backend.search_audit(
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
  elsif of_caller is not null or of_action is not null then
    return query
      with recursive every_caller as (
        (select coalesce(e.caller, '') as caller from backend.audit_events e
         where of_caller is null
         order by coalesce(e.caller, ''), e.action, e.event_id limit 1)
        union all
        select next.caller from every_caller c
        cross join lateral (
          select coalesce(e.caller, '') as caller from backend.audit_events e
          where coalesce(e.caller, '') > c.caller
          order by coalesce(e.caller, ''), e.action, e.event_id limit 1) next
      ), wanted as (
        select c.caller from every_caller c where of_caller is null
        union all
        select of_caller where of_caller is not null
      )
      select e.*
      from wanted w
      cross join unnest(case when of_action is null then actions else array[of_action] end) as a(action)
      cross join lateral (
        select e.* from backend.audit_events e
        where (coalesce(e.caller, ''), e.action, e.event_id) >= (w.caller, a.action, from_id)
          and (coalesce(e.caller, ''), e.action, e.event_id) < (w.caller, a.action, below_id)
        order by coalesce(e.caller, '') desc, e.action desc, e.event_id desc limit page) e
      order by e.event_id desc limit page;
  else
    return query
      select e.* from backend.audit_events e
      where e.event_id >= from_id and e.event_id < below_id
      order by e.event_id desc limit page;
  end if;
end
$$;
