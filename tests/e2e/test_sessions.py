"""`/api/v1/internal/sessions`: mint, resolve, look up, revoke, list."""

import pytest

from people import NEVER_MINTED, UNKNOWN_ID, email, is_cursor, is_id, is_recent, is_token
from people import predecessor, seq_of, telegram

DEVICE = {"label": "Firefox on Debian", "user_agent": "Mozilla/5.0", "ip": "2001:db8::7"}


def test_a_session_is_minted_for_an_account(gateway):
    account = gateway.post("/accounts", {"identity": telegram()}).expect(201)["account"]
    minted = gateway.post("/sessions", {"account_id": account["account_id"], "device": DEVICE}).expect(201)
    assert set(minted) == {"token", "session", "account", "created"}
    assert minted["account"] == account and minted["created"] is False
    assert is_token(minted["token"])
    session = minted["session"]
    assert set(session) == {"session_id", "account_id", "is_guest", "created_at", "expires_at", "device"}
    assert is_id(session["session_id"]) and is_recent(session["created_at"])
    assert session["account_id"] == account["account_id"] and session["is_guest"] is False
    assert session["device"] == DEVICE


def test_a_login_creates_the_account_on_the_way(gateway):
    identity = email()
    first = gateway.post("/sessions", {"identity": identity, "display_name": "Ada"}).expect(201)
    again = gateway.post("/sessions", {"identity": identity, "display_name": "Grace"}).expect(201)
    assert (first["created"], again["created"]) == (True, False)
    assert first["account"]["display_name"] == "Ada" and again["account"] == first["account"]
    assert again["session"]["session_id"] != first["session"]["session_id"]
    assert again["token"] != first["token"]


def test_no_session_for_an_account_that_is_not_there(gateway):
    gateway.post("/sessions", {"account_id": UNKNOWN_ID}).expect_problem(404, "account_not_found")


def test_a_mint_says_for_whom(gateway):
    gateway.post("/sessions", {}).expect_problem(400, "body_malformed")
    gateway.post("/sessions", {"account_id": 5}).expect_problem(400, "body_malformed")
    gateway.post("/sessions", {"account_id": "42"}).expect_problem(400, "id_malformed")
    both = {"account_id": UNKNOWN_ID, "identity": telegram()}
    gateway.post("/sessions", both).expect_problem(400, "body_malformed")


def test_two_members_of_the_same_name_are_refused_and_nothing_is_made(gateway, mint):
    """A gateway that reads the first, and a service that reads the last, would act for two people."""
    ours, theirs = (mint()["account"]["account_id"] for _ in range(2))
    headers = {"Content-Type": "application/json"}
    for body in (
        f'{{"account_id":"{ours}","account_id":"{theirs}"}}',
        f'{{"account_id":"{ours}","\\u0061ccount_id":"{theirs}"}}',
        f'{{"account_id":"{ours}","device":{{"label":"a","label":"b"}}}}',
    ):
        answer = gateway.post("/sessions", body.encode(), headers=headers)
        assert "same name" in answer.expect_problem(400, "body_malformed")
    for account_id in (ours, theirs):
        assert len(gateway.get(f"/accounts/{account_id}/sessions").expect(200)["sessions"]) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_resolves_to_its_session(gateway, mint, method):
    minted = mint()
    resolved = gateway.request(method, "/sessions/resolve", token=minted["token"]).expect(200)
    session = minted["session"]
    assert resolved == {name: told for name, told in session.items() if name != "device"}


def test_the_scheme_is_taken_in_any_case(gateway, mint):
    token = mint()["token"]
    gateway.get("/sessions/resolve", headers={"Authorization": f"bearer {token}"}).expect(200)


def expect_denied(answer, code):
    answer.expect_problem(401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_no_token_is_told_apart(gateway):
    expect_denied(gateway.get("/sessions/resolve"), "token_missing")
    expect_denied(gateway.get("/sessions/resolve", headers={"Authorization": "Basic dTpw"}), "token_missing")


def test_a_token_in_the_url_is_no_token(gateway, mint):
    token = mint()["token"]
    expect_denied(gateway.get(f"/sessions/resolve?token={token}&access_token={token}"), "token_missing")


def test_garbage_is_told_apart_from_tokens(gateway, mint):
    token = mint()["token"]
    last = "A" if token[-1] != "A" else "B"
    mangled = (token[:-1], token + "0", token[:-1] + last, token.upper(), f"{token} {token}")
    for garbage in ("x", "pcs_" + "!" * 49, *mangled):
        expect_denied(gateway.get("/sessions/resolve", token=garbage), "token_malformed")


def test_a_token_that_was_never_minted_is_unknown(gateway):
    for _ in range(2):  # the second answer may come from memory
        expect_denied(gateway.get("/sessions/resolve", token=NEVER_MINTED), "session_unknown")


def test_a_session_is_looked_up_by_its_id(gateway, mint):
    minted = mint(device=DEVICE)
    found = gateway.get(f"/sessions/{minted['session']['session_id']}").expect(200)
    assert found == {"session": minted["session"]}


def test_a_session_that_never_was_is_not_found(gateway):
    gateway.get(f"/sessions/{UNKNOWN_ID}").expect_problem(404, "session_not_found")
    gateway.delete(f"/sessions/{UNKNOWN_ID}").expect_problem(404, "session_not_found")
    gateway.get("/sessions/42").expect_problem(400, "id_malformed")
    gateway.delete("/sessions/42").expect_problem(400, "id_malformed")


def test_a_revoked_session_is_dead_at_once(gateway, mint):
    minted = mint()
    gateway.get("/sessions/resolve", token=minted["token"]).expect(200)
    revoked = gateway.delete(f"/sessions/{minted['session']['session_id']}").expect(200)
    assert set(revoked) == {"revoked", "cursor"}
    assert revoked["revoked"] is True and is_cursor(revoked["cursor"])
    expect_denied(gateway.get("/sessions/resolve", token=minted["token"]), "session_revoked")


def test_a_session_is_revoked_by_its_token(gateway, mint):
    minted, other = mint(), mint()
    assert gateway.post("/sessions/revoke", token=minted["token"]).expect(200)["revoked"] is True
    expect_denied(gateway.get("/sessions/resolve", token=minted["token"]), "session_revoked")
    gateway.get("/sessions/resolve", token=other["token"]).expect(200)


def test_revoking_by_token_needs_a_token(gateway):
    expect_denied(gateway.post("/sessions/revoke"), "token_missing")
    expect_denied(gateway.post("/sessions/revoke", token="x"), "token_malformed")
    gateway.post("/sessions/revoke", token=NEVER_MINTED).expect_problem(404, "session_not_found")


def test_revoking_again_changes_nothing(gateway, mint):
    minted = mint()
    path = f"/sessions/{minted['session']['session_id']}"
    first = gateway.delete(path, {"reason": "stolen"}).expect(200)
    ways = (gateway.delete(path, {"reason": "again"}), gateway.post("/sessions/revoke", token=minted["token"]))
    for answer in (way.expect(200) for way in ways):
        assert answer["revoked"] is False
        assert seq_of(answer["cursor"]) >= seq_of(first["cursor"])
    assert events_of(gateway, first["cursor"])[0]["reason"] == "stolen"


def events_of(gateway, cursor):
    """The events of the feed from that of `cursor` on, as soon as it has that."""
    return gateway.get(f"/revocations?cursor={predecessor(cursor)}&wait=30").expect(200)["events"]


@pytest.mark.parametrize("way", ["body", "query"])
def test_a_reason_comes_as_a_body_or_in_the_query(gateway, mint, way):
    path = f"/sessions/{mint()['session']['session_id']}"
    if way == "body":
        answer = gateway.delete(path, {"reason": "lost phone"})
    else:
        answer = gateway.delete(path + "?reason=lost%20phone")
    cursor = answer.expect(200)["cursor"]
    assert events_of(gateway, cursor)[0]["reason"] == "lost phone"


def test_a_reason_is_short_text(gateway, mint):
    path = f"/sessions/{mint()['session']['session_id']}"
    gateway.delete(path, {"reason": "x" * 5000}).expect_problem(422, "value_unacceptable")
    gateway.delete(path, {"reason": 5}).expect_problem(400, "body_malformed")
    assert gateway.delete(path).expect(200)["revoked"] is True


def test_a_reason_is_json_like_every_body(gateway, mint):
    path = f"/sessions/{mint()['session']['session_id']}"
    answer = gateway.delete(path, b"reason=stolen", headers={"Content-Type": "application/x-www-form-urlencoded"})
    answer.expect_problem(415, "media_type_unsupported")
    assert gateway.delete(path).expect(200)["revoked"] is True


def test_a_dead_session_is_still_found_by_its_id(gateway, mint):
    session_id = mint()["session"]["session_id"]
    gateway.delete(f"/sessions/{session_id}?reason=stolen").expect(200)
    session = gateway.get(f"/sessions/{session_id}").expect(200)["session"]
    assert is_recent(session["revoked_at"]) and session["revoke_reason"] == "stolen"


def test_revoking_an_account_ends_all_its_sessions(gateway, mint):
    first = mint()
    account_id = first["account"]["account_id"]
    sessions, other = [first] + [mint(account_id=account_id) for _ in range(3)], mint()
    revoked = gateway.delete(f"/accounts/{account_id}/sessions", {"reason": "password changed"}).expect(200)
    assert revoked["revoked"] == 4 and is_cursor(revoked["cursor"])
    for session in sessions:
        expect_denied(gateway.get("/sessions/resolve", token=session["token"]), "session_revoked")
    gateway.get("/sessions/resolve", token=other["token"]).expect(200)


def test_a_session_minted_after_a_revoke_all_lives(gateway, mint):
    account_id = mint()["account"]["account_id"]
    gateway.delete(f"/accounts/{account_id}/sessions").expect(200)
    later = mint(account_id=account_id)
    gateway.get("/sessions/resolve", token=later["token"]).expect(200)


def test_revoking_all_of_an_account_without_sessions_is_no_error(gateway):
    account_id = gateway.post("/accounts/guest").expect(201)["account"]["account_id"]
    assert gateway.delete(f"/accounts/{account_id}/sessions").expect(200)["revoked"] == 0
    gateway.delete(f"/accounts/{UNKNOWN_ID}/sessions").expect_problem(404, "account_not_found")


def ids(page):
    return [session["session_id"] for session in page["sessions"]]


def test_the_active_sessions_of_an_account_are_listed(gateway, mint):
    sessions = [mint()]
    account_id = sessions[0]["account"]["account_id"]
    sessions += [mint(account_id=account_id, device=DEVICE) for _ in range(2)]
    gateway.delete(f"/sessions/{sessions[1]['session']['session_id']}").expect(200)
    page = gateway.get(f"/accounts/{account_id}/sessions").expect(200)
    assert page == {"sessions": [sessions[0]["session"], sessions[2]["session"]]}


def test_a_long_list_comes_in_pages(gateway, mint):
    first = mint()
    account_id = first["account"]["account_id"]
    minted = [first] + [mint(account_id=account_id) for _ in range(6)]
    path, seen, sizes = f"/accounts/{account_id}/sessions?limit=3", [], []
    page = gateway.get(path).expect(200)
    while True:
        seen, sizes = seen + ids(page), sizes + [len(page["sessions"])]
        if "next" not in page:
            break
        page = gateway.get(f"{path}&after={page['next']}").expect(200)
    assert sizes == [3, 3, 1]
    assert seen == [session["session"]["session_id"] for session in minted]


def test_a_page_has_fifty_unless_told_otherwise(gateway, mint):
    account_id = mint()["account"]["account_id"]
    for _ in range(50):
        mint(account_id=account_id)
    page = gateway.get(f"/accounts/{account_id}/sessions").expect(200)
    assert len(page["sessions"]) == 50 and "next" in page
    page = gateway.get(f"/accounts/{account_id}/sessions?limit=200").expect(200)
    assert len(page["sessions"]) == 51 and "next" not in page


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=-1", "limit=ten", "limit=", "after=42"])
def test_a_page_that_cannot_be_asked_for(gateway, mint, query):
    account_id = mint()["account"]["account_id"]
    answer = gateway.get(f"/accounts/{account_id}/sessions?{query}")
    answer.expect_problem(400, "parameter_malformed")


def test_no_list_for_an_account_that_is_not_there(gateway):
    gateway.get(f"/accounts/{UNKNOWN_ID}/sessions").expect_problem(404, "account_not_found")
