"""Clients that mint, resolve and revoke for as long as a scenario wants load."""

import random
import threading

PAUSE_S = 0.01  # after a refusal; the proxies share this process, and clients that spin would keep them from working


class Workload:
    """`threads` clients, each with dice of its own made from the stage's. All that they do is in the history; `live` and
    `ended` hold what was acknowledged: minted sessions, and those of them whose revocation was."""

    def __init__(self, stage, replicas, threads=4, revoke_share=0.3, resolve_share=0.4):
        self.live = {}
        self.ended = {}
        self.unknown = set()  # ids of sessions whose revocation was asked for and not acknowledged
        self._replicas = replicas
        self._revoke_share = revoke_share
        self._resolve_share = resolve_share
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._errors = []
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(stage.dice.random()),), daemon=True)
            for _ in range(threads)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self._errors, self._errors

    @property
    def acknowledged(self):
        return len(self.live) + len(self.ended)

    def _run(self, dice):
        try:
            while not self._stop.is_set():
                if not self._step(dice):
                    self._stop.wait(PAUSE_S)
        except Exception as error:  # the test's thread must hear of it
            self._errors.append(error)

    def _step(self, dice):
        """Asks once; returns whether a replica did what it was asked."""
        replica = dice.choice(self._replicas)
        draw = dice.random()
        if draw < self._revoke_share and (minted := self._take(dice)):
            session_id = minted["session"]["session_id"]
            with self._lock:
                self.unknown.add(session_id)
            if not replica.revoke(minted):
                return False
            with self._lock:
                self.unknown.discard(session_id)
                self.ended[session_id] = minted
            return True
        if draw < self._revoke_share + self._resolve_share and (minted := self._peek(dice)):
            return replica.resolve(minted) in (200, 401)
        if not (minted := replica.mint()):
            return False
        with self._lock:
            self.live[minted["session"]["session_id"]] = minted
        return True

    def _take(self, dice):
        with self._lock:
            if not self.live:
                return None
            return self.live.pop(dice.choice(list(self.live)))

    def _peek(self, dice):
        with self._lock:
            known = [*self.live.values(), *self.ended.values()]
        return dice.choice(known) if known else None
