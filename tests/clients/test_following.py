"""Each client against a service: what is revoked is denied, whatever is cut, frozen or restarted in between."""

import pytest

from people import NEVER_MINTED
from players import Player
from waiting import eventually


STALENESS_MS = "60000"
TIMEOUT_MS = "30000"  # a machine that stands still is no service that is away


@pytest.fixture
def follower(programs, tap):
    follower = Player(programs.conformance, f"http://127.0.0.1:{tap.port}", STALENESS_MS, TIMEOUT_MS)
    yield follower
    follower.stop()


def mint(service):
    return service.client("/api/v1/public").post("/sessions/guest").expect(201)


def revoke(service, minted):
    return service.gateway.delete(f"/sessions/{minted['session']['session_id']}").expect(200)["cursor"]


def active(minted):
    return f"active {minted['session']['session_id']}"


def becomes(follower, minted, verdict):
    eventually(lambda: follower.says(minted["token"]) == verdict, verdict)


def test_what_is_revoked_is_denied(service, follower):
    live, dead = mint(service), mint(service)
    for each in (live, dead):
        assert follower.says(each["token"]) == active(each)
    revoke(service, dead)
    becomes(follower, dead, "denied session_revoked")
    assert follower.says(live["token"]) == active(live)
    assert follower.says(NEVER_MINTED) == "denied session_unknown"
    service.gateway.delete(f"/accounts/{live['account']['account_id']}/sessions").expect(200)
    becomes(follower, live, "denied session_revoked")


def test_who_brings_the_cursor_is_told_of_no_older_state(service, follower):
    for _ in range(5):
        minted = mint(service)
        assert follower.says(minted["token"]) == active(minted)
        cursor = revoke(service, minted)
        assert follower.says(f"{minted['token']} {cursor}") == "denied session_revoked"


def test_memory_answers_while_look_ups_are_refused_and_no_token_travels(service, follower, tap):
    minted = mint(service)

    def from_memory():
        """Asked until the log was read, since nothing is answered from memory before."""
        before = tap.received.count(b"POST /api/v1/internal/sessions/lookup")
        assert follower.says(minted["token"]) == active(minted)
        return tap.received.count(b"POST /api/v1/internal/sessions/lookup") == before

    eventually(from_memory, "an answer from memory")
    assert minted["token"].encode() not in tap.received and b"pcs_" not in tap.received


def test_a_feed_that_was_cut_is_caught_up_with(service, follower, tap):
    live, dead = mint(service), mint(service)
    for each in (live, dead):
        assert follower.says(each["token"]) == active(each)
    tap.refused = b"GET /api/v1/internal/revocations"
    eventually(lambda: tap.refusals, "the feed is cut")
    revoke(service, dead)
    tap.refused = None
    becomes(follower, dead, "denied session_revoked")
    assert follower.says(live["token"]) == active(live)


def test_a_service_that_was_away_is_come_back_to(service, follower):
    live, dead = mint(service), mint(service)
    for each in (live, dead):
        assert follower.says(each["token"]) == active(each)
    service.kill()
    assert follower.says(mint_nothing()) == "unavailable"
    service.start()
    revoke(service, dead)
    becomes(follower, dead, "denied session_revoked")
    becomes(follower, live, active(live))


def mint_nothing():
    """Another token that nobody has been asked for."""
    return NEVER_MINTED[:-1] + ("0" if NEVER_MINTED[-1] != "0" else "1")
