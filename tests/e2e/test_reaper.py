"""The reaper, told to run: what it takes, what it leaves, and who hears of it."""

import datetime
import random
import threading

import pytest

from needs import preloaded
from people import UNKNOWN_ID, email, telegram

WEEKS_AGO = "now() - interval '31 days'"


@pytest.fixture
def admin(service):
    return service.client("/api/v1/admin")


@pytest.fixture
def old_guest(public, database):
    """A guest with a session, both 31 days old; returns the account's id and the token."""

    def old_guest():
        answer = public.post("/sessions/guest").expect(201)
        account_id = answer["account"]["account_id"]
        database.execute(f"update backend.accounts set created_at = {WEEKS_AGO} where account_id = '{account_id}'")
        return account_id, answer["token"]

    return old_guest


def resolve(gateway, token):
    return gateway.get("/sessions/resolve", token=token)


def sweep(admin, **body):
    return admin.post("/reaper/run", body).expect(200)


def exists(gateway, account_id):
    return gateway.get(f"/accounts/{account_id}").status == 200


def test_an_abandoned_guest_goes_and_its_token_dies_everywhere(gateway, admin, old_guest):
    account_id, token = old_guest()
    resolve(gateway, token).expect(200)
    before = gateway.get("/revocations").expect(200)["cursor"]
    done = sweep(admin)
    assert done["guests"] >= 1 and done["dry_run"] is False
    assert not exists(gateway, account_id)
    events, cursor = [], before
    while not any(e["account_id"] == account_id for e in events):
        page = gateway.get(f"/revocations?cursor={cursor}&wait=30").expect(200)
        assert page["events"], "the guest's event did not come"
        events, cursor = events + page["events"], page["cursor"]
    assert resolve(gateway, token).status == 401


def test_a_dry_run_counts_and_changes_nothing(gateway, admin, old_guest):
    account_id, token = old_guest()
    counted = sweep(admin, dry_run=True)
    assert counted["guests"] >= 1 and counted["dry_run"] is True
    assert exists(gateway, account_id)
    resolve(gateway, token).expect(200)
    assert sweep(admin)["guests"] == counted["guests"]
    assert not exists(gateway, account_id)


def test_who_is_young_seated_or_no_guest_stays(gateway, admin, database, old_guest, public):
    young = public.post("/sessions/guest").expect(201)["account"]["account_id"]
    seated, seated_token = old_guest()
    gateway.request("PUT", f"/games/{UNKNOWN_ID}/players/{seated}").expect(204)
    grown, grown_token = old_guest()
    gateway.post(f"/accounts/{grown}/identities", email()).expect(201)
    sweep(admin)
    assert exists(gateway, young) and exists(gateway, seated) and exists(gateway, grown)
    resolve(gateway, seated_token).expect(200)
    resolve(gateway, grown_token).expect(200)


def test_whoever_is_seated_or_linked_while_it_sweeps_survives(service, gateway, admin, database, public):
    """Each saved guest was told so: a 204 or 201 is a promise, and a 404 is the other honest answer."""
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    for _ in range(4):
        guests = [public.post("/sessions/guest").expect(201) for _ in range(30)]
        ids = [g["account"]["account_id"] for g in guests]
        listed = ",".join(f"'{i}'" for i in ids)
        database.execute(f"update backend.accounts set created_at = {WEEKS_AGO} where account_id in ({listed})")
        answers = {}

        def save(account_id, delay):
            client = service.client("/api/v1/internal")
            threading.Event().wait(delay)
            if delay * 10_000 % 2 < 1:
                answers[account_id] = client.request("PUT", f"/games/{UNKNOWN_ID}/players/{account_id}").status
            else:
                answers[account_id] = client.post(f"/accounts/{account_id}/identities", telegram()).status

        savers = [threading.Thread(target=save, args=(i, dice.random() * 0.05)) for i in ids]
        for thread in savers:
            thread.start()
        threading.Event().wait(dice.random() * 0.03)
        sweep(admin)
        for thread in savers:
            thread.join()
        assert set(answers.values()) <= {201, 204, 404}
        for account_id, status in answers.items():
            assert exists(gateway, account_id) == (status != 404), f"{account_id}: {status}"
        orphans = database.execute(
            "select count(*) from backend.sessions s left join backend.accounts a using (account_id)"
            " where a.account_id is null"
        )
        assert orphans == "0"


def test_dead_rows_and_old_events_go_after_their_time(gateway, admin, database, mint):
    minted, alive = mint(), mint()
    session_id = minted["session"]["session_id"]
    cursor = gateway.delete(f"/sessions/{session_id}").expect(200)["cursor"]
    database.execute(
        f"update backend.sessions set created_at = {WEEKS_AGO}, revoked_at = {WEEKS_AGO}"
        f" where session_id = '{session_id}'"
    )
    database.execute(f"update backend.revocation_events set occurred_at = {WEEKS_AGO}")
    done = sweep(admin)
    assert done["sessions"] >= 1 and done["events"] >= 1
    assert database.execute("select count(*) from backend.revocation_events") == "0"
    resolve(gateway, alive["token"]).expect(200)
    assert resolve(gateway, minted["token"]).status == 401
    assert cursor.partition("-")[0] in gateway.get("/revocations").expect(200)["cursor"]


@pytest.fixture
def shifted_service(database, new_service):
    """A replica whose wall clock is this many days ahead."""
    preload = preloaded("PORTCULLIS_SHIFTED_CLOCK", "shifted_clock.cpp")

    def shifted_service(days):
        service = new_service(database, LD_PRELOAD=preload, SHIFTED_CLOCK_S=str(days * 86_400)).start()
        told = service.client("/api/v1/admin").get("/reaper").expect(200)["next_at"]
        told = datetime.datetime.fromisoformat(told.replace("Z", "+00:00"))
        ahead = told - datetime.datetime.now(datetime.timezone.utc)
        assert abs(ahead.total_seconds() / 86_400 - days) < 1, "its clock is not shifted"
        return service

    return shifted_service


@pytest.mark.uninstrumented
def test_a_replica_whose_clock_is_weeks_ahead_sweeps_nothing_that_is_young(shifted_service, database):
    service = shifted_service(days=40)
    admin, gateway = service.client("/api/v1/admin"), service.gateway
    guest = service.client("/api/v1/public").post("/sessions/guest").expect(201)
    ended = service.client("/api/v1/public").post("/sessions/guest").expect(201)
    cursor = gateway.get("/revocations").expect(200)["cursor"]
    gateway.delete(f"/sessions/{ended['session']['session_id']}").expect(200)
    assert sweep(admin, dry_run=True)["guests"] == 0
    done = sweep(admin)
    assert (done["guests"], done["sessions"], done["events"]) == (0, 0, 0)
    resolve(gateway, guest["token"]).expect(200)
    gateway.get(f"/sessions/{ended['session']['session_id']}").expect(200)
    page = gateway.get(f"/revocations?cursor={cursor}&wait=30").expect(200)
    assert not page["reset"] and page["events"]


@pytest.mark.uninstrumented
def test_a_replica_whose_clock_is_weeks_behind_sweeps_what_is_old(shifted_service, database):
    service = shifted_service(days=-40)
    admin, gateway = service.client("/api/v1/admin"), service.gateway
    guest = service.client("/api/v1/public").post("/sessions/guest").expect(201)
    account_id = guest["account"]["account_id"]
    database.execute(f"update backend.accounts set created_at = {WEEKS_AGO} where account_id = '{account_id}'")
    assert sweep(admin)["guests"] == 1
    assert not exists(gateway, account_id)


def test_the_last_sweep_and_the_next_are_told(admin):
    sweep(admin)
    status = admin.get("/reaper").expect(200)
    assert status["running"] is False and status["last"]["elsewhere"] is False and status["next_at"]


def test_accounts_are_searched_and_paged(gateway, admin):
    people = [email() for _ in range(3)]
    ids = [gateway.post("/accounts", {"identity": p}).expect(201)["account"]["account_id"] for p in people]
    found = admin.get(f"/accounts?kind=email&external_id={people[0]['external_id'].upper()}").expect(200)
    assert [a["account_id"] for a in found["accounts"]] == ids[:1] and "next" not in found
    first = admin.get("/accounts?guest=false&limit=2").expect(200)
    assert len(first["accounts"]) == 2 and first["next"] == first["accounts"][-1]["account_id"]
    seen, page = [], first
    while True:
        seen += [a["account_id"] for a in page["accounts"]]
        if "next" not in page:
            break
        page = admin.get(f"/accounts?guest=false&limit=2&after={page['next']}").expect(200)
    assert len(seen) == len(set(seen)) and set(ids) <= set(seen)
    admin.get("/accounts?guest=maybe").expect_problem(400, "parameter_malformed")
    admin.get("/accounts?created_before=yesterday").expect_problem(400, "parameter_malformed")
    assert admin.get("/accounts?created_before=2001-01-01T00:00:00Z").expect(200) == {"accounts": []}


def test_the_numbers_of_the_service(gateway, admin, mint):
    mint()
    numbers = admin.get("/stats").expect(200)
    assert numbers["accounts"] >= numbers["guests"] and numbers["active_sessions"] >= 1
    assert {"size", "bytes", "hits", "misses"} <= set(numbers["cache"])
    assert {"cursor", "lag_s", "subscribers"} <= set(numbers["feed"])
    assert numbers["pool"]["workers"] >= 1
