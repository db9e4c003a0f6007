"""Every ending tells its cursor, by which any replica and any subscriber can be waited for."""

import pytest

from people import UNKNOWN_ID, email, is_cursor, predecessor, seq_of, telegram

HEADER = "X-Revocation-Cursor"
GAME = "01890000-0000-7000-8000-00000000a001"


def cursor_of(answer):
    """The cursor in the header of a successful answer, and in its body if there is one in it."""
    assert answer.status < 300, answer
    cursor = answer.headers[HEADER]
    assert is_cursor(cursor)
    if answer.body and "cursor" in answer.json:
        assert answer.json["cursor"] == cursor
    return cursor


def event_at(gateway, cursor):
    """The event of the feed at `cursor`."""
    page = gateway.get(f"/revocations?cursor={predecessor(cursor)}&wait=30&limit=1").expect(200)
    [event] = page["events"]
    assert event["seq"] == seq_of(cursor)
    return event


def test_revoking_one(gateway, mint):
    minted = mint()
    first = cursor_of(gateway.delete(f"/sessions/{minted['session']['session_id']}"))
    assert event_at(gateway, first)["session_id"] == minted["session"]["session_id"]
    again = cursor_of(gateway.delete(f"/sessions/{minted['session']['session_id']}"))
    assert seq_of(again) >= seq_of(first)


def test_revoking_by_the_token(gateway, mint):
    minted = mint()
    cursor = cursor_of(gateway.post("/sessions/revoke", token=minted["token"]))
    assert event_at(gateway, cursor)["session_id"] == minted["session"]["session_id"]


def test_revoking_all(gateway, mint):
    account_id = mint()["account"]["account_id"]
    cursor = cursor_of(gateway.delete(f"/accounts/{account_id}/sessions"))
    assert event_at(gateway, cursor)["account_id"] == account_id


@pytest.mark.parametrize("path", ["/sessions", "/sessions?keep=current", "/sessions/{session_id}"])
def test_a_user_s_own(service, gateway, mint, path):
    minted = mint()
    account_id, session_id = minted["account"]["account_id"], minted["session"]["session_id"]
    other = mint(account_id=account_id)["session"]["session_id"]
    answer = service.as_user(account_id, session_id).delete(path.format(session_id=other))
    assert event_at(gateway, cursor_of(answer))["account_id"] == account_id


def test_deleting_an_account(gateway, mint):
    minted = mint()
    answer = gateway.delete(f"/accounts/{minted['account']['account_id']}")
    assert answer.status == 204
    cursor = cursor_of(answer)
    assert event_at(gateway, cursor)["account_id"] == minted["account"]["account_id"]
    headers = {"X-Min-Cursor": cursor}
    assert gateway.get("/sessions/resolve", token=minted["token"], headers=headers).status == 401


def test_linking_with_rotation(gateway, mint):
    minted = mint()
    body = {**email(), "rotate": True}
    answer = gateway.post(f"/accounts/{minted['account']['account_id']}/identities", body, token=minted["token"])
    cursor = cursor_of(answer)
    assert event_at(gateway, cursor)["session_id"] == minted["session"]["session_id"]
    headers = {"X-Min-Cursor": cursor}
    gateway.get("/sessions/resolve", token=minted["token"], headers=headers).expect_problem(401, "session_revoked")
    gateway.get("/sessions/resolve", token=answer.json["token"], headers=headers).expect(200)


def test_linking_to_a_guest(gateway, public):
    """It ends no session, but what is held of the account in memory is out of date from there on."""
    guest = public.post("/sessions/guest").expect(201)
    account_id = guest["account"]["account_id"]
    answer = gateway.post(f"/accounts/{account_id}/identities", telegram())
    assert answer.status == 201
    assert event_at(gateway, cursor_of(answer))["account_id"] == account_id


def test_what_ends_nothing_tells_none(gateway):
    assert HEADER not in gateway.post("/accounts/guest").headers
    assert HEADER not in gateway.delete(f"/sessions/{UNKNOWN_ID}").headers
    assert HEADER not in gateway.delete(f"/accounts/{UNKNOWN_ID}").headers


def seated(gateway, mint, game=GAME):
    account_id = mint()["account"]["account_id"]
    assert gateway.put(f"/games/{game}/players/{account_id}", {"seat": 3}).status == 204
    return account_id


def expect_no_content(answer):
    assert (answer.status, answer.body) == (204, b""), answer


def test_a_seat_is_taken_back(gateway, mint):
    account_id = seated(gateway, mint)
    gateway.delete(f"/accounts/{account_id}").expect_problem(409, "account_seated")
    for _ in range(2):  # idempotent
        answer = gateway.delete(f"/games/{GAME}/players/{account_id}")
        expect_no_content(answer)
        cursor_of(answer)
    expect_no_content(gateway.delete(f"/accounts/{account_id}"))


def test_taking_a_seat_back_takes_no_other(gateway, mint):
    one, other = seated(gateway, mint), seated(gateway, mint)
    expect_no_content(gateway.delete(f"/games/{GAME}/players/{one}"))
    gateway.delete(f"/accounts/{other}").expect_problem(409, "account_seated")
    expect_no_content(gateway.delete(f"/games/{UNKNOWN_ID}/players/{other}"))  # of another game
    gateway.delete(f"/accounts/{other}").expect_problem(409, "account_seated")


def test_all_seats_of_a_game_are_taken_back(gateway, mint):
    game, other_game = GAME[:-1] + "2", GAME[:-1] + "3"
    accounts = [seated(gateway, mint, game) for _ in range(3)]
    elsewhere = seated(gateway, mint, other_game)
    for _ in range(2):
        answer = gateway.delete(f"/games/{game}")
        expect_no_content(answer)
        cursor_of(answer)
    for account_id in accounts:
        expect_no_content(gateway.delete(f"/accounts/{account_id}"))
    gateway.delete(f"/accounts/{elsewhere}").expect_problem(409, "account_seated")


def test_a_seat_of_nobody(gateway):
    expect_no_content(gateway.delete(f"/games/{GAME}/players/{UNKNOWN_ID}"))
    gateway.delete("/games/chess/players/me").expect_problem(400, "id_malformed")
    gateway.delete(f"/games/{GAME}/players/me").expect_problem(400, "id_malformed")
    gateway.delete("/games/chess").expect_problem(400, "id_malformed")
