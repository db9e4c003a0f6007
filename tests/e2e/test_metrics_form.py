"""The page of /metrics, of a service and of an edge: listed in docs/metrics.md, and well-formed."""

import re
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from metrics_page import DOCUMENT, LISTED, scrape
from people import NEVER_MINTED, telegram

OPEN_METRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}


@pytest.fixture(params=["service", "edge"])
def told(request, service, edge):
    service.gateway.post("/sessions", body={"identity": telegram()}).expect(201)
    for each in (service, edge):
        each.resolve(NEVER_MINTED)
    return {"service": service, "edge": edge}[request.param].http


def test_what_is_told_is_listed(told):
    text = scrape(told)
    names = set(re.findall(r"^# TYPE (\w+)", text, re.M))
    assert names and names <= set(LISTED)
    listed = set(re.findall(r"`(\w+)`", DOCUMENT.read_text().partition("\n## Labels\n")[2]))
    assert set(re.findall(r'[{,](\w+)="', text)) - {"le"} <= listed


def test_a_service_and_an_edge_tell_their_version(told, service):
    version = service.http.get("/api/v1/public/version").expect(200)["version"]
    assert f'\nportcullis_build_info{{version="{version}"}} 1\n' in scrape(told)


def test_promtool_finds_nothing_to_complain_of(told):
    checked = subprocess.run(["promtool", "check", "metrics"], input=scrape(told), capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_open_metrics_is_told_to_whoever_asks_for_it(told):
    answer = told.get("/metrics", headers=OPEN_METRICS)
    assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    text = answer.body.decode()
    assert text.endswith("\n# EOF\n")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["http_server_request_duration_seconds"].unit == "seconds"
    assert families["portcullis_sessions_resolved"].type == "counter"
    for accept in ("text/plain", "*/*", "application/openmetrics-text;q=0", None):
        assert told.get("/metrics", headers={"Accept": accept}).headers["Content-Type"].startswith("text/plain")


def test_an_old_name_says_so(told):
    text = scrape(told)
    for name in re.findall(r"^\| `(\w+)` .* \| Deprecated", DOCUMENT.read_text(), re.M):
        if f"# TYPE {name} " in text:
            assert re.search(rf"^# HELP {name} Deprecated, gone with the next release: use \w+\. ", text, re.M)


def test_nothing_from_outside_becomes_a_label(service):
    planted = "plantedxyz"
    service.http.get(f"/{planted}", headers={"X-Request-Id": planted, "User-Agent": planted})
    service.http.request(planted.upper(), "/healthz")
    service.gateway.get(f"/accounts/{planted}")
    service.gateway.post("/sessions/revoke", body={"reason": planted}, token=NEVER_MINTED)
    series = set(re.findall(r"^(\w+\{.*?\}) ", scrape(service.http), re.M))
    assert not [one for one in series if planted in one.lower()]
    for i in range(20):
        service.http.get(f"/{planted}/{i}")
    assert set(re.findall(r"^(\w+\{.*?\}) ", scrape(service.http), re.M)) == series
