"""The clients, each by its own programs, and a service for them."""

import pytest

from needs import need
from players import LANGUAGES, Programs, is_here
from service import Service
from tap import Tap

pytest_plugins = ["private_cluster"]


@pytest.fixture(scope="session", params=LANGUAGES)
def programs(request, tmp_path_factory):
    need(is_here(request.param), f"the client for {request.param}")
    return Programs(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def service(cluster, tmp_path_factory):
    service = Service(cluster.create_database(), tmp_path_factory.mktemp("service")).start()
    yield service
    if service.is_running:
        service.stop()
    service.expect_no_complaint()


@pytest.fixture
def tap(service):
    """Between a client and the service."""
    tap = Tap(service.port)
    yield tap
    tap.stop()
