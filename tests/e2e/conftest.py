"""What the tests are given: a PostgreSQL, a running service, and clients that speak for those who use it."""

import pytest

from edge import Edge
from needs import need
from people import predecessor, telegram
from service import BINARY, Service, run_command

pytest_plugins = ["private_cluster", "shards"]

LOG_TAIL_CHARS = 20_000
_running = []  # services whose log belongs in a failure's report


def pytest_sessionstart(session):
    if not session.config.option.collectonly and not BINARY.exists():
        pytest.exit(f"{BINARY} is not built; PORTCULLIS_BINARY names another", returncode=2)


@pytest.fixture(scope="module")
def database(cluster):
    """An empty database for each module."""
    return cluster.create_database()


@pytest.fixture(scope="module")
def service(database, tmp_path_factory):
    """A service with default settings, shared by the module's tests."""
    yield from _shared(Service(database, tmp_path_factory.mktemp("service")))


@pytest.fixture
def new_service(tmp_path):
    """Makes services of a test's own: `new_service(database, **settings)`; it starts them as it likes."""
    yield from _maker(Service, tmp_path)


@pytest.fixture
def new_edge(tmp_path):
    """Makes edges of a test's own: `new_edge(services, **settings)`; it starts them as it likes."""
    yield from _maker(Edge, tmp_path)


def _maker(kind, directory):
    made = []

    def make(behind, **settings):
        process = kind(behind, directory, **settings)
        made.append(process)
        _running.append(process)
        return process

    yield make
    for process in made:
        _end(process)


def _end(service):
    _running.remove(service)
    try:
        if service.is_running:
            service.stop()
    finally:
        if service.is_running:
            service.kill()
    service.expect_no_complaint()


@pytest.fixture(scope="module")
def edge(service, tmp_path_factory):
    """An edge with default settings in front of the module's service."""
    yield from _shared(Edge([service], tmp_path_factory.mktemp("edge")))


def _shared(process):
    _running.append(process)
    process.start()
    yield process
    _end(process)


@pytest.fixture
def exporting(database, new_service):
    """Starts a service that sends what `signals` names to a collector."""
    checked = run_command("check-config", BACKEND_POSTGRES_DSN=database.dsn, BACKEND_OTEL_TRACES_EXPORTER="otlp")
    need("no OpenTelemetry" not in checked.stderr, "the OpenTelemetry SDK")

    def start(url, *signals, **settings):
        return new_service(database, **{**export_settings("BACKEND", url, signals), **settings}).start()

    return start


def export_settings(prefix, url, signals):
    """What has a process send `signals` to a collector, soon."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_BLRP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "2000",
        "no_proxy": "127.0.0.1",
        **{f"{prefix}_OTEL_{signal}_EXPORTER": "otlp" for signal in signals},
    }


@pytest.fixture
def exporting_edge(new_edge):
    """The same for an edge in front of a service."""

    def start(service, url, *signals, **settings):
        return new_edge([service], **{**export_settings("GATEWAY", url, signals), **settings}).start()

    return start


@pytest.fixture
def http(service):
    """Speaks to the service as anybody who can reach it."""
    return service.http


@pytest.fixture
def gateway(service):
    """Speaks to `/api/v1/internal`, as the gateway and other services do."""
    return service.gateway


@pytest.fixture
def public(service):
    """Speaks to `/api/v1/public`, as a client without a session."""
    return service.client("/api/v1/public")


@pytest.fixture
def mint(gateway):
    """Mints a session, for a new account unless told otherwise, and returns the answer's JSON."""

    def mint(**body):
        if "account_id" not in body and "identity" not in body:
            body["identity"] = telegram()
        return gateway.post("/sessions", body).expect(201)

    return mint


@pytest.fixture
def end_session(gateway, mint):
    """Mints a session and revokes it; returns the minted one and the revocation's cursor, once the feed has its
    event: an acknowledgement may be a moment ahead of the feed."""

    def end_session(reason="stolen"):
        minted = mint()
        path = f"/sessions/{minted['session']['session_id']}"
        cursor = gateway.delete(path, {"reason": reason}).expect(200)["cursor"]
        page = gateway.get(f"/revocations?cursor={predecessor(cursor)}&wait=30").expect(200)
        assert page["events"] and not page["reset"]
        return minted, cursor

    return end_session


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the log of every service that is up next to a failure."""
    report = (yield).get_result()
    if report.failed:
        for service in _running:
            if service.log_path.exists():
                title = f"log of the service on port {service.port}"
                report.sections.append((title, service.log[-LOG_TAIL_CHARS:]))
