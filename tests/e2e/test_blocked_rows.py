"""Rows that somebody else holds: they block who needs them, and nobody else."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from people import telegram
from waiting import eventually

OTHERS = 40
HELD_S = 12
PATIENT = {"BACKEND_POSTGRES_OPERATION_TIMEOUT": "60s"}  # so that who needs a held row waits until it is free
SOON_S = 8  # who does not need one is answered before that, unless the machine stands still


@pytest.fixture
def replica(cluster, new_service):
    database = cluster.create_database()
    service = new_service(database, **PATIENT)
    service.start()
    return database, service


def new_account(service):
    return service.gateway.post("/sessions", body={"identity": telegram()}).expect(201)["account"]["account_id"]


def timed_mint(service, account_id):
    began = time.monotonic()
    answer = service.gateway.post("/sessions", body={"account_id": account_id})
    return answer.status, time.monotonic() - began


def test_two_rows_that_are_held_block_nobody_else(replica):
    database, service = replica
    accounts = [new_account(service) for _ in range(OTHERS)]
    held = accounts[:2]
    rows = ", ".join(f"'{each}'" for each in held)
    with ThreadPoolExecutor(2 * OTHERS) as clients:
        with database.amid(f"SELECT FROM backend.accounts WHERE account_id IN ({rows}) FOR UPDATE"):
            until = time.monotonic() + HELD_S
            blocked = [clients.submit(timed_mint, service, each) for each in held * 3]
            slowest = []  # of each round
            while time.monotonic() < until:
                answers = list(clients.map(lambda each: timed_mint(service, each), accounts[2:]))
                assert {status for status, _ in answers} == {201}
                slowest.append(max(took_s for _, took_s in answers))
            assert sum(took_s >= SOON_S for took_s in slowest) <= max(1, len(slowest) // 10), slowest
            assert not any(each.done() for each in blocked)
        assert [each.result()[0] for each in blocked] == [201] * len(blocked)


def test_a_row_that_stays_held_fails_its_own_operations_alone(cluster, new_service):
    database = cluster.create_database()
    patient = new_service(database).start()
    service = new_service(database, BACKEND_POSTGRES_OPERATION_TIMEOUT="5s").start()
    account_id = new_account(patient)
    with database.amid(f"SELECT FROM backend.accounts WHERE account_id = '{account_id}' FOR UPDATE"):
        status, _ = timed_mint(service, account_id)
        assert status == 503
    eventually(lambda: timed_mint(service, account_id)[0] == 201, "the row that is free again never took a session")
