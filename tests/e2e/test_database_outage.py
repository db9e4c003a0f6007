"""PostgreSQL is away: clear errors in bounded time, never a stale 200, and service by itself when it is back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from people import telegram
from waiting import eventually

STALENESS_S = 2


def mint(service):
    return service.gateway.post("/sessions", {"identity": telegram()}).expect(201)


def can_mint(service):
    return service.gateway.post("/sessions", {"identity": telegram()}).status == 201


def mint_of_hasty(service):
    """By a service that has so little time that a machine which stands still makes it give up."""
    answers = []

    def is_minted():
        answers.append(service.gateway.post("/sessions", {"identity": telegram()}))
        return answers[-1].status == 201

    eventually(is_minted, "a session is minted")
    return answers[-1].json


def resolves(service, token):
    return service.resolve(token).status == 200


def test_readiness_names_the_database_and_comes_back(cluster, database, new_service):
    service = new_service(database).start()
    with cluster.stopped():
        answer = eventually(lambda: unready(service), "the service is not ready")
        checks = answer.json["checks"]
        assert answer.json["status"] != "ready" and checks["database"] != "ok"
        assert "Retry-After" in answer.headers
        service.http.get("/healthz").expect(200)
    service.wait_until_ready()


def unready(service):
    answer = service.http.get("/readyz")
    return answer if answer.status == 503 else None


def test_a_live_session_goes_on_while_memory_may_be_trusted(cluster, database, new_service):
    service = new_service(database, BACKEND_REVOCATION_MAX_STALENESS="10m").start()
    minted = mint(service)
    with cluster.stopped():
        for _ in range(20):
            assert service.resolve(minted["token"]).expect(200)["session_id"] == minted["session"]["session_id"]
            assert service.gateway.get("/verify", token=minted["token"]).status == 200


def test_past_the_bound_memory_is_not_trusted(cluster, database, new_service):
    """Rule 3: revoked or not, nothing is answered from a memory that may be stale."""
    service = new_service(
        database,
        BACKEND_REVOCATION_MAX_STALENESS=f"{STALENESS_S}s",
        BACKEND_POSTGRES_OPERATION_TIMEOUT="1s",
    ).start()
    token = mint_of_hasty(service)["token"]
    eventually(lambda: resolves(service, token), "the session is vouched for")
    with cluster.stopped():
        stopped_at = time.monotonic()
        eventually(lambda: denied_for_now(service, token, stopped_at), "the cached session is not vouched for")
        for _ in range(10):
            assert denied_for_now(service, token, stopped_at)
    eventually(lambda: resolves(service, token), "the session is vouched for again")


def denied_for_now(service, token, stopped_at):
    """Whether the token is answered by 503; a 200 is allowed only within the bound."""
    asked_at = time.monotonic()
    answer = service.resolve(token)
    if answer.status == 200:
        assert asked_at - stopped_at < STALENESS_S, "a 200 that might be stale"
        return False
    answer.expect_problem(503, answer.json["code"])
    verified = service.gateway.get("/verify", token=token)
    assert verified.status == 503, verified
    return True


def test_who_needs_the_database_is_told_within_the_operation_timeout(cluster, database, new_service):
    minted = mint(new_service(database).start())
    service = new_service(
        database, BACKEND_POSTGRES_OPERATION_TIMEOUT="1s", BACKEND_SESSION_CACHE_MAX_ENTRIES="1"
    ).start()
    mint_of_hasty(service)  # takes the one place in memory
    account_id, session_id = minted["account"]["account_id"], minted["session"]["session_id"]
    with cluster.stopped():
        gateway = service.gateway
        for ask in (
            lambda: service.resolve(minted["token"]),
            lambda: gateway.get("/verify", token=minted["token"]),
            lambda: gateway.post("/sessions", {"identity": telegram()}),
            lambda: gateway.post("/sessions", {"account_id": account_id}),
            lambda: service.http.post("/api/v1/public/sessions/guest"),
            lambda: gateway.post("/accounts", {"identity": telegram()}),
            lambda: gateway.get(f"/accounts/{account_id}"),
            lambda: gateway.delete(f"/accounts/{account_id}"),
            lambda: gateway.get(f"/sessions/{session_id}"),
            lambda: gateway.delete(f"/sessions/{session_id}"),
            lambda: gateway.get(f"/accounts/{account_id}/sessions"),
            lambda: service.as_user(account_id).get("/sessions"),
        ):
            ask().expect_unavailable()
    service.wait_until_ready()
    eventually(lambda: resolves(service, minted["token"]), "the session is vouched for again")


def test_a_database_that_hangs_is_not_waited_for(database, new_service):
    service = new_service(database, BACKEND_POSTGRES_OPERATION_TIMEOUT="1s").start()
    minted = mint_of_hasty(service)

    with database.locked("backend.accounts"):
        service.gateway.post("/sessions", {"identity": telegram()}).expect_unavailable()
        service.resolve(minted["token"]).expect(200)  # memory is not held up by it
    eventually(lambda: can_mint(service), "service resumes")


def test_service_resumes_by_itself(cluster, database, new_service):
    service = new_service(database).start()
    before = mint(service)
    with service.subscribe() as stream:
        with cluster.stopped():
            service.gateway.post("/sessions", {"identity": telegram()}).expect_unavailable()
        service.wait_until_ready()
        after = mint(service)
        for minted in (before, after):
            service.resolve(minted["token"]).expect(200)
            service.gateway.post("/sessions/revoke", token=minted["token"]).expect(200)
        events = stream.next_events(2)
    ended = [minted["session"]["session_id"] for minted in (before, after)]
    assert [event.data["session_id"] for event in events] == ended


def test_backends_that_are_terminated_are_replaced(database, new_service):
    service = new_service(database).start()
    token = mint(service)["token"]
    with service.subscribe() as stream:
        terminate_backends(database)
        eventually(lambda: can_mint(service), "minting works again")
        service.gateway.post("/sessions/revoke", token=token).expect(200)
        assert stream.next_event().type == "session.revoked"


def terminate_backends(database):
    database.execute(
        f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        f"WHERE datname = '{database.name}' AND pid <> pg_backend_pid()"
    )


def test_nobody_is_refused_when_all_backends_are_terminated_at_once(database, new_service):
    patience = {"BACKEND_POSTGRES_OPERATION_TIMEOUT": "60s"}
    service = new_service(database, BACKEND_POSTGRES_MAX_IDLE_CONNS="10", **patience).start()
    clients = 16
    minted = [[] for _ in range(clients)]
    is_over = threading.Event()

    def mint_on(mine):
        with service.connect() as connection:
            while not is_over.is_set():
                body = {"identity": telegram()}
                mine.append(connection.request("POST", "/api/v1/internal/sessions", body=body).expect(201))

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(mint_on, mine) for mine in minted]
        try:
            for _ in range(20):
                terminate_backends(database)
                before = [len(mine) for mine in minted]  # whoever was cut has its answer once it has one more
                eventually(
                    lambda: all(len(mine) > count for mine, count in zip(minted, before)) or any_done(running),
                    "every client is answered",
                )
        finally:
            is_over.set()
        for each in running:
            each.result()
    for mine in minted:
        service.resolve(mine[-1]["token"]).expect(200)


def any_done(running):
    return any(each.done() for each in running)


def test_an_event_of_another_writer_arrives(database, new_service):
    """Another replica over the same database: what it revokes is dead here as well, and told here as well."""
    one, other = new_service(database).start(), new_service(database).start()
    minted = mint(one)
    other.resolve(minted["token"]).expect(200)
    with other.subscribe() as stream:
        cursor = one.gateway.post("/sessions/revoke", token=minted["token"]).expect(200)["cursor"]
        assert stream.next_event().id == cursor
    other.resolve(minted["token"]).expect_problem(401, "session_revoked")
