#!/usr/bin/env python3
"""An ASGI application behind the guard, on a server of the standard library (production has uvicorn or hypercorn):

    guarded.py http://127.0.0.1:8080

It prints its port, and ends with its standard input."""

import asyncio
import http.server
import json
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from portcullis import Client, Follower, Guard  # noqa: E402


async def whoami(scope, receive, send):
    session = scope["portcullis.session"]
    body = json.dumps({"account_id": session["account_id"], "session_id": session["session_id"]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def handler_of(app):
    """Of each request an ASGI scope."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
            scope = {"type": "http", "method": self.command, "path": self.path, "headers": headers}
            asyncio.run(app(scope, None, self._send))

        async def _send(self, message):
            if message["type"] == "http.response.body":
                self.wfile.write(message["body"])
                return
            self.send_response(message["status"])
            for name, value in message["headers"]:
                self.send_header(name.decode(), value.decode("latin-1"))
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler


with Follower(Client(sys.argv[1])) as follower:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(Guard(whoami, follower)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
