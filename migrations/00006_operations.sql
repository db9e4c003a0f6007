-- What an operation has done is found again by an id that its caller made before sending it. When the connection is
-- lost between the commit and the answer, the same operation is run again: it finds this, tells it, and does nothing
-- twice.
alter table backend.revocation_events
  add column operation_id uuid,
  -- kind 'account', by revoke-all: how many sessions were active. They may be gone when it is asked for.
  add column sessions_ended bigint;

create unique index revocation_events_by_operation on backend.revocation_events (operation_id)
  where operation_id is not null;

-- The same for operations that write no event. A row is of use for seconds; whoever adds one takes old ones away.
create table backend.done_operations (
  operation_id uuid primary key,
  done_at timestamptz not null default now()
);
