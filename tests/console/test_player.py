"""The player's component in a page of an application, behind a gateway that says who the player is."""

import http.server
import threading

import pytest

from callers import by_header
from http_client import exchange
from people import telegram
from service import ROOT

COMPONENT = ROOT / "examples/player/portcullis-sessions.js"
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:"
PAGE = """<!doctype html><html lang="%s"><meta charset="utf-8"><title>Game</title><link rel="icon" href="data:,">
<script type="module" src="/portcullis-sessions.js"></script>
<main><h1>Game</h1><portcullis-sessions></portcullis-sessions></main>"""


class Gateway(http.server.BaseHTTPRequestHandler):
    """Serves the page and passes `/api/v1/user` on in the name of the player whose session is in the cookie."""

    service = None
    key = None

    def do_GET(self):
        if self.path.startswith("/api/v1/user/"):
            return self._pass_on()
        if self.path == "/portcullis-sessions.js":
            return self._answer(200, "text/javascript; charset=utf-8", COMPONENT.read_bytes())
        return self._answer(200, "text/html; charset=utf-8", (PAGE % self.path.strip("/")[:2]).encode())

    do_DELETE = do_GET

    def _pass_on(self):
        token = self.headers.get("Cookie", "").partition("token=")[2]
        headers = by_header(self.key)
        who = exchange(self.service.port, "GET", "/api/v1/internal/sessions/resolve", token=token, headers=headers)
        if who.status != 200:
            return self._answer(401, "application/json", b"{}")
        headers |= {"X-User-ID": who.json["account_id"], "X-Session-ID": who.json["session_id"]}
        answer = exchange(self.service.port, self.command, self.path, headers=headers)
        return self._answer(answer.status, "application/json", answer.body)

    def _answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def application(service, keys):
    handler = type("PlayersGateway", (Gateway,), {"service": service, "key": keys["gateway"]})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_player_ends_sessions(drive, gateway, application):
    def player(count):
        first = gateway.post("/sessions", {"identity": telegram(), "device": {"label": "<i>this</i>"}}).expect(201)
        body = {"account_id": first["account"]["account_id"], "device": {"label": "another", "ip": "203.0.113.9"}}
        others = [gateway.post("/sessions", body).expect(201)["token"] for _ in range(count)]
        return {"token": first["token"], "others": others}

    drive("player.test.mjs", application=application, players=[player(2), player(2), player(0)])
