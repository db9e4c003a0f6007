-- Who there is, and by which names the outside world knows them.

create table backend.accounts (
  account_id uuid primary key, -- v7, made by the service before it sends, so that a lost outcome can be asked for
  is_guest boolean not null,
  display_name text,
  -- Sessions of a lower generation are dead: ending all of an account's is one update here.
  session_generation integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- The guest reaper walks guests by age; full accounts are not its business.
create index accounts_guests_by_age on backend.accounts (created_at) where is_guest;

create table backend.identities (
  identity_id uuid primary key,
  account_id uuid not null references backend.accounts on delete cascade,
  kind text not null check (kind in ('telegram', 'email')),
  -- Normalized by the service: an e-mail address trimmed and in lower case, a Telegram id as decimal text.
  external_id text not null,
  created_at timestamptz not null default now(),
  -- Decides the race between two first logins of one person.
  unique (kind, external_id)
);

-- An account is read with its identities, and deleting it cascades through here.
create index identities_of_account on backend.identities (account_id);

create table backend.account_stats (
  account_id uuid primary key references backend.accounts on delete cascade,
  games_played integer not null default 0,
  games_won integer not null default 0,
  updated_at timestamptz not null default now()
);
