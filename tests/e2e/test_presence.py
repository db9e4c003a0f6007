"""Who follows the feed and who may ask, as operators are told."""

import pytest

from callers import by_header, caller, new_key, write_callers
from service import Service
from waiting import eventually


class Known:
    """A service that knows an operator and a gateway."""

    def __init__(self, service, keys):
        self.service = service
        self.keys = keys

    def followers(self, query=""):
        path = f"/api/v1/admin/followers{query}"
        return self.service.http.get(path, headers=by_header(self.keys["operator"])).expect(200)


@pytest.fixture(scope="module")
def known(database, tmp_path_factory):
    directory = tmp_path_factory.mktemp("known")
    path = directory / "callers.json"
    keys = {name: new_key(name) for name in ("operator", "gateway", "second")}
    write_callers(
        path,
        caller("operator", ["admin:*"], keys["operator"]),
        caller(
            "gateway",
            ["sessions:resolve", "revocations:read", "sessions:mint", "sessions:revoke"],
            keys["gateway"],
            keys["second"],
            certificates=["spiffe://example.org/gateway"],
            rate={"quota": 1000, "window_s": 2},
        ),
    )
    service = Service(database, directory, BACKEND_CALLERS_FILE=str(path)).start()
    yield Known(service, keys)
    service.stop()
    service.expect_no_complaint()


def test_callers_are_shown_with_their_rights_and_never_with_what_proves_them(known):
    answer = known.service.http.get("/api/v1/admin/callers", headers=by_header(known.keys["operator"]))
    told = answer.expect(200)
    assert told["required"] is True
    gateway, operator = told["callers"]
    assert gateway == {
        "name": "gateway",
        "may": ["sessions:resolve", "sessions:mint", "sessions:revoke", "revocations:read"],
        "keys": 2,
        "certificates": ["spiffe://example.org/gateway"],
        "rate": {"quota": 1000, "window_s": 2},
    }
    assert operator["may"] == ["admin:read", "admin:write"] and operator["rate"] is None
    hashes = [part for part in (known.service.log_path.parent / "callers.json").read_text().split('"') if len(part) == 64]
    assert len(hashes) == 3
    for secret in [*known.keys.values(), *hashes]:
        assert secret.encode() not in answer.body


def test_without_callers_that_is_said(service):
    assert service.http.get("/api/v1/admin/callers").expect(200) == {"required": False, "callers": []}


def test_a_stream_and_a_long_poll_are_shown_while_they_follow(known):
    headers = by_header(known.keys["gateway"])
    before = known.followers()
    assert (before["streams"], before["long_polls"], before["followers"]) == (0, 0, [])
    with known.service.connect() as stream:
        stream.send_request("GET", "/api/v1/internal/revocations", headers={"Accept": "text/event-stream", **headers})
        with known.service.connect() as poll:
            path = f"/api/v1/internal/revocations?cursor={before['cursor']}&wait=30"
            poll.send_request("GET", path, headers={"Accept": "application/json", **headers})
            told = eventually(lambda: _of(known, 2), "both follow")
            kinds = {each["kind"]: each for each in told["followers"]}
            assert set(kinds) == {"stream", "long_poll"}
            for each in kinds.values():
                assert (each["caller"], each["address"], each["behind"]) == ("gateway", "127.0.0.1", 0)
                assert each["cursor"] == told["cursor"] and each["since_s"] >= 0
            assert len(known.followers("?limit=1")["followers"]) == 1
    eventually(lambda: known.followers()["streams"] == 0, "the stream is gone")


def test_who_comes_over_ipv4_to_a_socket_for_both_is_told_by_that_address(new_service, database):
    service = new_service(database)
    service.set("BACKEND_HTTP_ADDR", f"[::ffff:127.0.0.1]:{service.port}")
    service.start()
    with service.connect() as stream:
        stream.send_request("GET", "/api/v1/internal/revocations", headers={"Accept": "text/event-stream"})
        followers = eventually(lambda: service.http.get("/api/v1/admin/followers").expect(200)["followers"], "it follows")
        assert [each["address"] for each in followers] == ["127.0.0.1"]


def _of(known, count):
    told = known.followers()
    return told if len(told["followers"]) == count else None
