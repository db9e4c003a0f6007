"""The log as those who collect it read it: its forms, which requests are told, and why some failed."""

import json
import re

import pytest

from http_client import encode_request
from needs import need
from people import NEVER_MINTED, telegram
from waiting import eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def lines(service, message):
    """The fields of each line with that message; of a service that logs JSON."""
    found = [json.loads(line) for line in service.log.splitlines()]
    return [fields for fields in found if fields["msg"] == message]


@pytest.fixture
def told(database, new_service):
    """Starts a service that logs JSON."""

    def start(**settings):
        return new_service(database, BACKEND_LOG_FORMAT="json", **{"BACKEND_LOG_LEVEL": "info", **settings}).start()

    return start


def test_every_line_is_json_whatever_comes_from_outside(told):
    service = told(BACKEND_LOG_LEVEL="debug")
    planted = 'x","level":"error","msg":"forged'
    with service.connect() as connection:
        for header in ("X-Request-Id", "User-Agent", "X-Caller-Key", "traceparent"):
            connection.send(encode_request("GET", "/healthz", headers={header: planted}))
            assert connection.read_response().status == 200
    minted = service.gateway.post("/sessions", body={"identity": telegram()}).expect(201)
    service.gateway.post("/sessions/revoke", body={"reason": planted}, token=minted["token"]).expect(200)
    service.stop()
    found = [json.loads(line) for line in service.log.splitlines()]
    assert found and all({"ts", "level", "msg", "service"} <= fields.keys() for fields in found)
    assert {"starting", "listening", "request", "stopped"} <= {fields["msg"] for fields in found}
    assert "forged" not in service.log


def test_the_access_log_is_off_by_default(told):
    service = told()
    for _ in range(3):
        service.http.get("/healthz").expect(200)
    service.gateway.post("/sessions", body={"identity": telegram()}).expect(201)
    service.stop()
    told_of = [fields["route"] for fields in lines(service, "request") if fields["level"] == "info"]
    assert told_of == ["mint_session"]  # failures, a probe before it was ready for one, are warnings


def test_a_full_access_log_tells_every_answer(told):
    service = told(BACKEND_ACCESS_LOG="full")
    for _ in range(3):
        service.http.get("/healthz", headers={"X-Request-Id": "mine"}).expect(200)
    service.resolve(NEVER_MINTED).expect_problem(401, "session_unknown")
    service.stop()
    mine = [fields for fields in lines(service, "request") if fields["request_id"] == "mine"]
    assert len(mine) == 3
    assert all(fields["level"] == "info" and fields["status"] == 200 and fields["took_us"] >= 0 for fields in mine)
    assert [f["status"] for f in lines(service, "request") if f["route"] == "resolve_session"] == [401]


def test_a_sampled_access_log_tells_one_in_a_while_and_how_many_it_passed_over(told):
    service = told(BACKEND_ACCESS_LOG="sampled")
    asked = 0
    with service.connect() as connection:

        def has_passed_over():
            nonlocal asked
            for _ in range(20):
                assert connection.request("GET", "/healthz").status == 200
                asked += 1
            return sum(fields.get("passed_over", 0) for fields in lines(service, "request")) > 0

        eventually(has_passed_over, "a sample says how many it stands for")
    told_of = lines(service, "request")
    assert len(told_of) < asked


def test_a_failure_is_told_once_in_a_while_with_its_sqlstate(told, database):
    service = told()
    database.execute("alter table backend.sessions rename to hidden")
    try:
        for _ in range(5):
            service.gateway.post("/sessions", body={"identity": telegram()}).expect_problem(500, "internal")
    finally:
        database.execute("alter table backend.hidden rename to sessions")
    service.stop()
    failures = lines(service, "request failed")
    assert {(f["code"], f["sqlstate"], f["level"], f["route"]) for f in failures} == {
        ("internal", "42P01", "error", "mint_session")
    }
    assert len(failures) < 5  # one, unless the machine stands still
    assert len([fields for fields in lines(service, "request") if fields["status"] == 500]) == 5


def test_lines_of_a_traced_request_name_the_trace(told):
    try:
        service = told(
            BACKEND_ACCESS_LOG="full",
            BACKEND_OTEL_TRACES_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        )
    except AssertionError as failed:
        need("no OpenTelemetry" not in str(failed), "the OpenTelemetry SDK")
        raise
    service.http.get("/healthz", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "X-Request-Id": "traced"})
    service.stop()
    (line,) = [fields for fields in lines(service, "request") if fields["request_id"] == "traced"]
    assert line["trace_id"] == TRACE and re.fullmatch("[0-9a-f]{16}", line["span_id"])
    assert line["span_id"] != "00f067aa0ba902b7"
