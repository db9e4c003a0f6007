-- Seats that game services take for their players.
create table backend.game_players (
  game_id uuid not null,
  -- No cascade: an account that sits in a game cannot be deleted under it.
  account_id uuid not null references backend.accounts,
  seat integer,
  joined_at timestamptz not null default now(),
  primary key (game_id, account_id)
);

-- "Does a game hold this account?", asked by every delete and by the guest reaper.
create index game_players_of_account on backend.game_players (account_id);
