"""`/healthz`, `/readyz`, `/metrics`: what an orchestrator and Prometheus ask."""

import re

SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*",?)*\})? \S+')


def samples(http):
    """The samples of /metrics by name and labels, each line checked for its form."""
    lines = http.get("/metrics").body.decode().splitlines()
    values = {}
    for line in lines:
        if line and not line.startswith("#"):
            assert SAMPLE.fullmatch(line), f"not a sample: {line!r}"
            name, _, value = line.rpartition(" ")
            assert name not in values, f"{name} twice"
            values[name] = float(value)
    return values


def test_healthz_says_that_the_process_lives(http):
    assert http.get("/healthz").expect(200) == {"status": "ok"}


def test_readyz_names_every_check(http):
    answer = http.get("/readyz").expect(200)
    assert answer.keys() == {"status", "checks", "lag"}
    assert answer["status"] == "ready"
    assert answer["checks"] == {"database": "ok", "cache": "ok", "revocations": "ok"}
    assert 0 <= answer["lag"]["revocations_ms"] < 30_000


def test_metrics_are_prometheus_text(http):
    answer = http.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE " in answer.body.decode() and answer.body.endswith(b"\n")
    assert samples(http)


def test_metrics_count_requests(http):
    def requests_counted():
        return sum(v for name, v in samples(http).items() if re.search(r"http_.*requests_total", name))

    before = requests_counted()
    for _ in range(10):
        http.get("/healthz").expect(200)
    assert requests_counted() >= before + 10
