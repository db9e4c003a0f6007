"""A gateway of `examples/` in front of the service and of an application that echoes what reaches it."""

import pytest

from echo_upstream import EchoUpstream
from gateway import Gateway, is_installed
from needs import need
from service import Service

pytest_plugins = ["private_cluster"]


@pytest.fixture(scope="session")
def service(cluster, tmp_path_factory):
    service = Service(cluster.create_database(), tmp_path_factory.mktemp("service"))
    service.start()
    yield service
    service.stop()
    service.expect_no_complaint()


@pytest.fixture(scope="session")
def application():
    application = EchoUpstream()
    yield application
    application.stop()


@pytest.fixture(scope="session", params=["nginx", "caddy", "haproxy", "apache2"])
def gateway(request, service, application, tmp_path_factory):
    need(is_installed(request.param), request.param)
    gateway = Gateway(request.param, tmp_path_factory.mktemp(request.param), service.port, application.port)
    yield gateway
    gateway.stop()


@pytest.fixture
def mint(service):
    return lambda: service.client("/api/v1/public").post("/sessions/guest").expect(201)
