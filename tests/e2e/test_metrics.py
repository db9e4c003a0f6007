"""Every number of docs/metrics.md is moved by a test that causes it."""

import contextlib
import re
import time

import pytest

from callers import by_header, caller, new_key, write_callers
from http_client import Connection, encode_request
from metrics_page import DOCUMENT, LISTED, numbers, scrape
from people import ANOTHER_NEVER_MINTED, NEVER_MINTED, telegram
from service import free_port
from tls import Authority, TlsConnection, client_context
from waiting import eventually

AGAIN_AFTER_S = 5

_moved = set()


@contextlib.contextmanager
def moves(http, *names, again=None):
    """That each of `names` is another after what is done within, and `again` now and then."""
    before = numbers(http)
    yield
    left = set(names)
    done_at = time.monotonic()

    def have_moved():
        nonlocal done_at
        now = numbers(http)
        left.difference_update([name for name in left if now.get(name, 0) != before.get(name, 0)])
        if left and again and time.monotonic() - done_at > AGAIN_AFTER_S:
            again()
            done_at = time.monotonic()
        return not left

    try:
        eventually(have_moved, "all have moved")
    except AssertionError:
        pytest.fail(f"not moved: {left}")
    _moved.update(names)


def tells(http, *names):
    """That each of `names`, which does not move, is there and not nothing."""
    now = numbers(http)
    assert all(now.get(name, 0) > 0 for name in names), {name: now.get(name) for name in names}
    _moved.update(names)


def mint(service, **body):
    return service.gateway.post("/sessions", body=body or {"identity": telegram()}).expect(201)


def test_requests(service):
    with moves(
        service.http,
        "http_server_request_duration_seconds",
        "portcullis_http_requests_total",
        "portcullis_http_request_duration_seconds",
        "portcullis_http_connections_accepted_total",
        "portcullis_http_connections_total",
        "portcullis_io_turn_duration_seconds",
    ):
        service.http.get("/healthz").expect(200)
    text = scrape(service.http)
    labels = '{http_request_method="GET",http_response_status_code="200",url_scheme="http",http_route="/healthz"}'
    assert f"http_server_request_duration_seconds_count{labels} " in text
    service.http.request("PATCH", "/healthz")  # and then none is there, which is a number as well
    assert '\nhttp_server_active_requests{http_request_method="PATCH",url_scheme="http"} 0\n' in scrape(service.http)
    with moves(service.http, "portcullis_http_requests_refused_total"), service.connect() as connection:
        connection.send(b"nonsense\r\n\r\n")
        connection.read_response().expect_problem(400, "request_malformed")
    position = service.gateway.get("/revocations").expect(200)["cursor"]
    with moves(
        service.http,
        "http_server_active_requests",
        "portcullis_http_connections",
        "portcullis_http_held_bytes",
        "portcullis_revocation_long_polls",
    ):
        waiting, begun = service.connect(), service.connect()
        waiting.send_request("GET", f"/api/v1/internal/revocations?cursor={position}&wait=30")
        begun.send(b"POST /healthz HTTP/1.1\r\n")
    waiting.close()
    begun.close()


def test_sessions_and_accounts(service, edge):
    with moves(
        service.http,
        "portcullis_sessions_minted_total",
        "portcullis_accounts_created_total",
        "portcullis_db_operations_total",
        "portcullis_db_batches_total",
        "portcullis_db_batch_operations",
        "db_client_operation_duration_seconds",
        "db_client_connection_wait_time_seconds",
        "portcullis_session_cache_entries",
        "portcullis_session_cache_active_entries",
    ):
        made = mint(service)
    counted = "db_client_operation_duration_seconds_count"
    assert re.search(rf'^{counted}{{.*db_operation_name="mint_for_identity"', scrape(service.http), re.M)
    guest = service.gateway.post("/accounts/guest").expect(201)["account"]
    session = mint(service, account_id=guest["account_id"])
    link = f"/accounts/{guest['account_id']}/identities"
    with moves(
        service.http,
        "portcullis_identities_linked_total",
        "portcullis_guests_upgraded_total",
        "portcullis_sessions_ended_total",
    ):
        service.gateway.post(link, body={**telegram(), "rotate": True}, token=session["token"]).expect(201)
    with moves(
        service.http,
        "portcullis_sessions_resolved_total",
        "portcullis_session_cache_hits_total",
    ):
        service.resolve(made["token"]).expect(200)
    with moves(
        service.http,
        "portcullis_session_cache_misses_total",
        "portcullis_session_cache_loads_total",
        "portcullis_session_cache_unknown_entries",
    ):
        service.resolve(ANOTHER_NEVER_MINTED).expect_problem(401, "session_unknown")
    with moves(edge.http, "portcullis_edge_requests_total"):
        edge.resolve(made["token"]).expect(200)
    with moves(
        service.http,
        "portcullis_revocation_events_total",
        "portcullis_revocation_delay_seconds",
        "portcullis_revocation_log_position",
    ), moves(edge.http, "portcullis_revocation_delay_seconds", "portcullis_revocation_events_total"):
        service.gateway.delete(f"/accounts/{made['account']['account_id']}/sessions").expect(200)
    with moves(service.http, "portcullis_accounts_deleted_total"):
        service.gateway.delete(f"/accounts/{made['account']['account_id']}").expect(204)


def outcomes(http):
    found = re.findall(r'^portcullis_sessions_resolved_total{outcome="(\w+)",source="(\w+)"} (\d+)', scrape(http), re.M)
    return {(outcome, source): int(count) for outcome, source, count in found if int(count) > 0}


def test_every_outcome_of_a_resolve_by_its_name(database, new_service):
    service = new_service(database).start()
    made = mint(service)
    service.resolve(made["token"]).expect(200)
    assert outcomes(service.http) == {("active", "memory"): 1}
    service.gateway.post("/sessions/revoke", token=made["token"]).expect(200)
    service.resolve(made["token"]).expect_problem(401, "session_revoked")
    service.resolve(ANOTHER_NEVER_MINTED).expect_problem(401, "session_unknown")
    assert outcomes(service.http) == {("active", "memory"): 1, ("revoked", "memory"): 1, ("unknown", "load"): 1}
    brief = new_service(database, BACKEND_SESSION_MAX_AGE="1ms").start()
    token = mint(brief)["token"]
    eventually(lambda: brief.resolve(token).status == 401, "the session has expired")
    assert "expired" in {outcome for outcome, _ in outcomes(brief.http)}


def test_subscribers(service):
    made = mint(service)
    with moves(service.http, "portcullis_revocation_subscribers"):
        stream = service.subscribe()
    with moves(service.http, "portcullis_revocation_events_delivered_total"):
        service.gateway.post("/sessions/revoke", token=made["token"]).expect(200)
    stream.next_event()
    assert 'portcullis_revocation_delay_seconds_count{stage="delivered"} ' in scrape(service.http)
    stream.close()


def test_the_lease_and_the_process(service):
    with moves(
        service.http,
        "portcullis_revocation_log_age_seconds",
        "portcullis_revocation_lease_remaining_seconds",
        "process_cpu_seconds_total",
    ):
        pass  # time does it
    with moves(service.http, "process_open_fds"):
        idle = [service.connect() for _ in range(3)]
    for each in idle:
        each.close()
    tells(
        service.http,
        "portcullis_build_info",
        "portcullis_metrics_series",
        "portcullis_session_cache_bytes",
        "portcullis_db_workers",
        "portcullis_db_connections",
        "db_client_connections",
        "db_client_connection_max",
        "db_client_connection_idle_max",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_threads",
        "process_max_fds",
        "process_start_time_seconds",
    )


def test_mailboxes(service):
    actors = re.findall(r'^portcullis_mailbox_messages{actor="(\w+)"} \d+$', scrape(service.http), re.M)
    assert sorted(actors) == sorted(
        ["http_front", "session_cache", "db_pool", "db_worker", "session", "account", "reaper", "bulk_revoker", "revocation_feed"]
    )
    _moved.add("portcullis_mailbox_messages")  # which are empty: no client fills one for long enough to be seen


def ended(http, cause):
    return int(re.search(rf'^portcullis_sessions_ended_total{{cause="{cause}"}} (\d+)', scrape(http), re.M)[1])


def test_sessions_that_many_others_ended(cluster, new_service):
    """On a database of its own: another replica might do the job, and count what it ended."""
    service = new_service(cluster.create_database(), BACKEND_SESSIONS_PER_ACCOUNT_MAX="1").start()
    first = mint(service)
    mint(service, account_id=first["account"]["account_id"])
    assert ended(service.http, "superseded") == 1
    order = {"accounts": [first["account"]["account_id"]], "reason": "leak"}
    service.http.post("/api/v1/admin/revocations", body=order).expect(202)
    eventually(lambda: ended(service.http, "bulk") == 1, "the session is ended")


def test_canaries(database, new_service):
    """More of them: test_canary.py."""
    service = new_service(database, BACKEND_CANARY_INTERVAL="100ms").start()
    with moves(service.http, "portcullis_canary_rounds_total", "portcullis_canary_delay_seconds"):
        pass  # they come by themselves


def test_what_a_sweep_removes(database, new_service):
    service = new_service(
        database,
        BACKEND_GUEST_RETENTION="1s",
        BACKEND_REVOKED_RETENTION="1s",
        BACKEND_REVOCATION_RETENTION="2s",
        BACKEND_REVOCATION_MAX_STALENESS="1s",
        BACKEND_AUDIT_RETENTION="1s",
    ).start()
    service.http.post("/api/v1/public/sessions/guest").expect(201)
    service.gateway.post("/sessions/revoke", token=mint(service)["token"]).expect(200)

    def swept(what):
        found = re.search(rf'^portcullis_swept_rows_total{{what="{what}"}} (\d+)', scrape(service.http), re.M)
        return int(found[1])

    def is_done():
        service.http.post("/api/v1/admin/reaper/run", body={"dry_run": False}).expect(200)
        return all(swept(what) > 0 for what in ("guests", "sessions", "events", "audit"))

    with moves(service.http, "portcullis_swept_rows_total"):
        eventually(is_done, "guests, sessions, events and the audit are swept")


def test_callers_and_their_limits(database, new_service, tmp_path):
    operator, slow, path = new_key(), new_key(), tmp_path / "callers.json"
    rate = {"quota": 1, "window_s": 86_400}
    write_callers(path, caller("operator", ["*"], operator), caller("slow", ["*"], slow, rate=rate))
    service = new_service(database, BACKEND_CALLERS_FILE=str(path)).start()
    http = service.client("", **by_header(operator))
    feed = "/api/v1/internal/revocations"
    tells(http, "portcullis_callers")
    with moves(http, "portcullis_callers_refused_total"):
        service.http.get(feed).expect_problem(401, "caller_unknown")
    with moves(http, "portcullis_rate_limited_total"):
        for status in (200, 429):
            assert service.http.get(feed, headers=by_header(slow)).status == status


def test_handshakes(database, new_service, tmp_path):
    authority, port = Authority(tmp_path), free_port()
    certificate, key = authority.issue("server", "DNS:localhost")
    service = new_service(database, BACKEND_TLS_CERT_FILE=str(certificate), BACKEND_TLS_KEY_FILE=str(key))
    service.set("BACKEND_HTTP_ADDR", f"127.0.0.1:{port};tls,127.0.0.1:{service.port}")
    service.start()
    with moves(service.http, "portcullis_tls_handshakes_total"):
        with TlsConnection(port, client_context(authority)) as connection:
            connection.request("GET", "/healthz").expect(200)
    assert 'portcullis_tls_handshakes_total{outcome="ok"} 1\n' in scrape(service.http)
    with Connection(port) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\n\r\n")
        connection.read_to_end()
    assert 'portcullis_tls_handshakes_total{outcome="failed"} 1\n' in scrape(service.http)
    assert 'url_scheme="https"' in scrape(service.http)


def test_a_connection_too_many(database, new_service):
    service = new_service(database, BACKEND_HTTP_MAX_CONNECTIONS="4").start()
    with contextlib.ExitStack() as crowd:
        first = crowd.enter_context(service.connect())
        before = first.request("GET", "/metrics").body.decode()
        for _ in range(6):
            crowd.enter_context(service.connect())
        refused = re.compile(r"^portcullis_http_connections_refused_total (\d+)", re.M)

        def is_counted():
            now = first.request("GET", "/metrics").body.decode()
            return int(refused.search(now)[1]) > int(refused.search(before)[1])

        eventually(is_counted, "a connection is refused")
    _moved.add("portcullis_http_connections_refused_total")


@pytest.fixture
def narrow(database, new_service):
    """Starts a service with little room everywhere."""
    return lambda **settings: new_service(
        database,
        BACKEND_POSTGRES_MAX_OPEN_CONNS="1",
        BACKEND_POSTGRES_MAX_BATCH="1",
        BACKEND_POSTGRES_MAX_QUEUE="3",
        BACKEND_SESSION_CACHE_MAX_ENTRIES="2",
        BACKEND_SESSION_CACHE_MAX_LOADS="1",
        **settings,
    ).start()


def ask_all(stack, service, *requests):
    """Sends each request on a connection of its own, and waits for no answer."""
    for method, path, parts in requests:
        stack.enter_context(service.connect()).send(encode_request(method, f"/api/v1/internal{path}", **parts))


def test_a_database_that_is_the_bottleneck(narrow, database):
    service = narrow(BACKEND_POSTGRES_OPERATION_TIMEOUT="2s")
    mints = [("POST", "/sessions", {"body": {"identity": telegram()}}) for _ in range(8)]
    with contextlib.ExitStack() as crowd:
        with moves(
            service.http,
            "db_client_connection_pending_requests",
            "portcullis_db_queue",
            "portcullis_db_workers_busy",
            "portcullis_db_operations_refused_total",
            "portcullis_db_operations_blocked_total",
            "portcullis_db_operations_expired_total",
            again=lambda: ask_all(crowd, service, *mints),
        ):
            crowd.enter_context(database.locked("backend.accounts"))
            ask_all(crowd, service, *mints)


def test_look_ups_that_wait(narrow, database):
    service = narrow()
    look_up = ("GET", "/sessions/resolve", {"token": NEVER_MINTED})
    other = ("GET", "/sessions/resolve", {"token": mint(service)["token"]})
    with moves(service.http, "portcullis_session_cache_evictions_total"):
        for _ in range(4):
            mint(service)
    with contextlib.ExitStack() as crowd:
        with moves(
            service.http,
            "portcullis_session_cache_loads_in_flight",
            "portcullis_session_cache_loads_shared_total",
            "portcullis_session_cache_loads_refused_total",
        ):
            crowd.enter_context(database.locked("backend.sessions"))
            ask_all(crowd, service, look_up, look_up, other)


def test_a_log_that_cannot_be_read(narrow, database):
    service = narrow(BACKEND_REVOCATION_MAX_STALENESS="1s")
    token = mint(service)["token"]
    is_asked = re.compile('source="read_through"} [1-9]')
    with database.locked("backend.revocation_events"):
        with moves(service.http, "portcullis_session_cache_read_throughs_total"):
            eventually(lambda: is_asked.search(scrape_after_resolve(service, token)), "memory is not answered from")
        assert re.search(r"^portcullis_revocation_lease_remaining_seconds 0$", scrape(service.http), re.M)


def scrape_after_resolve(service, token):
    service.resolve(token)
    return scrape(service.http)


def test_an_edge_whose_service_is_away(database, new_service, new_edge):
    first, second = new_service(database).start(), new_service(database).start()
    edge = new_edge([first, second]).start()
    eventually(lambda: numbers(edge.http)["portcullis_edge_addresses_usable"] == 2, "both are known to answer")
    tells(edge.http, "portcullis_edge_addresses_usable")
    first.kill()
    with moves(edge.http, "portcullis_edge_requests_failed_total"):
        second.kill()


# What takes more than a client and a database to move: the test that does, and what of its text shows it.
ELSEWHERE = {
    "portcullis_canary_breaches_total": ("tests/e2e/test_canary.py", "test_a_follower_that_hears_late_tells_a_breach"),
    "portcullis_http_requests_short_of_memory_total": ("tests/e2e/test_memory_of_connections.py", "held_bytes"),
    "portcullis_rate_limit_evictions_total": ("tests/trust/rate_limiter_test.cpp", "evictions()"),
    "portcullis_session_cache_loads_dropped_total": ("tests/actors/session_cache_test.cpp", "loads_dropped"),
    "portcullis_revocation_subscribers_cut_total": ("tests/feed/hub_test.cpp", "count().cut"),
    "portcullis_db_operations_retried_total": ("tests/e2e/test_durability.py", "db_operations_retried_total"),
    "portcullis_edge_failovers_total": ("tests/edge/http_client_test.cpp", "failovers"),
    "portcullis_edge_requests_refused_total": ("tests/edge/http_client_test.cpp", "refused"),
    "portcullis_log_lines_dropped_total": ("tests/telemetry/log_test.cpp", "dropped_lines"),
}


def test_every_listed_number_is_moved_by_a_test():
    for file, text in ELSEWHERE.values():
        assert text in (DOCUMENT.parents[1] / file).read_text(), f"{text} in {file}"
    assert set(LISTED) == _moved | set(ELSEWHERE)
