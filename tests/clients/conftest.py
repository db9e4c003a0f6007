"""The clients, each by its own program, and a service for them."""

import shutil

import pytest

from needs import need
from players import LANGUAGES, command_of
from service import Service

pytest_plugins = ["private_cluster"]


@pytest.fixture(scope="session", params=LANGUAGES)
def command(request, tmp_path_factory):
    need(shutil.which(LANGUAGES[request.param]), request.param)
    return command_of(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def service(cluster, tmp_path_factory):
    service = Service(cluster.create_database(), tmp_path_factory.mktemp("service")).start()
    yield service
    if service.is_running:
        service.stop()
    service.expect_no_complaint()
