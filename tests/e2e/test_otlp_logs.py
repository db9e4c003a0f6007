"""The log at a collector: what each record says, and to which trace it belongs."""

from otlp import TRACE, Collector, traced
from people import email
from waiting import eventually

INFO = 9


def test_lines_are_sent_with_their_traces(exporting):
    with Collector() as collector:
        service = exporting(collector.url, "TRACES", "LOGS")
        service.gateway.post("/sessions", body={"identity": email()}, headers=traced(**{"X-Request-Id": "own"})).expect(201)
        service.stop()
        (record,) = [r for r in collector.logs() if r.attributes.get("request_id") == "own"]
        assert (record.body, record.severity) == ("request", INFO)
        assert record.attributes["route"] == "mint_session" and record.attributes["status"] == 201
        (server,) = [span for span in collector.trace(TRACE) if span.kind == "server"]
        assert (record.trace_id, record.span_id) == server.id
        assert "trace_id" not in record.attributes
        assert 'request_id=own' in service.log  # standard error has it, too
        assert collector.resource()["service.name"] == "portcullis"


def test_only_what_the_level_lets_through_is_sent(exporting):
    with Collector() as collector:
        service = exporting(collector.url, "LOGS", BACKEND_LOG_LEVEL="info")
        service.http.get("/healthz", headers={"X-Request-Id": "quiet"}).expect(200)
        service.gateway.post("/sessions", body={"identity": email()}, headers={"X-Request-Id": "loud"}).expect(201)
        eventually(lambda: any(r.attributes.get("request_id") == "loud" for r in collector.logs()), "it is sent")
        assert not [r for r in collector.logs() if r.attributes.get("request_id") == "quiet"]


def test_an_edge_sends_its_log(exporting, exporting_edge):
    with Collector() as collector:
        edge = exporting_edge(exporting(collector.url), collector.url, "LOGS", GATEWAY_ACCESS_LOG="full")
        edge.http.get("/healthz", headers={"X-Request-Id": "own"}).expect(200)
        eventually(lambda: any(r.attributes.get("request_id") == "own" for r in collector.logs()), "it is sent")
