-- Active: revoked_at is null and generation = the account's session_generation.
create table backend.sessions (
  session_id uuid primary key,
  account_id uuid not null references backend.accounts on delete cascade,
  -- SHA-256 of the token; the token itself is stored nowhere.
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  generation integer not null,
  device_label text,
  user_agent text,
  ip inet,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  revoke_reason text
);

-- One index for all that starts from an account: the active ones are a contiguous range in the order of their ids
-- (listing, counting), and all of them a prefix (the cascade of a delete, which an index on the living alone could not
-- serve). revoked_at is in no index and in no index's predicate, so that ending one session can be a
-- heap-only update.
create index sessions_of_account on backend.sessions (account_id, generation, session_id);
