"""Bulk revocation: what is counted is what ends, everybody hears of it, and nothing stops it for good."""

import threading
import time

import pytest

from callers import by_header, caller, new_key, write_callers
from http_client import ConnectionEnded
from people import UNKNOWN_ID, email, is_id, is_recent, parse_time
from waiting import eventually

MANY = 20_000  # sessions: many batches, between which a job can be interrupted

# A job waits at `gate` once it has ended one account, and at `second_gate` once it has ended half of them, for as long as
# somebody else holds these.
GATES = """
create table backend.gate ();
create table backend.second_gate ();
create function backend.wait_at_gates() returns trigger language plpgsql as $$
declare
  told bigint := (select count(*) from backend.revocation_events);
begin
  if told > 0 then
    perform from backend.gate;
  end if;
  if 2 * told > (select count(*) from backend.accounts) then
    perform from backend.second_gate;
  end if;
  return null;
end $$;
create trigger gates before update on backend.accounts for each statement execute function backend.wait_at_gates();
"""


@pytest.fixture
def database(cluster):
    """An empty one for each test: `all` means all."""
    return cluster.create_database()


@pytest.fixture
def service(database, new_service):
    return new_service(database).start()


@pytest.fixture
def admin(service):
    return service.client("/api/v1/admin")


def revoke(admin, **body):
    """Accepts a job; returns its id."""
    answer = admin.post("/revocations", body)
    job = answer.expect(202)
    assert set(job) == {"job_id"} and is_id(job["job_id"])
    assert answer.headers["Location"] == f"/api/v1/admin/revocations/{job['job_id']}"
    return job["job_id"]


def count(admin, **body):
    counted = admin.post("/revocations", {**body, "dry_run": True}).expect(200)
    assert counted.pop("dry_run") is True
    return counted


def wait_for(admin, job_id):
    """What is told of the job once it is over."""

    def over():
        answer = admin.get(f"/revocations/{job_id}")
        if answer.status == 503:  # the database is away, or this replica has not read the log that far
            return None
        job = answer.expect(200)
        return job if job["state"] == "done" else None

    return eventually(over, "the job is done")


def done_of(admin, job_id):
    """How many sessions it has ended; 0 as well while the replica has not read the log that far."""
    answer = admin.get(f"/revocations/{job_id}")
    return 0 if answer.status == 503 else answer.expect(200)["done"]["sessions"]


def resolve(service, token):
    return service.gateway.get("/sessions/resolve", token=token)


def seed(database, accounts, each):
    """Sessions that were minted a day ago, by SQL."""
    database.execute(
        f"""with a as (insert into backend.accounts (account_id, is_guest)
                       select gen_random_uuid(), true from generate_series(1, {accounts}) returning account_id)
            insert into backend.sessions (session_id, account_id, token_hash, generation, created_at)
            select gen_random_uuid(), account_id, sha256((account_id || '-' || n)::bytea), 0, now() - interval '1 day'
            from a, generate_series(1, {each}) n"""
    )


def active(database):
    return int(
        database.execute(
            """select count(*) from backend.sessions s join backend.accounts a using (account_id)
               where s.revoked_at is null and s.generation = a.session_generation"""
        )
    )


def events_after(service, cursor, until):
    """The feed's events after `cursor` and up to the cursor `until`."""
    events = []
    while cursor != until:
        page = service.gateway.get(f"/revocations?cursor={cursor}&limit=200&wait=30").expect(200)
        assert not page["reset"] and page["events"], f"the log ends at {cursor} before {until}"
        events, cursor = events + page["events"], page["cursor"]
    return events


def test_accounts_end_as_they_were_counted(service, admin, mint):
    ann, bob = mint(), mint()
    second = mint(account_id=ann["account"]["account_id"])
    wanted = [ann["account"]["account_id"], UNKNOWN_ID]
    assert count(admin, accounts=wanted) == {"sessions": 2, "accounts": 1}
    resolve(service, ann["token"]).expect(200)
    before = service.gateway.get("/revocations").expect(200)["cursor"]
    job_id = revoke(admin, accounts=wanted, reason="leaked")
    job = wait_for(admin, job_id)
    assert job["job_id"] == job_id and job["reason"] == "leaked"
    assert job["done"] == job["total"] == {"sessions": 2, "accounts": 1}
    assert all(is_recent(job[name]) for name in ("accepted_at", "started_at", "finished_at"))
    assert parse_time(job["accepted_at"]) <= parse_time(job["started_at"]) <= parse_time(job["finished_at"])
    # Whoever was told that it is done is never again told that one of them lives.
    for minted in (ann, second):
        resolve(service, minted["token"]).expect_problem(401, "session_revoked")
    resolve(service, bob["token"]).expect(200)
    [event] = events_after(service, before, job["cursor"])
    assert event["account_id"] == ann["account"]["account_id"] and "session_id" not in event
    assert event["reason"] == "leaked"
    again = admin.get(f"/revocations/{job_id}")
    assert again.expect(200) == job and again.headers["X-Revocation-Cursor"] == job["cursor"]
    assert count(admin, accounts=wanted) == {"sessions": 0, "accounts": 0}


def test_sessions_end_one_by_one_where_others_live(service, admin, mint):
    ann = mint()
    second = mint(account_id=ann["account"]["account_id"])
    before = service.gateway.get("/revocations").expect(200)["cursor"]
    wanted = [ann["session"]["session_id"]]
    assert count(admin, sessions=wanted) == {"sessions": 1, "accounts": 1}
    job = wait_for(admin, revoke(admin, sessions=wanted))
    [event] = events_after(service, before, job["cursor"])
    assert event["session_id"] == wanted[0]
    resolve(service, ann["token"]).expect_problem(401, "session_revoked")
    resolve(service, second["token"]).expect(200)


def test_a_filter_ends_what_it_describes(service, admin, mint, public):
    devices = {"bot": {"user_agent": "BadBot/1", "ip": "192.0.2.7"}, "desk": {"user_agent": "Desk", "ip": "192.0.2.9"}}
    tokens = {name: mint(device=device)["token"] for name, device in devices.items()}
    tokens["mail"] = mint(identity=email())["token"]
    tokens["guest"] = public.post("/sessions/guest").expect(201)["token"]

    def alive():
        return {name for name, token in tokens.items() if resolve(service, token).status == 200}

    for conditions, ended in [
        ({"user_agent_contains": "BadBot", "ip_in": ["198.51.100.0/24", "2001:db8::/32"]}, set()),
        ({"user_agent_contains": "BadBot", "ip_in": ["192.0.2.0/24"], "created_after": "2026-01-01T00:00:00Z"}, {"bot"}),
        ({"created_before": "2026-01-01T00:00:00Z"}, set()),
        ({"ip_in": ["192.0.2.9"], "guest": False}, {"desk"}),
        ({"identity_kind": "email"}, {"mail"}),
        ({"guest": True}, {"guest"}),
    ]:
        before = alive()
        assert count(admin, filter=conditions)["sessions"] == len(ended), conditions
        assert wait_for(admin, revoke(admin, filter=conditions))["done"]["sessions"] == len(ended), conditions
        assert before - alive() == ended, conditions
    assert alive() == set()


def test_what_is_minted_after_the_acceptance_lives(service, admin, mint, database):
    seed(database, 2_000, 2)
    ann = mint()
    job_id = revoke(admin, all=True)
    late = [mint(account_id=ann["account"]["account_id"]), mint()]
    wait_for(admin, job_id)
    resolve(service, ann["token"]).expect_problem(401, "session_revoked")
    for minted in late:
        resolve(service, minted["token"]).expect(200)
    assert active(database) == 2


def test_bad_orders_are_refused_and_end_nothing(service, admin, mint, database):
    minted = mint()
    account_id = minted["account"]["account_id"]
    for body, status, code in [
        (None, 400, "body_malformed"),
        ({}, 400, "body_malformed"),
        ({"all": True, "accounts": [account_id]}, 400, "body_malformed"),
        ({"all": "yes"}, 400, "body_malformed"),
        ({"accounts": [account_id, 5]}, 400, "body_malformed"),
        ({"accounts": ["ann"]}, 400, "id_malformed"),
        ({"accounts": []}, 422, "value_unacceptable"),
        ({"filter": {}}, 422, "value_unacceptable"),
        ({"filter": {"ip_in": ["192.0.2.1/24"]}}, 422, "value_unacceptable"),
        ({"filter": {"created_befor": "2026-01-01T00:00:00Z"}}, 422, "value_unacceptable"),
        ({"all": True, "dryrun": True}, 422, "value_unacceptable"),
        ({"all": True, "reason": "x" * 201}, 422, "value_unacceptable"),
        (b"all", 400, "body_malformed"),
    ]:
        headers = {"Content-Type": "application/json"}
        admin.post("/revocations", body, headers=headers).expect_problem(status, code)
    admin.post("/revocations", b'{"all":true}', headers={"Content-Type": "text/plain"}).expect_problem(
        415, "media_type_unsupported"
    )
    admin.get(f"/revocations/{UNKNOWN_ID}").expect_problem(404, "job_not_found")
    admin.get("/revocations/x").expect_problem(400, "id_malformed")
    assert database.execute("select count(*) from backend.revocation_jobs").strip() == "0"
    resolve(service, minted["token"]).expect(200)


def test_rights_to_read_and_to_write_are_two(database, new_service, tmp_path):
    reader, writer, neither = (new_key(name) for name in ("reader", "writer", "neither"))
    callers = tmp_path / "callers.json"
    write_callers(
        callers,
        caller("reader", ["admin:read"], reader),
        caller("writer", ["admin:write"], writer),
        caller("neither", ["sessions:revoke"], neither),
    )
    service = new_service(database, BACKEND_CALLERS_FILE=str(callers)).start()

    def as_caller(key):
        return service.client("/api/v1/admin", **by_header(key))

    for key in (reader, neither):
        as_caller(key).post("/revocations", {"all": True}).expect_problem(403, "caller_forbidden")
        as_caller(key).post("/revocations", {"all": True, "dry_run": True}).expect_problem(403, "caller_forbidden")
    service.client("/api/v1/admin").post("/revocations", {"all": True}).expect_problem(401, "caller_unknown")
    job_id = revoke(as_caller(writer), all=True)
    for key in (writer, neither):
        as_caller(key).get(f"/revocations/{job_id}").expect_problem(403, "caller_forbidden")
    wait_for(as_caller(reader), job_id)


class Follower(threading.Thread):
    """Reads the feed as it comes, over whatever happens to the service that it asks."""

    def __init__(self, services, cursor):
        super().__init__(daemon=True)
        self.events = []
        self.cursor = cursor
        self._services = services
        self._is_over = threading.Event()
        self.start()

    def run(self):
        turn = 0
        while not self._is_over.is_set():
            turn += 1
            try:
                path = f"/revocations?cursor={self.cursor}&limit=200&wait=1"
                answer = self._services[turn % len(self._services)].gateway.get(path)
            except (OSError, ConnectionEnded):
                time.sleep(0.05)
                continue
            if answer.status == 200:
                page = answer.json
                assert not page["reset"]
                self.events += page["events"]
                self.cursor = page["cursor"]

    def finish_at(self, cursor):
        eventually(lambda: self.cursor == cursor or not self.is_alive(), f"the follower is at {cursor}")
        self._is_over.set()
        self.join()
        assert self.cursor == cursor
        return self.events


def expect_each_account_once(events, accounts):
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
    assert all("session_id" not in e for e in events)
    told_of = [e["account_id"] for e in events]
    assert len(told_of) == len(set(told_of)) == accounts


def test_a_job_goes_on_after_its_replica_was_killed(service, admin, database, new_service):
    """The one that accepted it is killed in the middle, then the other one too, and comes back."""
    accounts = MANY // 4
    seed(database, accounts, 4)
    other = new_service(database).start()
    counted = count(admin, all=True)
    assert counted == {"sessions": MANY, "accounts": accounts}
    before = service.gateway.get("/revocations").expect(200)["cursor"]
    follower = Follower([service, other], before)
    database.execute(GATES)
    second = other.client("/api/v1/admin")
    with database.locked("backend.second_gate"):
        with database.locked("backend.gate"):
            job_id = revoke(admin, all=True, reason="breach")
            eventually(lambda: done_of(admin, job_id) > 0, "some have ended")
            service.kill()
            left_at = eventually(lambda: done_of(second, job_id), "the other replica has read the log")
            assert left_at < MANY, "the job was over before the kill"
        eventually(lambda: done_of(second, job_id) >= MANY // 2, "the other replica goes on")
        other.kill()
        assert 0 < active(database) < MANY, "the job was over before the second kill"
    service.start()
    other.start()
    job = wait_for(admin, job_id)
    assert job["done"] == job["total"] == counted
    assert active(database) == 0
    expect_each_account_once(follower.finish_at(job["cursor"]), accounts)


def test_a_job_goes_on_when_the_database_is_back(service, admin, database, cluster):
    seed(database, MANY // 4, 4)
    before = service.gateway.get("/revocations").expect(200)["cursor"]
    database.execute(GATES)
    with database.locked("backend.gate"):
        job_id = revoke(admin, all=True)
        eventually(lambda: done_of(admin, job_id) > 0, "some have ended")
        cluster.stop()  # which ends all transactions, that of the gate as well
    cluster.start()
    job = wait_for(admin, job_id)
    assert job["done"]["sessions"] == MANY and active(database) == 0
    expect_each_account_once(events_after(service, before, job["cursor"]), MANY // 4)


def test_two_jobs_at_two_replicas_end_everything_once(service, admin, database, new_service):
    seed(database, 1_000, 3)
    other = new_service(database).start()
    before = service.gateway.get("/revocations").expect(200)["cursor"]
    second = other.client("/api/v1/admin")
    jobs = [revoke(admin, all=True), revoke(second, all=True)]
    done = [wait_for(client, job_id) for client, job_id in zip((admin, second), jobs)]
    assert sum(job["done"]["sessions"] for job in done) == 3_000
    cursor = max((job["cursor"] for job in done if job["cursor"]), key=lambda c: int(c.partition("-")[2]))
    expect_each_account_once(events_after(service, before, cursor), 1_000)


def test_a_replica_that_heard_by_the_log_alone_honours_it(service, admin, mint, database, new_service):
    other = new_service(database).start()
    minted = [mint() for _ in range(30)]
    for one in minted:
        resolve(other, one["token"]).expect(200)  # now it is in that replica's memory
    job_id = revoke(admin, accounts=[one["account"]["account_id"] for one in minted])
    wait_for(other.client("/api/v1/admin"), job_id)
    for one in minted:
        resolve(other, one["token"]).expect_problem(401, "session_revoked")
