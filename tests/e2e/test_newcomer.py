"""The newcomer's hour, which scripts/newcomer walks through."""

import subprocess

import pytest

from http_client import HANG_S
from service import BINARY, ROOT, environment


def walk(*arguments):
    return subprocess.run(
        [ROOT / "scripts/newcomer", *arguments],
        env=environment({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=4 * HANG_S,
    )


@pytest.fixture
def durable(cluster):
    """As a newcomer's PostgreSQL is, and the tests' is not: the doctor looks at that."""
    cluster.set("fsync", "on")
    yield cluster
    cluster.set("fsync", "off")


def test_the_first_hour_ends_with_a_session_that_the_gateway_refuses(durable):
    done = walk(durable.create_database().dsn, BINARY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "done in" in done.stdout
    assert "pck_" not in done.stdout and "pcs_" not in done.stdout


def test_what_does_not_start_is_told(cluster, tmp_path):
    broken = tmp_path / "portcullis"
    broken.write_text("#!/bin/sh\necho 'there is no such thing' >&2\nexit 3\n")
    broken.chmod(0o755)
    done = walk(cluster.create_database().dsn, broken)
    assert done.returncode != 0 and "done in" not in done.stdout
    assert walk().returncode == 2
