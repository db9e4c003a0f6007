#!/usr/bin/env python3
"""Plays the conformance suite's commands, one JSON a line, on the cache; or follows a service:

    conformance.py                 commands on standard input, answers on standard output
    conformance.py URL [STALENESS_MS [TIMEOUT_MS]]
                                   tokens on standard input (and a cursor after a blank), verdicts on standard output; to
                                   `events`: whether it is current, how many resets it saw, and the seqs of all events
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from portcullis import Client, Denied, Follower, SessionCache, Unavailable  # noqa: E402
from portcullis.bearer import is_token  # noqa: E402


class Player:
    def __init__(self):
        self._cache, self._loads = None, {}

    def play(self, do):
        return getattr(self, do["do"])(do)

    def new(self, do):
        self._cache, self._loads = SessionCache(do["entries_max"], do["ttl_ms"] / 1000, do["staleness_max_ms"] / 1000), {}
        return {}

    def verify(self, do):
        kind, session = self._cache.peek(do["hash"], do["now"] / 1000, do.get("min_cursor"))
        if kind != "ask":
            return self._told(kind, session)
        load = self._cache.begin(do["hash"], do.get("min_cursor"))
        self._loads[do["load"]] = load
        return {"ask": self._cache.question(load)}

    def loaded(self, do):
        load = self._loads[do["load"]]
        kind, session = self._cache.finish(load, do.get("body"), do["sent"] / 1000, do["now"] / 1000)
        return {"ask": self._cache.question(load)} if kind == "again" else self._told(kind, session)

    def page(self, do):
        try:
            return {"more": self._cache.apply(do.get("body"), do["sent"] / 1000)}
        except ValueError:
            return {"error": True}

    def query(self, do):
        return {"query": self._cache.feed_query(do["wait"])}

    def token(self, do):
        return {"is_token": is_token(do["text"])}

    @staticmethod
    def _told(kind, session):
        return {"answer": kind, **({"session_id": session["session_id"]} if session else {})}


def follow(url, staleness_max_ms=60_000, timeout_ms=5_000):
    seqs, resets = [], []

    def on_events(events, is_reset):
        seqs.extend(str(event["seq"]) for event in events)
        resets.extend([True] * is_reset)

    cache = SessionCache(staleness_max_s=int(staleness_max_ms) / 1000)
    with Follower(Client(url, timeout_s=int(timeout_ms) / 1000), cache, on_events=on_events) as follower:
        for line in sys.stdin:
            if line.strip() == "events":
                print("current" if follower.is_current else "behind", len(resets), ",".join(seqs), flush=True)
                continue
            token, _, cursor = line.strip().partition(" ")
            try:
                print("active", follower.verify(token, cursor or None)["session_id"], flush=True)
            except Denied as denied:
                print("denied", denied.code, flush=True)
            except Unavailable:
                print("unavailable", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        follow(*sys.argv[1:])
    else:
        player = Player()
        for line in sys.stdin:
            print(json.dumps(player.play(json.loads(line))), flush=True)
