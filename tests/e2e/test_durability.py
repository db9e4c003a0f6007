"""Rule 1: what was acknowledged is there, whoever is killed and when."""

import re
import threading

import pytest

from http_client import ConnectionEnded
from people import seq_of, telegram
from waiting import eventually

SESSIONS = "/api/v1/internal/sessions"


def test_a_killed_service_keeps_what_it_acknowledged(database, new_service):
    service = new_service(database).start()
    gateway = service.gateway
    start = gateway.get("/revocations").expect(200)["cursor"]
    minted = [gateway.post("/sessions", {"identity": telegram()}).expect(201) for _ in range(60)]
    revoked, alive = minted[:30], minted[30:]
    answers = [gateway.post("/sessions/revoke", token=session["token"]).expect(200) for session in revoked]
    service.kill()
    service.start()
    for session in alive:
        assert service.resolve(session["token"]).expect(200)["session_id"] == session["session"]["session_id"]
    for session in revoked:
        service.resolve(session["token"]).expect_problem(401, "session_revoked")
    page = gateway.get(f"/revocations?cursor={start}").expect(200)
    assert [event["seq"] for event in page["events"]] == [seq_of(answer["cursor"]) for answer in answers]
    assert page["reset"] is False


@pytest.mark.parametrize("revoke", ["session", "account", "player", "deletion"])
def test_no_token_comes_back_to_life_by_a_kill(database, new_service, revoke):
    """Each is killed in the moment of the acknowledgement of its one revocation."""
    service = new_service(database).start()
    minted = service.gateway.post("/sessions", {"identity": telegram()}).expect(201)
    account_id, session_id = minted["account"]["account_id"], minted["session"]["session_id"]
    service.resolve(minted["token"]).expect(200)
    ways = {
        "session": lambda: service.gateway.delete(f"/sessions/{session_id}"),
        "account": lambda: service.gateway.delete(f"/accounts/{account_id}/sessions"),
        "player": lambda: service.as_user(account_id).delete("/sessions"),
        "deletion": lambda: service.gateway.delete(f"/accounts/{account_id}"),
    }
    assert ways[revoke]().status in (200, 204)
    service.kill()
    service.start()
    assert service.resolve(minted["token"]).status == 401


class Worker(threading.Thread):
    """Mints and revokes over one connection until it is told to stop, and keeps what was acknowledged."""

    def __init__(self, service):
        super().__init__()
        self.service = service
        self.is_stopping = False
        self.alive = []  # tokens whose mint was acknowledged and that nobody asked to revoke
        self.revoked = []  # (token, cursor)
        self.failures = 0
        self.problem = None

    def run(self):
        connection = self.service.connect()
        try:
            while not self.is_stopping:
                self.mint_and_revoke(connection)
        except Exception as problem:  # shown by the test, which is another thread
            self.problem = problem
        finally:
            connection.close()

    def mint_and_revoke(self, connection):
        minted = connection.request("POST", SESSIONS, body={"identity": telegram()})
        if minted.status != 201:
            return self.expect_unavailable(minted)
        token = minted.json["token"]
        if len(self.alive) <= len(self.revoked):
            self.alive.append(token)
            return
        revoked = connection.request("POST", f"{SESSIONS}/revoke", token=token)
        if revoked.status != 200:
            return self.expect_unavailable(revoked)
        self.revoked.append((token, revoked.json["cursor"]))

    def expect_unavailable(self, answer):
        answer.expect_problem(503, answer.json["code"])
        self.failures += 1


def run_workers(service, incident):
    """Runs eight workers through an incident: before, during and after it, until all goes well again."""
    workers = [Worker(service) for _ in range(8)]
    for worker in workers:
        worker.start()

    def work_goes_on(since):
        return lambda: all(not w.is_alive() or len(w.revoked) >= since[w] + 5 for w in workers)

    try:
        eventually(work_goes_on({w: 0 for w in workers}), "the workers have begun")
        incident()
        eventually(work_goes_on({w: len(w.revoked) for w in workers}), "the workers go on after the incident")
    finally:
        for worker in workers:
            worker.is_stopping = True
        for worker in workers:
            worker.join()
    assert [worker.problem for worker in workers] == [None] * len(workers)
    return workers


def expect_all_kept(service, workers, start):
    for worker in workers:
        for token in worker.alive:
            service.resolve(token).expect(200)
        for token, _ in worker.revoked:
            service.resolve(token).expect_problem(401, "session_revoked")
    expect_told(service, start, {seq_of(cursor) for worker in workers for _, cursor in worker.revoked})


def expect_told(service, cursor, acknowledged):
    """The feed may still be catching up with the log; what it passes over it never tells of."""
    told = set()

    def all_are_told():
        nonlocal cursor
        page = service.gateway.get(f"/revocations?cursor={cursor}&limit=200").expect(200)
        assert page["reset"] is False
        told.update(event["seq"] for event in page["events"])
        cursor = page["cursor"]
        return acknowledged <= told

    eventually(all_are_told, "the feed tells of every acknowledged revocation")


def trouble_with_connections(service):
    retried = re.search(r"^portcullis_db_operations_retried_total (\d+)", service.http.get("/metrics").body.decode(), re.M)
    return int(retried[1]) > 0 or "database connection unavailable" in service.log


def test_a_crash_of_postgres_under_load_loses_nothing_acknowledged(cluster, database, new_service):
    service = new_service(database).start()
    start = service.gateway.get("/revocations").expect(200)["cursor"]

    def crash():
        cluster.kill()
        cluster.start()

    workers = run_workers(service, crash)
    # A worker felt it, or the service lost batches with their connections and ran them again.
    assert any(worker.failures for worker in workers) or trouble_with_connections(service), "the crash was not felt"
    service.wait_until_ready()
    expect_all_kept(service, workers, start)
    service.kill()  # nothing of it only in memory, either
    service.start()
    expect_all_kept(service, workers, start)


def test_a_kill_of_the_service_under_load_loses_nothing_acknowledged(database, new_service):
    service = new_service(database).start()
    start = service.gateway.get("/revocations").expect(200)["cursor"]
    workers = [Worker(service) for _ in range(8)]
    for worker in workers:
        worker.start()
    eventually(lambda: all(len(worker.revoked) >= 5 for worker in workers), "the workers have begun")
    service.kill()
    for worker in workers:
        worker.join()
        assert isinstance(worker.problem, (ConnectionEnded, OSError)), worker.problem
    service.start()
    expect_all_kept(service, workers, start)
