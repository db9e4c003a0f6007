"""Who asks too often is told so, and nobody else notices."""

import re

import pytest

from callers import by_header, caller, new_key, write_callers
from people import telegram

DAY_S = 86_400  # a window in which no bucket gains a token while a test runs
UNKNOWN = "pcs_" + "0" * 49


class Limited:
    """A service with limits of three, and its callers: `gateway` may tell addresses, `slow` has a limit of its own."""

    def __init__(self, new_service, database, tmp_path, **settings):
        self.keys = {name: new_key() for name in ("gateway", "other", "slow")}
        path = tmp_path / "callers.json"
        write_callers(
            path,
            caller("gateway", ["*"], self.keys["gateway"]),
            caller("other", ["*"], self.keys["other"], rate={"quota": 1000, "window_s": 1}),
            caller("slow", ["*"], self.keys["slow"], rate={"quota": 3, "window_s": DAY_S}),
        )
        self.service = new_service(database, BACKEND_CALLERS_FILE=str(path), **settings).start()

    def ask(self, method, path, name=None, **parts):
        headers = {**(by_header(self.keys[name]) if name else {}), **parts.pop("headers", {})}
        return self.service.http.request(method, path, headers=headers, **parts)

    def guest(self, name=None, **headers):
        return self.ask("POST", "/api/v1/public/sessions/guest", name, headers=headers)


@pytest.fixture
def limited(new_service, database, tmp_path):
    return lambda **settings: Limited(new_service, database, tmp_path, **settings)


def expect_limited(response, policy, quota):
    response.expect_problem(429, "rate_limited")
    assert 1 <= int(response.headers["Retry-After"]) <= DAY_S
    assert response.headers["RateLimit-Policy"] == f'"{policy}";q={quota};w={DAY_S}'
    assert re.fullmatch(f'"{policy}";r=0;t=[1-9][0-9]*', response.headers["RateLimit"])


def test_a_caller_has_a_rate_of_its_own(limited):
    it = limited()
    path = "/api/v1/internal/revocations"
    for _ in range(3):
        it.ask("GET", path, "slow").expect(200)
    expect_limited(it.ask("GET", path, "slow"), "caller", 3)
    it.ask("GET", path, "gateway").expect(200)
    it.ask("GET", "/healthz", "slow").expect(200)
    numbers = it.service.client("", **by_header(it.keys["gateway"])).get("/metrics").body.decode()
    assert 'portcullis_rate_limited_total{limit="caller"} 1' in numbers


def test_forward_authentication_knows_no_429(limited):
    it = limited()
    for _ in range(3):
        it.ask("GET", "/api/v1/internal/verify", "slow").expect_problem(401, "token_missing")
    it.ask("GET", "/api/v1/internal/verify", "slow").expect_problem(503, "overloaded")


def test_a_caller_without_a_rate_has_the_one_of_all(limited):
    it = limited(BACKEND_CALLER_RATE=f"4/{DAY_S}s")
    path = "/api/v1/internal/revocations"
    for _ in range(4):
        it.ask("GET", path, "gateway").expect(200)
    expect_limited(it.ask("GET", path, "gateway"), "caller", 4)
    it.ask("GET", path, "other").expect(200)


def test_guests_are_limited_by_the_address_that_a_trusted_caller_tells(limited):
    it = limited(BACKEND_GUEST_RATE=f"3/{DAY_S}s")
    for i in range(3):  # what stands further left is what the client sent
        it.guest("gateway", **{"X-Forwarded-For": f"198.51.100.{i}, 203.0.113.7"}).expect(201)
    expect_limited(it.guest("gateway", **{"X-Forwarded-For": "203.0.113.7"}), "guests", 3)
    for i in range(200):
        it.guest("gateway", **{"X-Forwarded-For": f"203.0.113.{8 + i}"}).expect(201)
    # All of an IPv6 network are one.
    for i in range(3):
        it.guest("gateway", **{"X-Forwarded-For": f"2001:db8::{i}"}).expect(201)
    expect_limited(it.guest("gateway", **{"X-Forwarded-For": "2001:db8::ffff"}), "guests", 3)
    it.guest("gateway", **{"X-Forwarded-For": "2001:db8:0:1::1"}).expect(201)


def test_nobody_else_tells_an_address(limited):
    it = limited(BACKEND_GUEST_RATE=f"3/{DAY_S}s")
    for i in range(3):
        it.guest(**{"X-Forwarded-For": f"203.0.113.{i}"}).expect(201)
    expect_limited(it.guest(**{"X-Forwarded-For": "203.0.113.9"}), "guests", 3)
    expect_limited(it.guest(**{"X-Caller-Key": new_key(), "X-Forwarded-For": "203.0.113.9"}), "guests", 3)
    it.guest("gateway", **{"X-Forwarded-For": "203.0.113.9"}).expect(201)


def test_the_standard_field_and_more_hops(limited):
    it = limited(
        BACKEND_GUEST_RATE=f"1/{DAY_S}s", BACKEND_FORWARDED_FIELD="Forwarded", BACKEND_FORWARDED_HOPS="2"
    )
    it.guest("gateway", Forwarded='for=203.0.113.1, for="[2001:db8::1]:80"').expect(201)
    expect_limited(it.guest("gateway", Forwarded="for=203.0.113.1, for=203.0.113.200"), "guests", 1)
    it.guest("gateway", Forwarded="for=203.0.113.2, for=203.0.113.200").expect(201)


def test_guessing_is_limited_by_caller(limited):
    it = limited(BACKEND_GUESS_RATE=f"3/{DAY_S}s")
    path = "/api/v1/internal/sessions/resolve"
    body = {"identity": telegram()}
    token = it.ask("POST", "/api/v1/internal/sessions", "gateway", body=body).expect(201)["token"]
    for _ in range(5):
        it.ask("GET", path, "gateway", token=token).expect(200)
    for _ in range(3):
        assert it.ask("GET", path, "gateway", token=UNKNOWN).status == 401
    expect_limited(it.ask("GET", path, "gateway", token=token), "guesses", 3)
    it.ask("GET", "/api/v1/internal/verify", "gateway", token=token).expect_problem(503, "overloaded")
    it.ask("GET", path, "other", token=token).expect(200)


def test_without_a_limit_nothing_is_refused(service, public):
    for _ in range(50):
        public.post("/sessions/guest").expect(201)
