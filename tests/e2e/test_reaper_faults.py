"""A sweep that is cut short, by the service's death or PostgreSQL's: the next one finishes it, and nothing is lost."""

import threading

import pytest

from http_client import ConnectionEnded
from people import UNKNOWN_ID
from waiting import eventually

GUESTS = 12_000
SEATED_EVERY = 10


@pytest.fixture
def crowd(cluster):
    """A database of its own with old guests, each with one session; every tenth sits in a game."""
    return cluster.create_database()


def populate(database):
    database.execute(
        f"""
        insert into backend.accounts (account_id, is_guest, created_at)
          select ('01700000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, true,
                 now() - interval '60 days' + n * interval '1 ms'
          from generate_series(1, {GUESTS}) n;
        insert into backend.sessions (session_id, account_id, token_hash, generation)
          select ('01710000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                 ('01700000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, sha256(n::text::bytea), 0
          from generate_series(1, {GUESTS}) n;
        insert into backend.game_players (game_id, account_id)
          select '{UNKNOWN_ID}', account_id from backend.accounts
          where ('x' || right(account_id::text, 8))::bit(32)::int % {SEATED_EVERY} = 0;
        """
    )


def close_gate(database):
    """Lets one batch of a sweep pass. Those after it wait for as long as the block lasts: what happens in it happens in
    the middle of the sweep."""
    database.execute(
        f"""
        create table backend.gate ();
        create function backend.wait_at_gate() returns trigger language plpgsql as $$
        begin
          if (select count(*) from backend.accounts) < {GUESTS} then
            perform from backend.gate;
          end if;
          return null;
        end $$;
        create trigger gate before delete on backend.accounts for each statement execute function backend.wait_at_gate();
        """
    )
    return database.locked("backend.gate")


def count(database, table, where="true"):
    return int(database.execute(f"select count(*) from backend.{table} where {where}"))


def sweep_in_the_background(service):
    def sweep():
        try:
            service.client("/api/v1/admin").post("/reaper/run")
        except (ConnectionEnded, OSError):
            pass  # the service was killed: that is the test

    thread = threading.Thread(target=sweep)
    thread.start()
    return thread


def everything_is_told(database):
    """Each guest is either there with its session, or gone with it and in the log, once."""
    seated = GUESTS // SEATED_EVERY
    assert count(database, "accounts") == seated == count(database, "sessions")
    assert count(database, "accounts", "account_id not in (select account_id from backend.game_players)") == 0
    assert count(database, "revocation_events", "actor = 'reaper'") == GUESTS - seated
    distinct = database.execute("select count(distinct account_id) from backend.revocation_events")
    assert int(distinct) == GUESTS - seated


def nothing_is_half_done(database):
    """Whatever the moment: gone from the accounts, gone from the sessions and told in the log are the same set. Seen in one
    snapshot, since the service tries a sweep that failed again by itself."""
    counted = database.execute(
        "select concat_ws(' ', (select count(*) from backend.accounts), (select count(*) from backend.sessions),"
        " (select count(*) from backend.revocation_events where actor = 'reaper'))"
    )
    left, sessions, told = map(int, counted.split())
    assert (sessions, told) == (left, GUESTS - left)
    return left


def test_the_service_dies_in_the_middle_of_a_sweep(crowd, new_service):
    service = new_service(crowd).start()
    populate(crowd)
    with close_gate(crowd):
        thread = sweep_in_the_background(service)
        crowd.wait_for_blocked_statements()
        assert count(crowd, "accounts") < GUESTS
        service.kill()
        thread.join()
    eventually(
        lambda: crowd.execute("select count(*) from pg_stat_activity where application_name = 'portcullis'") == "0",
        "the dead service's connections are gone",
    )
    assert nothing_is_half_done(crowd) > GUESTS // SEATED_EVERY, "the sweep was over before the service died"
    service.start()
    service.client("/api/v1/admin").post("/reaper/run").expect(200)
    everything_is_told(crowd)


def test_postgresql_restarts_in_the_middle_of_a_sweep(crowd, new_service, cluster):
    service = new_service(crowd).start()
    populate(crowd)
    with close_gate(crowd):
        thread = sweep_in_the_background(service)
        crowd.wait_for_blocked_statements()
        assert count(crowd, "accounts") < GUESTS
        cluster.kill()
    cluster.start()
    thread.join()
    left = nothing_is_half_done(crowd)
    assert left > 0
    service.wait_until_ready()
    service.client("/api/v1/admin").post("/reaper/run").expect(200)
    everything_is_told(crowd)


def test_two_replicas_sweep_at_once(crowd, new_service):
    services = [new_service(crowd).start() for _ in range(2)]
    populate(crowd)
    threads = [sweep_in_the_background(service) for service in services for _ in range(2)]
    for thread in threads:
        thread.join()
    services[0].client("/api/v1/admin").post("/reaper/run").expect(200)
    everything_is_told(crowd)
