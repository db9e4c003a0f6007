"""The operators' console: its files over HTTP, and every page in a browser."""

import gzip
import re
import subprocess

import pytest

from http_client import HANG_S
from needs import need
from people import telegram

SESSIONS_OF_ONE = 100_000


@pytest.fixture(scope="module", autouse=True)
def is_built(service):
    need(service.http.get("/console/").status == 200, "a build with the console")


def test_the_page_is_protected(service):
    answer = service.http.get("/console/")
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    page = answer.body.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page)


def brotli_decompressed(data):
    """By Node.js, which the console was built with."""
    script = "process.stdout.write(require('zlib').brotliDecompressSync(require('fs').readFileSync(0)))"
    return subprocess.run(["node", "-e", script], input=data, stdout=subprocess.PIPE, check=True, timeout=HANG_S).stdout


def test_files_are_kept_by_browsers_and_compressed(service):
    page = service.http.get("/console/")
    assert page.headers["Cache-Control"] == "no-cache"
    names = re.findall(r'(?:src|href)="([^":]+)"', page.body.decode())
    assert len(names) == 2
    for name in names:
        plain = service.http.get(f"/console/{name}")
        packed = service.http.get(f"/console/{name}", headers={"Accept-Encoding": "gzip"})
        assert gzip.decompress(packed.body) == plain.body
        assert "immutable" in plain.headers["Cache-Control"]
        squeezed = service.http.get(f"/console/{name}", headers={"Accept-Encoding": "gzip, deflate, br"})
        assert squeezed.headers["Content-Encoding"] == "br" and squeezed.headers["Vary"] == "Accept-Encoding"
        assert brotli_decompressed(squeezed.body) == plain.body and len(squeezed.body) < len(packed.body)
        assert len({answer.headers["ETag"] for answer in (plain, packed, squeezed)}) == 3
        tagged = {"Accept-Encoding": "br", "If-None-Match": squeezed.headers["ETag"]}
        assert service.http.get(f"/console/{name}", headers=tagged).status == 304
        again = service.http.get(f"/console/{name}", headers={"If-None-Match": plain.headers["ETag"]})
        assert again.status == 304


def test_other_paths_are_none(service):
    for path in ("/console/nothing.js", "/console/../healthz", "/console//", "/console/index.html/x"):
        service.http.get(path).expect_problem(404, "route_unknown")
    moved = service.http.get("/console")
    assert (moved.status, moved.headers["Location"]) == (308, "/console/")


def _seed(gateway, database):
    """Accounts that the browser looks at, and one with very many sessions."""
    people = []
    for number in range(4):
        address = f"player{number}@console.example"
        minted = gateway.post(
            "/sessions",
            {
                "identity": {"kind": "email", "external_id": address},
                "display_name": f"Player {number}",
                "device": {"label": "a laptop", "user_agent": "<b>Firefox</b>/140", "ip": "203.0.113.7"},
            },
        ).expect(201)
        body = {"account_id": minted["account"]["account_id"], "device": {"label": "a phone"}}
        second = gateway.post("/sessions", body).expect(201)
        people.append({"address": address, "account": body["account_id"], "tokens": [minted["token"], second["token"]],
                       "sessions": [minted["session"]["session_id"], second["session"]["session_id"]]})
    crowded = gateway.post("/sessions", {"identity": telegram()}).expect(201)["account"]["account_id"]
    database.execute(
        f"""insert into backend.sessions (session_id, account_id, token_hash, generation)
            select gen_random_uuid(), '{crowded}', sha256(convert_to('crowd' || n, 'UTF8')), 0
            from generate_series(1, {SESSIONS_OF_ONE - 1}) n"""
    )
    return {"people": people, "crowded": crowded}


def test_every_page_in_a_browser(drive, gateway, database):
    drive("console.test.mjs", **_seed(gateway, database))
