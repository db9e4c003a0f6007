"""What traces tell below the server span: the wait for a connection, batches, loads, an edge's requests, the feed, sweeps."""

import hashlib

import pytest

from otlp import CALLER, TRACE, Collector, traced
from people import ANOTHER_NEVER_MINTED, email
from waiting import eventually


@pytest.fixture
def collector():
    with Collector() as running:
        yield running


def one(spans, name, **where):
    found = [s for s in spans if s.name == name and all(getattr(s, key) == value for key, value in where.items())]
    assert len(found) == 1, f"{name}: {[(s.name, s.kind) for s in spans]}"
    return found[0]


def names(spans):
    return sorted(span.name for span in spans)


def test_a_resolve_from_memory_has_no_span_but_its_own(exporting, collector):
    service = exporting(collector.url, "TRACES")
    minted = service.gateway.post("/sessions", body={"identity": email()}).expect(201)
    service.resolve(minted["token"]).expect(200)
    service.gateway.get("/sessions/resolve", token=minted["token"], headers=traced()).expect(200)
    service.stop()
    assert names(collector.trace(TRACE)) == ["GET /api/v1/internal/sessions/resolve"]


def test_a_load_and_its_batch(exporting, collector):
    service = exporting(collector.url, "TRACES")
    service.gateway.get("/sessions/resolve", token=ANOTHER_NEVER_MINTED, headers=traced())
    service.stop()
    spans = collector.trace(TRACE)
    server = one(spans, "GET /api/v1/internal/sessions/resolve", parent_id=CALLER)
    load = one(spans, "session cache load", parent_id=server.span_id, kind="internal")
    batch = one(spans, "find_session", parent_id=load.span_id, kind="client")
    assert batch.attributes == {"db.system.name": "postgresql", "db.operation.name": "find_session"}
    assert batch.links == [load.id]
    wait = one(spans, "db pool wait", parent_id=load.span_id, kind="internal")
    assert wait.attributes == {"db.client.connection.pool.name": "main"} and wait.links == [batch.id]
    assert server.began <= load.began <= wait.began <= wait.ended and batch.began < batch.ended <= server.ended
    assert len(spans) == 4


def test_a_change_and_its_batch(exporting, collector):
    service = exporting(collector.url, "TRACES")
    service.gateway.post("/sessions", body={"identity": email()}, headers=traced()).expect(201)
    service.stop()
    spans = collector.trace(TRACE)
    server = one(spans, "POST /api/v1/internal/sessions", parent_id=CALLER)
    batch = one(spans, "mint_for_identity", parent_id=server.span_id, kind="client")
    assert batch.links == [server.id]
    one(spans, "db pool wait", parent_id=server.span_id)


def test_a_batch_links_to_all_who_asked(exporting, collector):
    service = exporting(collector.url, "TRACES", BACKEND_POSTGRES_MAX_OPEN_CONNS="1")
    hashes = [hashlib.sha256(bytes([n])).hexdigest() for n in range(50)]
    service.gateway.post("/sessions/lookup", body={"hashes": hashes}, headers=traced()).expect(200)
    service.stop()
    spans = collector.trace(TRACE)
    loads = {span.id for span in spans if span.name == "session cache load"}
    assert len(loads) == 50
    batches = [span for span in spans if span.kind == "client"]
    assert sorted(link for batch in batches for link in batch.links) == sorted(loads)
    several = [batch for batch in batches if batch.name == "BATCH find_session"]
    assert several
    for batch in several:
        assert batch.attributes["db.operation.batch.size"] == len(batch.links) >= 2
        assert batch.attributes["db.operation.name"] == "BATCH find_session"
        assert (TRACE, batch.parent_id) in loads
    ends = {link for span in spans if span.name == "db pool wait" for link in span.links}
    assert ends == {batch.id for batch in batches}


def test_an_edge_passes_the_trace_on(exporting, exporting_edge, collector):
    service = exporting(collector.url, "TRACES")
    edge = exporting_edge(service, collector.url, "TRACES")
    edge.gateway.get("/sessions/resolve", token=ANOTHER_NEVER_MINTED, headers=traced())
    edge.stop()
    service.stop()
    spans = collector.trace(TRACE)
    at_edge = one(spans, "GET /api/v1/internal/sessions/resolve", parent_id=CALLER)
    load = one(spans, "session cache load", parent_id=at_edge.span_id)
    call = one(spans, "POST", parent_id=load.span_id, kind="client")
    assert call.links == [load.id]
    assert call.attributes == {
        "http.request.method": "POST",
        "url.full": f"http://127.0.0.1:{service.port}/api/v1/internal/sessions/lookup",
        "server.address": "127.0.0.1",
        "server.port": service.port,
        "http.response.status_code": 200,
    }
    at_service = one(spans, "POST /api/v1/internal/sessions/lookup", parent_id=call.span_id, kind="server")
    its_load = one(spans, "session cache load", parent_id=at_service.span_id)
    one(spans, "find_session", parent_id=its_load.span_id)


def test_tracestate_goes_all_the_way(exporting, exporting_edge, collector):
    service = exporting(collector.url, "TRACES")
    edge = exporting_edge(service, collector.url, "TRACES")
    headers = traced(tracestate="vendor=opaque,other=2")
    edge.gateway.get("/sessions/resolve", token=ANOTHER_NEVER_MINTED, headers=headers)
    edge.stop()
    service.stop()
    spans = collector.trace(TRACE)
    assert {"session cache load", "POST", "POST /api/v1/internal/sessions/lookup", "find_session"} <= set(names(spans))
    assert {span.trace_state for span in spans} == {"vendor=opaque,other=2"}


def test_a_tracestate_that_is_none_is_not_passed_on(exporting, exporting_edge, collector):
    service = exporting(collector.url, "TRACES")
    edge = exporting_edge(service, collector.url, "TRACES")
    for tracestate in ("no key", "k=" + "v" * 600, "a=1,a b"):
        headers = traced(tracestate=tracestate)
        edge.gateway.get("/sessions/resolve", token=ANOTHER_NEVER_MINTED, headers=headers)
    edge.stop()
    service.stop()
    assert {span.trace_state for span in collector.trace(TRACE)} == {""}


def test_an_edge_tells_of_a_service_that_is_away(exporting, exporting_edge, collector):
    service = exporting(collector.url, "TRACES")
    edge = exporting_edge(service, collector.url, "TRACES", GATEWAY_BACKEND_OPERATION_TIMEOUT="1s")
    service.stop()
    edge.gateway.get("/sessions/resolve", token=ANOTHER_NEVER_MINTED, headers=traced())
    edge.stop()
    spans = collector.trace(TRACE)
    assert one(spans, "session cache load")
    calls = [span for span in spans if span.name == "POST" and span.kind == "client"]
    assert all(call.attributes["error.type"] == "connection" and call.is_failed for call in calls)
    asked = one(spans, "GET /api/v1/internal/sessions/resolve", parent_id=CALLER)
    assert asked.attributes["error.type"] == "503" and asked.is_failed


def test_the_feed_is_published(exporting, collector):
    service = exporting(collector.url, "TRACES")
    minted = service.gateway.post("/sessions", body={"identity": email()}).expect(201)
    with service.subscribe() as stream:
        service.gateway.post("/sessions/revoke", token=minted["token"]).expect(200)
        stream.next_event()
    eventually(lambda: "feed publish" in names(collector.spans()), "the publication is told")
    span = one(collector.spans(), "feed publish")
    assert span.attributes == {"portcullis.feed.events": 1, "portcullis.feed.subscribers": 1}
    assert span.parent_id == ""


def test_a_sweep_and_its_stages(exporting, collector):
    service = exporting(collector.url, "TRACES")
    sweep_now = {"dry_run": False}
    service.http.post("/api/v1/admin/reaper/run", body=sweep_now, headers=traced()).expect(200)
    service.stop()
    spans = collector.trace(TRACE)
    server = one(spans, "POST /api/v1/admin/reaper/run")
    sweep = one(spans, "sweep", parent_id=server.span_id)
    stages = {span.name: span for span in spans if span.parent_id == sweep.span_id}
    assert sorted(stages) == [f"sweep {what}" for what in ("audit", "clock", "events", "generations", "guests", "sessions")]
    for stage, operation in {"sweep clock": "read_clock", "sweep guests": "reap_guests", "sweep audit": "prune_audit"}.items():
        one(spans, operation, parent_id=stages[stage].span_id, kind="client")


def test_what_is_not_sampled_has_no_spans(exporting, collector):
    service = exporting(collector.url, "TRACES")
    service.gateway.post("/sessions", body={"identity": email()}, headers=traced(is_sampled=False)).expect(201)
    service.stop()
    assert collector.trace(TRACE) == []


@pytest.mark.parametrize("is_from_outside", [True, False])
def test_an_edge_passes_on_that_a_trace_is_not_recorded(exporting, exporting_edge, collector, is_from_outside):
    service = exporting(collector.url, "TRACES")
    none = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    edge = exporting_edge(service, collector.url, "TRACES", **({} if is_from_outside else none))
    headers = traced(is_sampled=False) if is_from_outside else {}
    edge.gateway.get("/sessions/resolve", token=ANOTHER_NEVER_MINTED, headers=headers).expect_problem(401, "session_unknown")
    edge.stop()
    service.stop()
    assert not {name for name in names(collector.spans()) if "lookup" in name or "find_session" in name}


def test_a_tracestate_may_come_in_several_lines(exporting, collector):
    service = exporting(collector.url, "TRACES")
    with service.connect() as connection:
        lines = [("Host", "x"), *traced().items(), ("tracestate", "a=1,b=2"), ("tracestate", "c=3")]
        connection.send(b"GET /healthz HTTP/1.1\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in lines) + b"\r\n")
        assert connection.read_response().status == 200
    service.stop()
    assert [span.trace_state for span in collector.trace(TRACE)] == ["a=1,b=2,c=3"]


@pytest.mark.parametrize(
    "method, told, original",
    [("TRACE", "TRACE", None), ("BREW", "_OTHER", "BREW"), ("get", "_OTHER", None), ("pcs_0secret", "_OTHER", None)],
)
def test_a_method_is_told_by_the_conventions(exporting, collector, method, told, original):
    service = exporting(collector.url, "TRACES")
    service.http.request(method, "/healthz", headers=traced()).expect(405)
    service.stop()
    (span,) = collector.trace(TRACE)
    assert span.name == ("HTTP" if told == "_OTHER" else told)
    assert span.attributes["http.request.method"] == told
    assert span.attributes.get("http.request.method_original") == original
