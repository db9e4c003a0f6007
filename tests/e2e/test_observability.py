"""What operators are given in observability/: rules that promtool accepts and tests, alerts that have a runbook, a
dashboard whose panels ask for numbers that there are."""

import json
import pathlib
import re
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "observability/rules"
DASHBOARD = json.loads((ROOT / "observability/grafana/dashboards/portcullis.json").read_text())
LISTED = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs/metrics.md").read_text(), re.M))
OLD = set(re.findall(r"^\| `(\w+)` .* \| Deprecated", (ROOT / "docs/metrics.md").read_text(), re.M))

QUESTIONS = [
    "Is it up?",
    "Is it fast?",
    "Is anything stale?",
    "Who is being revoked?",
    "Is the database the bottleneck?",
    "What is about to run out?",
]


def rules(file):
    return [rule for group in yaml.safe_load((RULES / file).read_text())["groups"] for rule in group["rules"]]


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, cwd=RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def headings(document):
    found = re.findall(r"^#+ (.+)$", (ROOT / document).read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def expect_known(expression):
    """That what is asked for is a number of ours under its new name, or one that a rule records."""
    recorded = {rule["record"] for rule in rules("recording.yml")}
    for name in re.findall(r"\b(?:job:\w+(?::\w+)?|portcullis_\w+|http_server_\w+|db_client_\w+|process_\w+)", expression):
        if name in recorded or name in LISTED and name not in OLD:
            continue
        if re.search(rf"{name}\s*[,)=!]", expression) and name.count("_") < 4 and f'{name}="' in expression:
            continue  # a label
        stem = re.sub(r"_(bucket|sum|count)$", "", name)
        assert LISTED.get(stem) == "histogram" or name in ("db_operation_name", "db_client_connection_state"), name


def test_the_rules_are_valid_and_do_what_their_tests_say():
    assert "SUCCESS" in promtool("check", "rules", "recording.yml", "alerts.yml")
    promtool("test", "rules", "tests.yml")


def test_every_alert_has_a_test_and_a_runbook():
    tested = set(re.findall(r"alertname: (\w+)", (RULES / "tests.yml").read_text()))
    for alert in rules("alerts.yml"):
        assert alert["alert"] in tested
        assert alert["labels"]["severity"] in ("warning", "critical")
        document, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert anchor == alert["alert"].lower() and anchor in headings(document)


def test_rules_ask_for_numbers_that_there_are():
    for rule in rules("recording.yml") + rules("alerts.yml"):
        expect_known(rule["expr"])


def test_a_job_is_ours_by_whatever_release_it_is_called():
    """A Helm chart's job is its service's name: portcullis, or eu-portcullis."""
    asked = [rule["expr"] for rule in rules("alerts.yml")] + [t["expr"] for panel in panels() for t in panel["targets"]]
    for matcher in re.findall(r'job=~"(.*?)"', " ".join(asked)):
        assert all(re.fullmatch(matcher, job) for job in ("portcullis", "portcullis-edge", "eu-portcullis"))


def test_prometheus_accepts_the_configuration():
    promtool("check", "config", str(ROOT / "observability/prometheus.yml"))


def test_what_is_looked_at_is_in_the_compose_file():
    """Service and edge are scraped where they listen, and each part is called by the name that it has there."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    jobs = yaml.safe_load((ROOT / "observability/prometheus.yml").read_text())["scrape_configs"]
    scraped = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    assert scraped == {"portcullis": ["portcullis:8080"], "portcullis-edge": ["edge:8080"]}
    assert services["portcullis"]["environment"]["BACKEND_HTTP_ADDR"] == ":8080"
    assert services["edge"]["environment"]["GATEWAY_HTTP_ADDR"] == ":8080"
    files = [path for path in (ROOT / "observability").rglob("*.yml") if path.parent != RULES]
    named = {host for file in files for host in re.findall(r"(?:http://|endpoint: )([a-z]+):\d+", file.read_text())}
    assert {"prometheus", "jaeger"} <= named <= services.keys()


# -- the dashboard ---------------------------------------------------------------------------------------------


def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def test_the_dashboard_answers_the_questions_in_their_order():
    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == QUESTIONS


def test_the_dashboard_has_the_shape_that_grafana_reads():
    assert DASHBOARD["uid"] == "portcullis" and isinstance(DASHBOARD["schemaVersion"], int)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert set(place) == {"h", "w", "x", "y"} and place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells
    sources = yaml.safe_load((ROOT / "observability/grafana/provisioning/datasources/datasources.yml").read_text())
    known = {source["uid"] for source in sources["datasources"]}
    for panel in panels():
        assert panel["type"] in ("timeseries", "stat") and panel["title"] and panel["targets"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs))
        assert panel["datasource"]["uid"] in known
        assert all(target["datasource"]["uid"] in known and target["legendFormat"] for target in panel["targets"])


def test_panels_ask_for_numbers_that_there_are_in_expressions_that_prometheus_reads(tmp_path):
    expressions = [target["expr"] for panel in panels() for target in panel["targets"]]
    for expression in expressions:
        expect_known(expression)
    recorded = [
        {"record": f"panel:number_{i}", "expr": expression.replace("$__rate_interval", "1m")}
        for i, expression in enumerate(expressions)
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert f"{len(expressions)} rules found" in promtool("check", "rules", str(file))
