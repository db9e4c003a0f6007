"""A service with callers for a browser to work on, and Node.js to drive the browser with."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from callers import by_header, caller, new_key, write_callers
from needs import need
from service import Service

pytest_plugins = ["private_cluster"]

HERE = pathlib.Path(__file__).parent
SCRIPT_S_MAX = 500  # a script drives the browser through all of its cases

OPERATOR = ["admin:*", "accounts:*", "sessions:*", "revocations:read", "metrics:read"]
READER = ["admin:read", "accounts:read", "revocations:read", "metrics:read"]


@pytest.fixture(scope="session")
def database(cluster):
    return cluster.create_database()


@pytest.fixture(scope="session")
def keys():
    return {"operator": new_key("operator"), "reader": new_key("reader"), "gateway": new_key("gateway")}


@pytest.fixture(scope="session")
def service(database, keys, tmp_path_factory):
    directory = tmp_path_factory.mktemp("service")
    path = directory / "callers.json"
    write_callers(
        path,
        caller("operator", OPERATOR, keys["operator"]),
        caller("reader", READER, keys["reader"]),
        caller("gateway", ["internal", "user"], keys["gateway"]),
    )
    service = Service(database, directory, BACKEND_CALLERS_FILE=str(path), BACKEND_LOG_LEVEL="warn")
    service.start()
    yield service
    service.stop()
    service.expect_no_complaint()


@pytest.fixture
def gateway(service, keys):
    return service.client("/api/v1/internal", **by_header(keys["gateway"]))


@pytest.fixture
def drive(service, keys, tmp_path):
    """Runs a script of this folder in Node.js with the service's address and keys and `more` in its environment."""
    need(shutil.which("chromium"), "chromium")
    need((HERE / "node_modules").exists(), "the npm packages of tests/console")

    def run(script, **more):
        world = {"origin": f"http://127.0.0.1:{service.port}", "keys": keys, "profile": str(tmp_path), **more}
        done = subprocess.run(
            ["node", "--test", "--test-reporter=spec", HERE / script],
            env={**os.environ, "PORTCULLIS_WORLD": json.dumps(world)},
            capture_output=True,
            text=True,
            timeout=SCRIPT_S_MAX,
        )
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
        print(done.stdout)

    return run
