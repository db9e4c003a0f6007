"""The subscriber's cookbook: each snippet of `examples/subscribers/` that can be run here hears of everything once."""

import queue
import shutil
import subprocess
import threading

import pytest

from http_client import HANG_S
from needs import need
from service import ROOT, Service

EXAMPLES = ROOT / "examples/subscribers"
SNIPPETS = {
    "curl": ["bash", "subscribe.sh"],
    "python": ["/usr/bin/python3", "-B", "subscribe.py"],
    "node": ["node", "subscribe.mjs"],
    "go": ["go", "subscribe.go"],
}


class Subscriber:
    def __init__(self, snippet, service, *cursor):
        self._process = subprocess.Popen(
            [*snippet, f"http://127.0.0.1:{service.port}", *cursor],
            cwd=EXAMPLES, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._lines = queue.Queue()
        threading.Thread(target=lambda: [self._lines.put(line) for line in self._process.stdout], daemon=True).start()

    def hears(self):
        return self._lines.get(timeout=HANG_S)

    def hears_nothing(self):
        return self._lines.empty()

    def stop(self):
        subprocess.run(["kill", "--", f"-{self._process.pid}"], check=False)
        self._process.wait(HANG_S)


@pytest.fixture(scope="module", params=SNIPPETS.values(), ids=SNIPPETS.keys())
def snippet(request, tmp_path_factory):
    program, *_, file = request.param
    need(shutil.which(program), program)
    if program != "go":
        return request.param
    built = tmp_path_factory.mktemp("go") / "subscribe"  # not by `go run`, whose compiler takes longer than a test waits
    subprocess.run(["go", "build", "-o", built, file], cwd=EXAMPLES, check=True)
    return [built]


@pytest.fixture
def subscribe(snippet):
    started = []

    def subscribe(service, *cursor):
        started.append(Subscriber(snippet, service, *cursor))
        return started[-1]

    yield subscribe
    for subscriber in started:
        subscriber.stop()


@pytest.fixture
def own_service(cluster, tmp_path):
    service = Service(cluster.create_database(), tmp_path).start()
    yield service
    service.stop()


def end(service):
    """Ends a session of its own; returns the session's id."""
    minted = service.client("/api/v1/public").post("/sessions/guest").expect(201)
    session_id = minted["session"]["session_id"]
    service.gateway.delete(f"/sessions/{session_id}").expect(200)
    return session_id


def test_events_come_in_order_and_over_a_restart(subscribe, own_service):
    start = own_service.gateway.get("/revocations").expect(200)["cursor"]
    ended = [end(own_service)]
    subscriber = subscribe(own_service, start)
    assert ended[0] in subscriber.hears()
    ended.append(end(own_service))
    assert ended[1] in subscriber.hears()
    own_service.kill()
    own_service.start()
    ended += [end(own_service), end(own_service)]
    assert ended[2] in subscriber.hears()
    assert ended[3] in subscriber.hears()
    assert subscriber.hears_nothing()


def test_all_sessions_of_an_account_end_together(subscribe, own_service):
    start = own_service.gateway.get("/revocations").expect(200)["cursor"]
    subscriber = subscribe(own_service, start)
    account_id = own_service.client("/api/v1/public").post("/sessions/guest").expect(201)["account"]["account_id"]
    own_service.gateway.delete(f"/accounts/{account_id}/sessions").expect(200)
    line = subscriber.hears()
    assert line.startswith("account") and account_id in line


def test_a_cursor_of_another_history_is_a_reset(subscribe, own_service):
    subscriber = subscribe(own_service, "0123456789abcdef-1")
    assert subscriber.hears().startswith("reset")
    ended = end(own_service)
    assert ended in subscriber.hears()
