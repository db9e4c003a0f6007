"""`/api/v1/user`: a player behind the gateway, who is who `X-User-ID` says."""

import pytest

from people import UNKNOWN_ID, is_cursor


@pytest.fixture
def player(service, mint):
    """A player with three sessions, who speaks by the first."""
    sessions = [mint()]
    account_id = sessions[0]["account"]["account_id"]
    sessions += [mint(account_id=account_id) for _ in range(2)]
    return Player(service, account_id, sessions)


class Player:
    def __init__(self, service, account_id, sessions):
        self.account_id = account_id
        self.tokens = [session["token"] for session in sessions]
        self.session_ids = [session["session"]["session_id"] for session in sessions]
        self.api = service.as_user(account_id, self.session_ids[0])
        self.api_without_session = service.as_user(account_id)


def alive(gateway, tokens):
    return [gateway.get("/sessions/resolve", token=token).status == 200 for token in tokens]


def test_a_player_sees_the_own_account(player, gateway):
    account = player.api.get("/account").expect(200)
    assert account == gateway.get(f"/accounts/{player.account_id}").expect(200)


def test_a_player_sees_the_own_sessions_with_the_current_one_marked(player):
    page = player.api.get("/sessions").expect(200)
    assert [session["session_id"] for session in page["sessions"]] == player.session_ids
    assert [session.get("current", False) for session in page["sessions"]] == [True, False, False]


def test_a_player_s_sessions_come_in_pages(player):
    page = player.api.get("/sessions?limit=2").expect(200)
    assert len(page["sessions"]) == 2
    rest = player.api.get(f"/sessions?limit=2&after={page['next']}").expect(200)
    assert [session["session_id"] for session in rest["sessions"]] == player.session_ids[2:]
    assert "next" not in rest


def test_a_player_ends_one_session(player, gateway):
    ended = player.api.delete(f"/sessions/{player.session_ids[1]}").expect(200)
    assert ended["revoked"] is True and is_cursor(ended["cursor"])
    assert alive(gateway, player.tokens) == [True, False, True]
    assert player.api.delete(f"/sessions/{player.session_ids[1]}").expect(200)["revoked"] is False


def test_a_player_cannot_end_another_s_session(player, mint, gateway):
    other = mint()
    other_id = other["session"]["session_id"]
    player.api.delete(f"/sessions/{other_id}").expect_problem(404, "session_not_found")
    player.api.delete(f"/sessions/{UNKNOWN_ID}").expect_problem(404, "session_not_found")
    assert alive(gateway, [other["token"]]) == [True]


def test_a_player_ends_all_sessions(player, gateway):
    assert player.api.delete("/sessions").expect(200)["revoked"] == 3
    assert alive(gateway, player.tokens) == [False, False, False]


def test_a_player_ends_all_other_sessions(player, gateway):
    ended = player.api.delete("/sessions?keep=current").expect(200)
    assert ended["revoked"] == 2 and is_cursor(ended["cursor"])
    assert alive(gateway, player.tokens) == [True, False, False]
    page = player.api.get("/sessions").expect(200)
    assert [session["session_id"] for session in page["sessions"]] == player.session_ids[:1]


def test_a_kept_session_can_be_ended_later(player, gateway):
    player.api.delete("/sessions?keep=current").expect(200)
    assert player.api.delete("/sessions").expect(200)["revoked"] == 1
    assert alive(gateway, player.tokens) == [False, False, False]


def test_keeping_the_current_session_needs_to_know_it(player, gateway):
    answer = player.api_without_session.delete("/sessions?keep=current")
    assert answer.status in (400, 422), answer
    assert alive(gateway, player.tokens) == [True, True, True]


def test_nothing_but_the_current_session_can_be_kept(player, gateway):
    answer = player.api.delete("/sessions?keep=everything")
    assert answer.status in (400, 422), answer
    assert alive(gateway, player.tokens) == [True, True, True]


def test_another_account_s_session_as_the_current_one_ends_nothing(service, player, mint, gateway):
    other = mint()
    forged = service.as_user(player.account_id, other["session"]["session_id"])
    forged.delete("/sessions?keep=current").expect_problem(401, "session_unknown")
    assert alive(gateway, [*player.tokens, other["token"]]) == [True, True, True, True]


ROUTES = [
    ("GET", "/account"),
    ("GET", "/sessions"),
    ("DELETE", f"/sessions/{UNKNOWN_ID}"),
    ("DELETE", "/sessions"),
]


@pytest.mark.parametrize("method,path", ROUTES)
def test_a_request_that_names_no_user_is_denied(service, method, path):
    nobody = service.client("/api/v1/user")
    nobody.request(method, path).expect_problem(401, "user_required")
    for malformed in ("", "42", "not-a-uuid"):
        nobody.request(method, path, headers={"X-User-ID": malformed}).expect_problem(401, "user_required")


def test_a_user_without_an_account_has_nothing(service):
    stranger = service.as_user(UNKNOWN_ID)
    stranger.get("/account").expect_problem(404, "account_not_found")
    stranger.get("/sessions").expect_problem(404, "account_not_found")
    stranger.delete("/sessions").expect_problem(404, "account_not_found")
