"""A Prometheus of Debian's on a free loopback port, with the rules of this repository."""

import json
import pathlib
import shutil
import subprocess
import urllib.parse
import urllib.request

from http_client import HANG_S
from needs import need
from service import ROOT, free_port
from waiting import eventually

RULES = ROOT / "observability/rules"
INTERVAL = "200ms"

# The alerts of the repository wait for minutes; a test does not. Each must be in the rules as it stands on the left.
HASTE = {"for: 15s": "for: 1s", "portcullis_revocation_log_age_seconds > 10": "portcullis_revocation_log_age_seconds > 1"}


class Prometheus:
    """`jobs`: for each job, its targets: anything with a `port`."""

    def __init__(self, directory, jobs):
        need(shutil.which("prometheus"), "prometheus")
        self.directory = pathlib.Path(directory) / "prometheus"
        self.directory.mkdir()
        self.port = free_port()
        self._process = None
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._write_rules()
        config = {
            "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL},
            "rule_files": ["recording.yml", "alerts.yml"],
            "scrape_configs": [
                {
                    "job_name": job,
                    "scrape_interval": INTERVAL,
                    "static_configs": [{"targets": [f"127.0.0.1:{each.port}" for each in targets]}],
                }
                for job, targets in jobs.items()
            ],
        }
        (self.directory / "prometheus.yml").write_text(json.dumps(config))  # which is YAML

    def _write_rules(self):
        for path in (RULES / "recording.yml", RULES / "alerts.yml"):
            text = path.read_text()
            for slow, hasty in HASTE.items():
                assert path.name != "alerts.yml" or slow in text
                text = text.replace(slow, hasty)
            (self.directory / path.name).write_text(text)

    def __enter__(self):
        with open(self.directory / "log", "wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self.directory}/prometheus.yml",
                    f"--storage.tsdb.path={self.directory}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    "--enable-feature=exemplar-storage",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(self._is_ready, f"Prometheus is ready: {self.directory}/log")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(HANG_S)

    def _is_ready(self):
        assert self._process.poll() is None, (self.directory / "log").read_text()
        try:
            return self._get("/-/ready") is not None
        except OSError:  # an answer that is none, too
            return False

    def _get(self, path):
        with self._opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=HANG_S) as answer:
            return answer.read()

    def _ask(self, path):
        return json.loads(self._get(f"/api/v1{path}"))["data"]

    def targets(self):
        """The health of each target by its address, and what was wrong with the last scrape."""
        found = self._ask("/targets")["activeTargets"]
        return {each["labels"]["instance"]: (each["health"], each["lastError"]) for each in found}

    def query(self, expression):
        """The values by their labels, as pairs of a dict and a number."""
        found = self._ask("/query?query=" + urllib.parse.quote(expression))["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def query_range(self, expression, begin, end, step_s):
        """The points by their series' labels, as pairs of a dict and a list of times and numbers."""
        parameters = urllib.parse.urlencode({"query": expression, "start": begin, "end": end, "step": step_s})
        found = self._ask(f"/query_range?{parameters}")["result"]
        return [(each["metric"], [(at, float(value)) for at, value in each["values"]]) for each in found]

    def firing(self, alert):
        """The instances for which the alert fires."""
        return {
            each["labels"].get("instance")
            for each in self._ask("/alerts")["alerts"]
            if each["labels"]["alertname"] == alert and each["state"] == "firing"
        }
