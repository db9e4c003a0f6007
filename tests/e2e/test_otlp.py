"""What a collector gets: spans and metrics under the names of OpenTelemetry's conventions, and nothing secret; and what the
service does when a collector is slow, dead, or refuses."""

import json
import ssl
import time

import pytest

from otlp import CALLER, TRACE, Collector, traced
from people import ANOTHER_NEVER_MINTED, email
from service import free_port
from tls import Authority
from waiting import eventually

# From the conventions' model/http/metrics.yaml, model/db/metrics.yaml and model/process/metrics.yaml.
CONVENTIONS = {
    "http.server.request.duration": ("histogram", "s"),
    "http.server.active_requests": ("updowncounter", "{request}"),
    "db.client.operation.duration": ("histogram", "s"),
    "db.client.connection.count": ("updowncounter", "{connection}"),
    "db.client.connection.max": ("updowncounter", "{connection}"),
    "db.client.connection.idle.max": ("updowncounter", "{connection}"),
    "db.client.connection.pending_requests": ("updowncounter", "{request}"),
    "db.client.connection.wait_time": ("histogram", "s"),
    "process.cpu.time": ("counter", "s"),
    "process.memory.usage": ("updowncounter", "By"),
    "process.memory.virtual": ("updowncounter", "By"),
    "process.thread.count": ("updowncounter", "{thread}"),
    "process.unix.file_descriptor.count": ("updowncounter", "{file_descriptor}"),
}


def test_a_server_span_by_the_conventions(exporting):
    with Collector() as collector:
        service = exporting(collector.url, "TRACES", OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test")
        service.gateway.get("/sessions/resolve", token=ANOTHER_NEVER_MINTED, headers=traced()).expect_problem(
            401, "session_unknown"
        )
        service.stop()
        (span,) = [span for span in collector.trace(TRACE) if span.kind == "server"]
        assert (span.parent_id, span.kind) == (CALLER, "server")
        assert span.name == "GET /api/v1/internal/sessions/resolve"
        assert span.attributes == {
            "http.request.method": "GET",
            "http.route": "/api/v1/internal/sessions/resolve",
            "http.response.status_code": 401,
            "url.scheme": "http",
            "network.protocol.version": "1.1",
        }
        resource = collector.resource()
        assert resource["service.name"] == "portcullis" and resource["deployment.environment.name"] == "test"


def test_metrics_by_the_conventions(exporting):
    with Collector() as collector:
        service = exporting(collector.url, "METRICS")
        service.gateway.post("/sessions", body={"identity": email()}).expect(201)
        with service.connect() as waiting:
            waiting.send_request("GET", "/api/v1/internal/revocations?wait=30")
            eventually(lambda: CONVENTIONS.keys() <= collector.metrics().keys(), "all are sent")
        metrics = collector.metrics()
        told = {name: (metric.kind, metric.unit) for name, metric in metrics.items() if name in CONVENTIONS}
        assert told == CONVENTIONS
        assert not [name for name in metrics if not name.startswith(("http.", "db.", "process.", "portcullis."))]
        assert {"http.request.method", "http.route", "http.response.status_code", "url.scheme"} <= set().union(
            *metrics["http.server.request.duration"].labels
        )
        statuses = {labels["http.response.status_code"] for labels in metrics["http.server.request.duration"].labels}
        assert 201 in statuses and all(isinstance(status, int) for status in statuses)
        assert all(
            labels["db.system.name"] == "postgresql" for labels in metrics["db.client.operation.duration"].labels
        )


@pytest.mark.parametrize("role", ["service", "edge"])
def test_the_last_numbers_are_sent_at_the_stop(exporting, exporting_edge, role):
    seldom = {"OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
    with Collector() as collector:
        asked = exporting(collector.url, *(["METRICS"] if role == "service" else []), **seldom)
        if role == "edge":
            asked = exporting_edge(asked, collector.url, "METRICS", **seldom)
        assert asked.http.get("/metrics").status == 200
        asked.stop()
        routes = [labels.get("http.route") for labels in collector.metrics()["http.server.request.duration"].labels]
        assert "/metrics" in routes


def test_nothing_secret_is_sent(exporting):
    planted = "plantedsecret"
    with Collector() as collector:
        service = exporting(collector.url, "TRACES", "METRICS", "LOGS", BACKEND_ACCESS_LOG="full")
        person = email()
        minted = service.gateway.post(
            "/sessions",
            body={"identity": person, "display_name": planted, "device": {"label": planted}},
            headers=traced(**{"User-Agent": planted, "tracestate": "v=1"}),
        ).expect(201)
        service.resolve(minted["token"]).expect(200)
        strayed = {"tracestate": f"v={minted['token']}", "X-Request-Id": minted["token"], "baggage": minted["token"]}
        service.gateway.get("/sessions/resolve", token=ANOTHER_NEVER_MINTED, headers=traced(**strayed))
        service.http.get(f"/api/v1/internal/accounts/{planted}?external_id={planted}", headers=traced())
        service.http.get(f"/{planted}", headers=traced())
        service.gateway.post(f"/sessions/revoke?reason={planted}", token=minted["token"]).expect(200)
        service.stop()
        assert collector.spans() and collector.metrics() and collector.logs()
        sent = b"".join(collector.raw)
        for secret in (planted, minted["token"], minted["token"][4:20], person["external_id"]):
            assert secret.encode() not in sent and secret not in service.log


@pytest.mark.parametrize("sampler, expected", [("parentbased_always_off", 0), ("always_off", 0), ("always_on", 1)])
def test_the_sampler_is_as_the_standard_variable_says(exporting, sampler, expected):
    with Collector() as collector:
        service = exporting(collector.url, "TRACES", OTEL_TRACES_SAMPLER=sampler)
        service.http.get("/healthz", headers={"X-Request-Id": "own"})
        service.stop()
        assert min(len(collector.spans()), 1) == expected


def test_a_disabled_sdk_sends_nothing(exporting):
    with Collector() as collector:
        service = exporting(collector.url, "TRACES", "METRICS", "LOGS", OTEL_SDK_DISABLED="true")
        service.http.get("/healthz", headers=traced()).expect(200)
        service.stop()
        assert collector.requests == 0


def test_spans_are_sent_as_the_standard_variables_say(exporting):
    with Collector() as collector:
        service = exporting(
            collector.url,
            "TRACES",
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
            OTEL_EXPORTER_OTLP_HEADERS="x-tenant=one%20of%20many",
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/own/traces",
        )
        service.http.get("/healthz", headers=traced()).expect(200)
        service.stop()
        assert [span.name for span in collector.trace(TRACE, "/own/traces")] == ["GET /healthz"]
        for headers in collector.headers:
            assert headers["Content-Type"] == "application/x-protobuf"
            assert headers["Content-Encoding"] == "gzip" and headers["x-tenant"] == "one of many"


def test_spans_are_sent_as_json(exporting):
    with Collector() as collector:
        service = exporting(collector.url, "TRACES", OTEL_EXPORTER_OTLP_PROTOCOL="http/json")
        service.http.get("/healthz", headers=traced()).expect(200)
        service.stop()
        sent = [span for body in collector.raw for span in json.loads(body)["resourceSpans"][0]["scopeSpans"][0]["spans"]]
        (span,) = [span for span in sent if span["traceId"] == TRACE]
        assert (span["name"], span["parentSpanId"]) == ("GET /healthz", CALLER)


def test_a_collector_behind_tls_is_shown_a_certificate_and_has_to_show_one(exporting, tmp_path):
    authority, another = Authority(tmp_path), Authority(tmp_path, "another authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("collector", "IP:127.0.0.1"))
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    certificate, key = authority.issue("service", "DNS:service")
    own = {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certificate), "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(key)}
    with Collector(tls=context) as collector:
        for trusted, is_taken in ((another, False), (authority, True)):
            service = exporting(
                collector.url, "TRACES", OTEL_EXPORTER_OTLP_CERTIFICATE=str(trusted.certificate), **own
            )
            service.http.get("/healthz", headers=traced()).expect(200)
            service.stop()
            assert len(collector.trace(TRACE)) == is_taken
            assert ("does not answer" in service.log) is not is_taken


@pytest.mark.parametrize("status", [429, 503])
def test_a_collector_that_asks_for_time_gets_it_and_the_spans_once(exporting, status):
    later = (status, {"Retry-After": "1"})
    with Collector(refusals={"/v1/traces": [later, later]}) as collector:
        service = exporting(collector.url, "TRACES")
        service.http.get("/healthz", headers=traced()).expect(200)
        eventually(lambda: collector.trace(TRACE), "the spans arrive")
        service.http.get("/readyz", headers=traced()).expect(200)
        eventually(lambda: len(collector.trace(TRACE)) >= 2, "and those of later")
        service.stop()
        assert [span.name for span in collector.trace(TRACE)] == ["GET /healthz", "GET /readyz"]
        (_, first, first_at), (_, second, second_at) = collector.refused
        assert first == second == collector.raw[0]
        assert second_at - first_at >= 1 and collector.taken_at[0] - second_at >= 1


def test_lines_of_the_log_wait_for_a_collector_too(exporting):
    with Collector(refusals={"/v1/logs": [(503, {})]}) as collector:
        service = exporting(collector.url, "LOGS", BACKEND_ACCESS_LOG="full")
        service.http.get("/healthz", headers={"X-Request-Id": "own"}).expect(200)
        eventually(lambda: [r for r in collector.logs() if r.attributes.get("request_id") == "own"], "the line arrives")
        service.stop()
        assert len([r for r in collector.logs() if r.attributes.get("request_id") == "own"]) == 1
        assert collector.refused[0][1] in collector.raw


def test_what_is_refused_for_good_is_not_sent_again(exporting):
    with Collector(refusals={"/v1/traces": [(400, {"Retry-After": "1"})]}) as collector:
        service = exporting(collector.url, "TRACES")
        service.http.get("/healthz", headers=traced()).expect(200)
        eventually(lambda: collector.refused, "it is refused")
        service.http.get("/readyz", headers=traced()).expect(200)
        service.stop()
        assert collector.refused[0][1] not in collector.raw


def test_the_stop_waits_for_no_collector(exporting):
    with Collector(refusals={"/v1/traces": [(429, {"Retry-After": "3600"})]}) as collector:
        service = exporting(collector.url, "TRACES")
        service.http.get("/healthz", headers=traced()).expect(200)
        eventually(lambda: collector.refused, "it is refused")
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 30
        assert collector.refused[0][1] in collector.raw  # asked once more, for the last time


@pytest.mark.parametrize("kind", ["slow", "dead", "refusing"])
def test_a_collector_that_does_not_take_delays_nobody(exporting, kind):
    collector = Collector(status=429 if kind == "refusing" else 200, delay_s=30 if kind == "slow" else 0)
    with collector:
        url = f"http://127.0.0.1:{free_port()}" if kind == "dead" else collector.url
        few = {"OTEL_BSP_MAX_QUEUE_SIZE": "50", "OTEL_BLRP_MAX_QUEUE_SIZE": "50", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}
        at_once = {"BACKEND_SHUTDOWN_DELAY": "0s", "BACKEND_SHUTDOWN_TIMEOUT": "0s"}
        service = exporting(url, "TRACES", "METRICS", "LOGS", BACKEND_ACCESS_LOG="full", **few, **at_once)
        if kind != "dead":
            eventually(lambda: collector.requests > 0, "the collector is asked")
        with service.connect() as connection:
            for _ in range(2000):
                assert connection.request("GET", "/healthz", headers=traced()).status == 200
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 30  # its bound is a few seconds; the service's own would be a minute
        assert service.log.count('msg="telemetry export"') < 100  # dropped were thousands
