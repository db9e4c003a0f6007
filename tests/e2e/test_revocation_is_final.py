"""Rules 2 and 4: once a revocation is acknowledged, its token never resolves again, on whatever connection."""

import threading

import pytest

from people import telegram

SESSIONS = "/api/v1/internal/sessions"
ROUNDS = 60


def run_together(*works):
    """Runs each in a thread of its own; what one of them raises is raised here."""
    problems = []

    def guarded(work):
        try:
            work()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for problem in problems:
        raise problem


@pytest.fixture
def connections(service):
    made = [service.connect() for _ in range(4)]
    yield made
    for connection in made:
        connection.close()


def resolve(connection, token):
    return connection.request("GET", f"{SESSIONS}/resolve", token=token)


@pytest.mark.parametrize("way", ["by token", "by id", "all of the account", "deletion"])
def test_no_connection_sees_it_again(connections, way):
    first, *others = connections
    for _ in range(ROUNDS):
        minted = first.request("POST", SESSIONS, body={"identity": telegram()}).expect(201)
        token = minted["token"]
        for connection in connections:
            resolve(connection, token).expect(200)
        revoke(first, minted, way)
        for connection in (*others, first):
            assert resolve(connection, token).status == 401


def revoke(connection, minted, way):
    account = f"/api/v1/internal/accounts/{minted['account']['account_id']}"
    if way == "by token":
        connection.request("POST", f"{SESSIONS}/revoke", token=minted["token"]).expect(200)
    elif way == "by id":
        connection.request("DELETE", f"{SESSIONS}/{minted['session']['session_id']}").expect(200)
    elif way == "all of the account":
        connection.request("DELETE", f"{account}/sessions").expect(200)
    else:
        connection.request("DELETE", account).expect(204)


def test_loads_that_race_a_revocation_do_not_bring_it_back(database, new_service):
    """A cache of one entry: every resolve is a load from the database, and races the revocation."""
    service = new_service(database, BACKEND_SESSION_CACHE_MAX_ENTRIES="1").start()
    for _ in range(ROUNDS):
        token = service.gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"]
        acknowledged = threading.Event()
        sure = []

        def hammer():
            with service.connect() as connection:
                while True:
                    is_dead = acknowledged.is_set()  # before the request is sent
                    status = resolve(connection, token).status
                    assert status == 401 or (status == 200 and not is_dead), f"{status} after the acknowledgement"
                    if is_dead:
                        sure.append(status)
                        return

        def end_it():
            try:
                service.gateway.post("/sessions/revoke", token=token).expect(200)
            finally:
                acknowledged.set()

        run_together(hammer, hammer, end_it)
        assert sure == [401, 401]


def test_a_revoke_all_among_mints_spares_exactly_the_later_ones(service):
    """Whatever the interleaving: what was minted before is dead, and what is listed lives."""
    account_id = service.gateway.post("/accounts/guest").expect(201)["account"]["account_id"]
    minted, lock = [], threading.Lock()

    def mint_many():
        with service.connect() as connection:
            for _ in range(25):
                answer = connection.request("POST", SESSIONS, body={"account_id": account_id}).expect(201)
                with lock:
                    minted.append(answer)

    def revoke_some():
        for _ in range(5):
            with lock:
                before = list(minted)
            service.gateway.delete(f"/accounts/{account_id}/sessions").expect(200)
            assert {service.resolve(session["token"]).status for session in before} <= {401}

    run_together(mint_many, mint_many, revoke_some)
    listed = service.gateway.get(f"/accounts/{account_id}/sessions?limit=200").expect(200)["sessions"]
    alive = {session["session_id"] for session in listed}
    for session in minted:
        is_listed = session["session"]["session_id"] in alive
        assert service.resolve(session["token"]).status == (200 if is_listed else 401)
