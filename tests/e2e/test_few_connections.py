"""A role that may have few connections only: the schema and the revocation log come before the pool."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from people import telegram
from waiting import eventually

CLIENTS = 24
FEED = "application_name LIKE '% feed'"


class FewConnections:
    """A role of `database` and how many connections it may have."""

    def __init__(self, database, limit):
        self.role = f"few_{database.name}"
        self._admin = database
        self.database = database.as_new_role(self.role, f"CONNECTION LIMIT {limit}")
        database.execute(f"CREATE SCHEMA backend AUTHORIZATION {self.role}")

    def limit(self, limit):
        self._admin.execute(f"ALTER ROLE {self.role} CONNECTION LIMIT {limit}")

    def count(self, condition="true"):
        which = f"usename = '{self.role}' AND {condition}"
        return int(self._admin.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {which}"))

    def terminate(self, condition):
        which = f"usename = '{self.role}' AND {condition}"
        self._admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {which}")


@pytest.fixture
def few_connections(cluster):
    return lambda limit: FewConnections(cluster.create_database(), limit)


def mint_and_revoke(service):
    token = service.gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"]
    assert service.gateway.post("/sessions/revoke", token=token).expect(200)["revoked"]


@pytest.mark.parametrize("limit", [2, 5])  # the least, and as many as the pool has at the start
def test_one_connection_for_the_log_and_one_for_the_pool_will_do(few_connections, new_service, limit):
    service = new_service(few_connections(limit).database).start()
    with ThreadPoolExecutor(CLIENTS) as clients:
        for done in [clients.submit(mint_and_revoke, service) for _ in range(4 * CLIENTS)]:
            done.result()


def test_the_pool_makes_room_for_the_log(few_connections, new_service):
    """The log's connection is lost, and while it is away the role may have no more than the pool has."""
    role = few_connections(6)
    service = new_service(role.database).start()
    role.limit(role.count() - role.count(FEED))
    role.terminate(FEED)
    eventually(lambda: role.count(FEED) == 1, "the log is read again")
    mint_and_revoke(service)
