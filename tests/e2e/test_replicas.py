"""Two services over one database: what one has acknowledged, the other honours."""

import random

import pytest

from people import epoch_of, seq_of
from service import Service


@pytest.fixture(scope="module")
def replica(database, tmp_path_factory):
    """A second service over the module's database."""
    second = Service(database, tmp_path_factory.mktemp("replica"))
    second.start()
    yield second
    second.stop()


def resolve(service, token, **headers):
    return service.gateway.get("/sessions/resolve", token=token, headers=headers)


def test_a_session_of_one_replica_resolves_on_the_other(replica, mint):
    minted = mint()
    assert resolve(replica, minted["token"]).expect(200)["session_id"] == minted["session"]["session_id"]


def test_a_cursor_makes_a_replica_wait_for_the_revocation(service, replica, mint):
    """Ten in a row, since one could be lucky: the answer is never older than the cursor."""
    for _ in range(10):
        minted = mint()
        resolve(replica, minted["token"]).expect(200)  # now it is in the replica's memory
        path = f"/sessions/{minted['session']['session_id']}"
        cursor = service.gateway.delete(path).expect(200)["cursor"]
        resolve(replica, minted["token"], **{"X-Min-Cursor": cursor}).expect_problem(401, "session_revoked")


def test_a_cursor_that_is_reached_or_of_another_history_does_not_delay(service, mint):
    minted = mint()
    now = service.gateway.get("/revocations").expect(200)["cursor"]
    resolve(service, minted["token"], **{"X-Min-Cursor": now}).expect(200)
    other = f"{int(epoch_of(now), 16) ^ 1:016x}-{seq_of(now) + 99}"
    resolve(service, minted["token"], **{"X-Min-Cursor": other}).expect(200)
    resolve(service, minted["token"], **{"X-Min-Cursor": "soon"}).expect_problem(400, "cursor_malformed")


def test_a_cursor_past_the_end_of_the_log_is_answered(service, mint):
    """Nobody was given such a cursor; the database's own state is at least as new as all that anybody was."""
    live, dead = mint(), mint()
    cursor = service.gateway.delete(f"/sessions/{dead['session']['session_id']}").expect(200)["cursor"]
    beyond = {"X-Min-Cursor": f"{epoch_of(cursor)}-{seq_of(cursor) + 1_000_000}"}
    resolve(service, live["token"], **beyond).expect(200)
    resolve(service, dead["token"], **beyond).expect_problem(401, "session_revoked")


def test_resolving_and_introspecting_honour_a_cursor(service, replica, mint):
    for _ in range(5):
        minted = mint()
        resolve(replica, minted["token"]).expect(200)
        path = f"/sessions/{minted['session']['session_id']}"
        headers = {"X-Min-Cursor": service.gateway.delete(path).expect(200)["cursor"]}
        resolve(replica, minted["token"], **headers).expect_problem(401, "session_revoked")
        form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        body = f"token={minted['token']}".encode()
        assert replica.gateway.post("/introspect", body, headers=form).expect(200) == {"active": False}


def test_a_subscriber_goes_on_at_another_replica(service, replica, mint):
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    both = [service, replica]
    first = mint()["session"]["session_id"]
    cursor = service.gateway.delete(f"/sessions/{first}").expect(200)["cursor"]  # after what earlier tests have ended
    ended, seen = [], []
    while len(seen) < 20:
        if len(ended) < 20:
            minted = mint()
            path = f"/sessions/{minted['session']['session_id']}"
            dice.choice(both).gateway.delete(path).expect(200)
            ended.append(minted["session"]["session_id"])
        page = dice.choice(both).gateway.get(f"/revocations?cursor={cursor}&wait=2&limit=3").expect(200)
        assert page["reset"] is False
        seen += [event["session_id"] for event in page["events"]]
        cursor = page["cursor"]
    assert seen == ended


def test_sparing_the_current_session_spares_it_on_every_replica(service, replica, mint):
    kept = mint()
    account_id = kept["account"]["account_id"]
    other = mint(account_id=account_id)
    for each in (service, replica):
        resolve(each, kept["token"]).expect(200)
        resolve(each, other["token"]).expect(200)
    user = service.as_user(account_id, kept["session"]["session_id"])
    done = user.delete("/sessions?keep=current").expect(200)
    assert done["revoked"] == 1
    for each in (service, replica):
        headers = {"X-Min-Cursor": done["cursor"]}
        resolve(each, kept["token"], **headers).expect(200)
        resolve(each, other["token"], **headers).expect_problem(401, "session_revoked")
