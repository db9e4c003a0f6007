"""Roles that may do as much as they need and no more."""

import pytest

from people import email, telegram
from service import run_command
from waiting import eventually


@pytest.fixture
def owned(cluster):
    """A database as its superuser reaches it, and the name of a role for it."""
    database = cluster.create_database()
    return database, f"role_of_{database.name}"


def migrate(database):
    return run_command("migrate", BACKEND_POSTGRES_DSN=database.dsn)


def test_a_schema_that_was_made_for_the_role_will_do(owned):
    database, role = owned
    own = database.as_new_role(role)
    database.execute(f"CREATE SCHEMA backend AUTHORIZATION {role}")
    done = migrate(own)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_who_may_make_no_schema_is_told_so(owned, command):
    database, role = owned
    done = run_command(command, BACKEND_POSTGRES_DSN=database.as_new_role(role).dsn, BACKEND_HTTP_ADDR="127.0.0.1:0")
    assert done.returncode == 1, done.stderr
    assert "permission denied" in done.stderr


def test_who_serves_needs_no_right_to_change_the_schema(owned, new_service):
    """What the documents tell to grant is enough for what the service does."""
    database, role = owned
    assert migrate(database).returncode == 0
    serving = database.as_new_role(role)
    database.execute(f"GRANT USAGE ON SCHEMA backend TO {role}")
    database.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA backend TO {role}")
    database.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA backend TO {role}")
    service = new_service(serving, BACKEND_SESSIONS_PER_ACCOUNT_MAX="2", BACKEND_CANARY_INTERVAL="100ms").start()
    admin = service.client("/api/v1/admin")

    guest = service.client("/api/v1/public").post("/sessions/guest").expect(201)
    account = guest["account"]["account_id"]
    service.gateway.post(f"/accounts/{account}/identities", email()).expect(201)
    service.gateway.request("PATCH", f"/accounts/{account}", body={"display_name": "Ada"}).expect(200)
    first, *_ = [service.gateway.post("/sessions", {"identity": telegram()}).expect(201) for _ in range(3)]
    owner = first["account"]["account_id"]
    for _ in range(3):  # past the limit
        service.gateway.post("/sessions", {"account_id": owner}).expect(201)
    service.gateway.post("/sessions/revoke", token=guest["token"]).expect(200)
    service.gateway.delete(f"/accounts/{account}").expect(204)
    admin.get("/accounts").expect(200)
    admin.get("/audit").expect(200)
    admin.get("/stats").expect(200)
    admin.post("/reaper/run").expect(200)
    job = admin.post("/revocations", {"accounts": [owner]}).expect(202)["job_id"]
    eventually(lambda: admin.get(f"/revocations/{job}").expect(200)["state"] == "done", "the job is done")
    assert "42501" not in service.log
