-- Steps over stored data that need the service's own code (Unicode's tables, say), and so are no migrations. Each runs
-- once, after the migrations; a row here says that it has.
create table backend.data_steps (
  name text primary key,
  -- How far it has come, while it runs: where the next process goes on.
  reached uuid,
  done_at timestamptz
);
