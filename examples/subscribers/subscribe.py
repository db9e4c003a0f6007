#!/usr/bin/env python3
"""Follows Portcullis' revocations: python3 subscribe.py http://127.0.0.1:8080 [CURSOR]"""

import http.client
import json
import sys
import time
import urllib.request

SILENCE_S = 45  # the service sends a comment at least every 15 s


def follow(url, cursor=None):
    """Yields (event, data) for ever. A `reset` means: forget everything that was learned so far."""
    while True:
        try:
            headers = {"Accept": "text/event-stream"}
            if cursor:
                headers["Last-Event-ID"] = cursor
            request = urllib.request.Request(f"{url}/api/v1/internal/revocations", headers=headers)
            with urllib.request.urlopen(request, timeout=SILENCE_S) as stream:
                event, event_id, data = "message", cursor, []
                for line in stream:
                    name, _, value = line.decode().rstrip("\r\n").partition(":")
                    value = value.removeprefix(" ")
                    if name == "event":
                        event = value
                    elif name == "id":
                        event_id = value
                    elif name == "data":
                        data.append(value)
                    elif name == "" and value == "" and line.strip() == b"":
                        if data:
                            yield event, json.loads("\n".join(data))
                        cursor = event_id  # only now: what was handed over need not come again
                        event, data = "message", []
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(1)


if __name__ == "__main__":
    for event, data in follow(*sys.argv[1:]):
        if event == "session.revoked":
            print("session", data["session_id"], flush=True)  # drop that session
        elif event == "account.revoked":
            print("account", data["account_id"], data["generation"], flush=True)  # drop all of that account's
        elif event == "reset":
            print("reset", flush=True)  # drop everything
