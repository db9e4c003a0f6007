"""The command line and the configuration."""

import hashlib
import os
import pathlib
import re
import signal
import subprocess
import urllib.parse

import pytest

from http_client import HANG_S
from needs import process_namespace
from service import BINARY, environment, run_command

SECRET = "correct-horse-battery"
DSN = f"postgres://portcullis:{SECRET}@127.0.0.1:5432/postgres?search_path=backend&sslmode=disable"

BAD = {
    "BACKEND_HTTP_ADDR": "nowhere",
    "BACKEND_LOG_LEVEL": "loud",
    "BACKEND_POSTGRES_MAX_OPEN_CONNS": "many",
    "BACKEND_POSTGRES_OPERATION_TIMEOUT": "5 seconds",
    "BACKEND_REVOCATION_MAX_STALENESS": "-2s",
    "BACKEND_SESSION_CACHE_MAX_ENTRIES": "0",
    "BACKEND_OTEL_TRACES_EXPORTER": "pigeon",
}


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["check-config"], []])
def test_all_that_is_wrong_is_reported_together(command):
    done = run_command(*command, BACKEND_POSTGRES_DSN=DSN, **BAD)
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    for name, value in BAD.items():
        [line] = [line for line in lines if name in line]
        assert value in line, "the line names the variable and its value"
        assert "takes" in line, "the line tells what it takes"
    assert SECRET not in done.stderr + done.stdout


def test_the_dsn_is_required():
    done = run_command("serve", BACKEND_LOG_LEVEL="loud")
    assert done.returncode != 0
    assert "BACKEND_POSTGRES_DSN" in done.stderr and "BACKEND_LOG_LEVEL" in done.stderr


BAD_DSNS = {
    "no search_path": DSN.replace("search_path=backend&", ""),
    "another search_path": DSN.replace("search_path=backend", "search_path=public"),
    "not a DSN": f"{SECRET}",
    "unknown parameter": DSN + "&favourite_colour=red",
}


@pytest.mark.parametrize("dsn", BAD_DSNS.values(), ids=BAD_DSNS.keys())
def test_a_dsn_that_cannot_be_used_is_reported_without_its_password(dsn):
    done = run_command("serve", BACKEND_POSTGRES_DSN=dsn)
    assert done.returncode != 0
    assert "BACKEND_POSTGRES_DSN" in done.stderr
    assert SECRET not in done.stderr + done.stdout


def test_check_config_shows_what_it_would_run_with_and_masks_the_password():
    done = run_command("check-config", BACKEND_POSTGRES_DSN=DSN, BACKEND_HTTP_ADDR="127.0.0.1:9999")
    assert done.returncode == 0, done.stderr
    assert "BACKEND_HTTP_ADDR=127.0.0.1:9999" in done.stdout
    assert "BACKEND_POSTGRES_MAX_OPEN_CONNS=25" in done.stdout
    assert "BACKEND_REVOCATION_MAX_STALENESS=30s" in done.stdout
    assert "portcullis:" in done.stdout and "127.0.0.1:5432" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_check_config_masks_the_password_of_a_key_value_dsn():
    dsn = f"host=127.0.0.1 user=portcullis password='{SECRET}' options='-c search_path=backend'"
    done = run_command("check-config", BACKEND_POSTGRES_DSN=dsn)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_an_edge_is_configured_without_a_dsn(tmp_path):
    key = tmp_path / "key"
    key.write_text(SECRET + "\n")
    done = run_command(
        "check-config", "edge", GATEWAY_BACKEND_URL="http://a:1,https://b", GATEWAY_CALLER_KEY_FILE=str(key)
    )
    assert done.returncode == 0, done.stderr
    assert "GATEWAY_BACKEND_URL=http://a:1,https://b" in done.stdout
    assert "GATEWAY_SESSION_CACHE_MAX_ENTRIES=50000" in done.stdout
    assert "BACKEND_POSTGRES" not in done.stdout and SECRET not in done.stdout + done.stderr


def test_an_edge_needs_to_know_the_service():
    done = run_command("edge", GATEWAY_SESSION_CACHE_TTL="soon")
    assert done.returncode != 0
    assert "GATEWAY_BACKEND_URL is not set" in done.stderr and "GATEWAY_SESSION_CACHE_TTL" in done.stderr


def test_version_needs_no_configuration():
    done = run_command("version")
    assert done.returncode == 0
    assert done.stdout.startswith("portcullis ")


def test_a_key_is_made_with_its_hash_and_each_is_shown_once():
    done = run_command("key", "new", "gateway")
    assert done.returncode == 0 and done.stderr == ""
    [key] = re.findall(r"pck_[0-9A-Za-z]{49}", done.stdout)
    [digest] = re.findall(r"\b[0-9a-f]{64}\b", done.stdout)
    assert hashlib.sha256(key.encode()).hexdigest() == digest
    assert "gateway" in done.stdout
    assert key not in run_command("key", "new", "gateway").stdout


@pytest.mark.parametrize("arguments", [[], ["new"], ["new", "a b"], ["new", "a:b"], ["new", "x" * 65]])
def test_a_key_needs_a_name_that_the_callers_file_takes(arguments):
    done = run_command("key", *arguments)
    assert done.returncode == 2
    assert done.stdout == "" and "name" in done.stderr


@pytest.mark.parametrize("command", [[], ["serve"], ["edge"], ["migrate"], ["check-config"], ["key"], ["version"]])
def test_help_explains_itself(command):
    done = run_command(*command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert "portcullis " + " ".join(command) in done.stdout
    if command in ([], ["serve"]):
        assert "BACKEND_POSTGRES_DSN" in done.stdout and "BACKEND_REVOCATION_MAX_STALENESS" in done.stdout


@pytest.mark.parametrize("arguments", [["sreve"], ["--frob"], ["serve", "migrate"]])
def test_a_command_that_is_none_is_a_usage_error(arguments):
    done = run_command(*arguments, BACKEND_POSTGRES_DSN=DSN)
    assert done.returncode == 2
    assert "--help" in done.stderr and done.stdout == ""


def test_migrate_makes_the_schema_and_can_be_run_again(cluster):
    database = cluster.create_database()
    for _ in range(2):
        done = run_command("migrate", BACKEND_POSTGRES_DSN=database.dsn)
        assert done.returncode == 0, done.stderr
    tables = database.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'backend'")
    expected = {"accounts", "identities", "sessions", "account_stats", "game_players", "revocation_events"}
    assert expected <= set(tables.split())


def test_migrate_says_that_the_database_is_away(cluster):
    database = cluster.create_database()
    with cluster.stopped():
        done = run_command("migrate", BACKEND_POSTGRES_DSN=database.dsn, BACKEND_POSTGRES_OPERATION_TIMEOUT="1s")
    assert done.returncode != 0
    assert done.stderr and database.address.password not in done.stderr


def test_an_edited_migration_stops_the_start(cluster, new_service):
    database = cluster.create_database()
    assert run_command("migrate", BACKEND_POSTGRES_DSN=database.dsn).returncode == 0
    edit = "UPDATE backend.schema_migrations SET checksum = decode(repeat('00', 32), 'hex') WHERE number = 1"
    database.execute(edit)
    migrated = run_command("migrate", BACKEND_POSTGRES_DSN=database.dsn)
    assert migrated.returncode != 0
    service = new_service(database)
    service.spawn()
    assert service.wait_for_exit() != 0
    for text in (migrated.stderr, service.log):
        assert "00001" in text and "edited" in text


def dsn_forms(database):
    address = database.address
    path = f"{address.hostname}:{address.port}/{database.name}"
    user = f"{address.username}:{urllib.parse.quote(address.password)}"
    return {
        "the Go system's": f"postgres://{user}@{path}?search_path=backend&sslmode=disable",
        "another scheme": f"postgresql://{user}@{path}?sslmode=disable&search_path=backend",
        "libpq's options": f"postgres://{user}@{path}?options=-c%20search_path%3Dbackend",
        "key=value": (
            f"host={address.hostname} port={address.port} dbname={database.name} user={address.username} "
            f"password={address.password} options='-c search_path=backend'"
        ),
    }


@pytest.mark.parametrize("form", ["the Go system's", "another scheme", "libpq's options", "key=value"])
def test_every_form_of_dsn_reaches_the_database(cluster, form):
    database = cluster.create_database()
    done = run_command("migrate", BACKEND_POSTGRES_DSN=dsn_forms(database)[form])
    assert done.returncode == 0, done.stderr
    assert database.execute("SELECT count(*) FROM backend.accounts") == "0"


def migrating_amid(cluster, launcher=(), **settings):
    """A database, and what starts `migrate` on it, for a test that holds a lock which it then waits for."""
    database = cluster.create_database()
    settings = environment({"BACKEND_POSTGRES_DSN": database.dsn, **settings})
    return database, lambda: subprocess.Popen(
        [*launcher, BINARY, "migrate"], env=settings, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_migrate_ends_on_a_signal(cluster, stop_signal):
    database, start = migrating_amid(cluster)
    with database.amid("SELECT pg_advisory_lock(7306084002)"), start() as process:
        assert "waiting" in process.stderr.readline()
        process.send_signal(stop_signal)
        assert process.wait(HANG_S) == 1
        assert "stopped" in process.stderr.read()


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_migrate_ends_on_a_signal_as_process_1(cluster, stop_signal):
    """The first process of a namespace has no default action of a signal: what it does not handle is ignored."""
    database, start = migrating_amid(cluster, process_namespace())
    with database.amid("SELECT pg_advisory_lock(7306084002)"), start() as process:
        assert "waiting" in process.stderr.readline()
        os.kill(only_child(process), stop_signal)
        assert process.wait(HANG_S) == 1


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_migrate_ends_on_a_signal_amid_a_statement(cluster, stop_signal):
    database, start = migrating_amid(cluster, process_namespace(), BACKEND_POSTGRES_OPERATION_TIMEOUT="5m")
    assert run_command("migrate", BACKEND_POSTGRES_DSN=database.dsn).returncode == 0
    with database.locked("backend.schema_migrations"), start() as process:
        database.wait_for_blocked_statements()
        os.kill(only_child(process), stop_signal)
        assert process.wait(HANG_S) == 1


def only_child(process):
    [child] = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(child)


@pytest.mark.parametrize("command", ["serve", "migrate"])
@pytest.mark.parametrize("change", [{"path": "/no_such_database"}, {"netloc": "nobody:x@{host}"}])
def test_what_no_retry_will_mend_ends_the_start(cluster, command, change):
    address = urllib.parse.urlsplit(cluster.create_database().dsn)
    host = address.netloc.rpartition("@")[2]
    changed = address._replace(**{name: value.format(host=host) for name, value in change.items()})
    done = run_command(command, BACKEND_POSTGRES_DSN=changed.geturl(), BACKEND_HTTP_ADDR="127.0.0.1:0")
    assert done.returncode == 1
    last = [line for line in done.stderr.splitlines() if "cannot go on" in line or "failed" in line][-1]
    assert "3D000" in last or "28" in last


def test_values_from_files_may_end_in_a_newline():
    done = run_command("check-config", BACKEND_POSTGRES_DSN=DSN + "\n", BACKEND_LOG_LEVEL=" debug\n")
    assert done.returncode == 0, done.stderr
    assert "BACKEND_LOG_LEVEL=debug" in done.stdout
