"""What `/metrics` tells, and what docs/metrics.md lists."""

import pathlib
import re

from waiting import eventually

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/metrics.md"
LISTED = dict(re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", DOCUMENT.read_text(), re.M))
SAMPLE = re.compile(r"(\w+)(\{.*\})? (\S+)")


def scrape(http, **headers):
    """Again when there was no time for it: on a machine that stands still, a service that is given little has none."""

    def told():
        answer = http.get("/metrics", headers=headers)
        assert answer.status == 200 or answer.status == 503 and answer.json["code"] == "deadline_exceeded"
        return answer.status == 200 and answer

    return eventually(told, "the numbers are told").body.decode()


def numbers(http):
    """Each listed number: the sum of its series; of a histogram, of its observations."""
    found = {}
    for line in scrape(http).splitlines():
        if line.startswith("#"):
            continue
        name, _, value = SAMPLE.fullmatch(line).groups()
        if name not in LISTED and name.endswith("_count"):
            name = name.removesuffix("_count")
        if name in LISTED:
            found[name] = found.get(name, 0) + float(value)
    return found
