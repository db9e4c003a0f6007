"""OpenTelemetry's own variables, as a process takes them: for all signals alike, and named where they cannot be used."""

import base64
import hashlib

import pytest

from otlp import TRACE, Collector, traced
from people import email
from waiting import eventually

SIGNALS = ("TRACES", "METRICS", "LOGS")


@pytest.fixture
def collector():
    with Collector() as running:
        yield running


def paths(collector):
    return {path for path, _ in collector.taken}


def everything(exporting, collector, url, **settings):
    """What all three signals send for one request."""
    service = exporting(url, *SIGNALS, BACKEND_ACCESS_LOG="full", **settings)
    service.http.get("/healthz", headers=traced()).expect(200)
    eventually(lambda: len(paths(collector)) >= 3, "each signal is sent")
    service.stop()
    return service


@pytest.mark.parametrize("base", ["/", "/base", "/base/"])
def test_each_signal_goes_below_the_address_of_all(exporting, collector, base):
    everything(exporting, collector, collector.url + base)
    assert paths(collector) == {f"{base.rstrip('/')}/v1/{signal}" for signal in ("traces", "metrics", "logs")}


def test_header_fields_and_who_the_address_names(exporting, collector):
    address = collector.url.replace("//", "//user:p%40ss@")
    service = everything(
        exporting, collector, address, OTEL_EXPORTER_OTLP_HEADERS=" x-a = one%20%25 , x-b=2", OTEL_EXPORTER_OTLP_TRACES_HEADERS="x-b=3"
    )
    credentials = base64.b64encode(b"user:p@ss").decode()
    assert {h["Authorization"] for h in collector.headers} == {f"Basic {credentials}"}
    assert {h["x-a"] for h in collector.headers} == {"one %"}
    assert {h["x-b"] for h in collector.headers} == {"2", "3"}
    assert "p@ss" not in service.log and "p%40ss" not in service.log and credentials not in service.log


@pytest.mark.parametrize(
    "variable, value",
    [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://user:secret@127.0.0.1:99999"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret%0d%0ax: y"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=1,secret"),
        ("OTEL_SDK_DISABLED", "yes"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_rest_goes_on(exporting, collector, variable, value):
    service = exporting(collector.url, "TRACES", "LOGS", **{variable: value})
    service.http.get("/healthz", headers=traced()).expect(200)
    service.stop()
    assert service.log.count(f'msg="unusable variable" service=portcullis name={variable}') == 1
    assert "secret" not in service.log
    assert collector.trace(TRACE)


def test_the_time_of_a_request_is_of_milliseconds(exporting):
    with Collector(delay_s=0.6) as slow:
        service = exporting(slow.url, "TRACES", OTEL_EXPORTER_OTLP_TIMEOUT="200")
        service.http.get("/healthz", headers=traced()).expect(200)
        service.stop()
        assert "the collector does not answer" in service.log


def test_attributes_of_the_process_are_decoded_and_tell_processes_apart(exporting, collector):
    for _ in range(2):
        service = exporting(collector.url, "TRACES", OTEL_RESOURCE_ATTRIBUTES=" team = a%20b ,empty=")
        service.http.get("/healthz", headers=traced()).expect(200)
        service.stop()
    resources = collector.resources()
    assert {resource["team"] for resource in resources} == {"a b"} and {r["empty"] for r in resources} == {""}
    assert len({resource["service.instance.id"] for resource in resources}) == 2


def test_the_limits_of_a_span(exporting, collector):
    limits = {"OTEL_SPAN_LINK_COUNT_LIMIT": "1", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "2", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "4"}
    service = exporting(collector.url, "TRACES", BACKEND_POSTGRES_MAX_OPEN_CONNS="1", **limits)
    hashes = [hashlib.sha256(bytes([n])).hexdigest() for n in range(50)]
    service.gateway.post("/sessions/lookup", body={"hashes": hashes}, headers=traced()).expect(200)
    service.stop()
    spans = collector.trace(TRACE)
    assert max(len(span.links) for span in spans) == 1
    assert sum(span.dropped_links for span in spans if span.kind == "client") == 50 - len([s for s in spans if s.kind == "client"])
    (server,) = [span for span in spans if span.kind == "server"]
    assert server.attributes == {"http.request.method": "POST", "url.scheme": "http"}
    assert server.dropped_attributes == 3
    assert {value for span in spans for value in span.attributes.values()} >= {"post"}


def test_lines_on_the_standard_output_say_what_was_said(exporting, new_service, database):
    exporting("http://127.0.0.1:9").stop()  # skips without the SDK
    service = new_service(database, BACKEND_OTEL_LOGS_EXPORTER="stdout", BACKEND_ACCESS_LOG="full").start()
    for n in range(20):
        service.gateway.post("/sessions", body={"identity": email()}, headers={"X-Request-Id": f"own-{n}"}).expect(201)
    service.stop()
    for n in range(20):
        assert f"request_id: own-{n}\n" in service.log


def test_a_collector_that_rejects_some_is_told_of(exporting):
    why = b"no\nroom"
    partial = b"\x08\x07\x12" + bytes([len(why)]) + why  # rejected_spans and error_message
    with Collector(body=b"\x0a" + bytes([len(partial)]) + partial) as collector:
        service = exporting(collector.url, "TRACES")
        service.http.get("/healthz", headers=traced()).expect(200)
        service.stop()
        assert len(collector.trace(TRACE)) == 1  # what is rejected is not sent again
        assert r'detail="spans: the collector rejects 7: no\nroom"' in service.log


@pytest.mark.parametrize("body", [b"garbage", b"\x0a\xff\xff\xff\xff\x0f", b"x" * 2_000_000], ids=["garbage", "cut", "huge"])
def test_what_a_collector_answers_beside_its_status_does_no_harm(exporting, body):
    with Collector(body=body) as collector:
        service = exporting(collector.url, "TRACES")
        for _ in range(2):
            service.http.get("/healthz", headers=traced()).expect(200)
            eventually(lambda: collector.trace(TRACE), "it is sent")
        service.stop()
        assert len(collector.trace(TRACE)) == 2
