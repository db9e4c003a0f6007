"""A service that asks its callers who they are, so that all of the document counts."""

import pytest

from callers import caller, new_key, write_callers
from contract import Contract, load
from needs import need
from service import Service
from world import World

pytest_plugins = ["private_cluster"]


@pytest.fixture(scope="session")
def keys():
    return {"all": new_key("all"), "nothing": new_key("nothing")}


@pytest.fixture(scope="session")
def service(cluster, keys, tmp_path_factory):
    directory = tmp_path_factory.mktemp("service")
    callers = directory / "callers.json"
    write_callers(callers, caller("all", ["*"], keys["all"]), caller("nothing", ["public:forward"], keys["nothing"]))
    service = Service(cluster.create_database(), directory, BACKEND_CALLERS_FILE=str(callers), BACKEND_LOG_LEVEL="warn")
    service.start()
    yield service
    service.stop()
    service.expect_no_complaint()


@pytest.fixture
def new_world(service, keys):
    return lambda: World(service, keys["all"])


@pytest.fixture(autouse=True)
def is_built(request):
    """A build without Node.js has no console, and so no file of it."""
    operation = request.node.callspec.params.get("operation") if hasattr(request.node, "callspec") else None
    if operation is not None and operation.name == "console":
        service = request.getfixturevalue("service")
        need(service.http.get("/console/").status == 200, "a build with the console")


@pytest.fixture(scope="session")
def contract():
    return Contract(load())


def pytest_generate_tests(metafunc):
    asks_itself = any("operation" in str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize"))
    if "operation" in metafunc.fixturenames and not asks_itself:
        operations = Contract(load()).operations
        metafunc.parametrize("operation", operations, ids=[o.name for o in operations])
