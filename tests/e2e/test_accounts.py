"""`/api/v1/internal/accounts`: find or create, look up, delete."""

import threading

import pytest

from people import UNKNOWN_ID, email, is_id, is_recent, telegram


def create(gateway, identity=None, **more):
    return gateway.post("/accounts", {"identity": identity or telegram(), **more}).expect(201)["account"]


def test_an_identity_that_nobody_has_makes_an_account(gateway):
    identity = telegram()
    answer = gateway.post("/accounts", {"identity": identity, "display_name": "Ada"}).expect(201)
    assert set(answer) == {"account", "created"} and answer["created"] is True
    account = answer["account"]
    assert set(account) == {"account_id", "is_guest", "display_name", "created_at", "identities"}
    assert is_id(account["account_id"]) and is_recent(account["created_at"])
    assert account["is_guest"] is False and account["display_name"] == "Ada"
    [held] = account["identities"]
    assert set(held) == {"kind", "external_id", "created_at"}
    assert {"kind": held["kind"], "external_id": held["external_id"]} == identity
    assert is_recent(held["created_at"])


def test_an_identity_that_is_known_finds_its_account(gateway):
    identity = telegram()
    created = gateway.post("/accounts", {"identity": identity, "display_name": "Ada"}).expect(201)
    found = gateway.post("/accounts", {"identity": identity, "display_name": "Grace"}).expect(200)
    assert found == {"account": created["account"], "created": False}


def test_an_account_without_a_name_has_none(gateway):
    assert create(gateway)["display_name"] is None


def test_an_email_is_found_in_any_case_and_spacing(gateway):
    account = create(gateway, {"kind": "email", "external_id": "  Ada.Lovelace@Example.ORG "})
    assert account["identities"][0]["external_id"] == "ada.lovelace@example.org"
    found = gateway.post("/accounts", {"identity": {"kind": "email", "external_id": "ADA.LOVELACE@example.org"}})
    assert found.expect(200)["account"]["account_id"] == account["account_id"]
    looked_up = gateway.get("/accounts?kind=email&external_id=Ada.Lovelace%40example.org").expect(200)
    assert looked_up["account"]["account_id"] == account["account_id"]


def test_one_id_in_two_kinds_is_two_people(gateway):
    number = telegram()["external_id"]
    first = create(gateway, {"kind": "telegram", "external_id": number})
    second = create(gateway, {"kind": "email", "external_id": f"{number}@example.org"})
    assert first["account_id"] != second["account_id"]


def test_racing_first_logins_make_one_account(service):
    identity, answers = telegram(), []

    def log_in():
        answers.append(service.gateway.post("/accounts", {"identity": identity}))

    threads = [threading.Thread(target=log_in) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] * 15 + [201]
    assert len({answer.json["account"]["account_id"] for answer in answers}) == 1


def test_a_guest_account_has_no_identity(gateway):
    answer = gateway.post("/accounts/guest").expect(201)
    assert set(answer) == {"account"}
    assert answer["account"]["is_guest"] is True and answer["account"]["identities"] == []


def test_an_account_is_found_by_its_id(gateway):
    account = create(gateway, display_name="Ада ♛")
    assert gateway.get(f"/accounts/{account['account_id']}").expect(200) == {"account": account}


def test_an_account_is_found_by_its_identity(gateway):
    identity = email()
    account = create(gateway, identity)
    found = gateway.get(f"/accounts?kind=email&external_id={identity['external_id']}")
    assert found.expect(200) == {"account": account}


def test_nobody_is_found_under_an_id_or_identity_that_is_not_known(gateway):
    gateway.get(f"/accounts/{UNKNOWN_ID}").expect_problem(404, "account_not_found")
    gateway.get("/accounts?kind=telegram&external_id=999999999").expect_problem(404, "account_not_found")


def test_a_look_up_by_identity_needs_both_parts(gateway):
    for query in ("", "?kind=telegram", "?external_id=5"):
        gateway.get(f"/accounts{query}").expect_problem(400, "parameter_malformed")


def test_an_id_that_is_no_uuid_is_malformed(gateway):
    gateway.get("/accounts/42").expect_problem(400, "id_malformed")
    gateway.delete("/accounts/42").expect_problem(400, "id_malformed")
    gateway.get("/accounts/42/sessions").expect_problem(400, "id_malformed")


def test_a_body_that_is_not_an_account_is_malformed(gateway):
    headers = {"Content-Type": "application/json"}
    half = b'{"identity":{"kind":"telegram"}}'
    for body in (b"", b"{", b"[]", b'"x"', b"{}", b'{"identity":null}', half, b"\xff"):
        gateway.post("/accounts", body, headers=headers).expect_problem(400, "body_malformed")
    wrong_types = {"identity": {"kind": "telegram", "external_id": 5}}
    gateway.post("/accounts", wrong_types).expect_problem(400, "body_malformed")


IMPOSSIBLE = [("pager", "1"), ("telegram", ""), ("telegram", "abc"), ("telegram", "-5"), ("email", "no-at-sign")]


def test_an_identity_that_cannot_be_is_not_acceptable(gateway):
    for kind, external_id in IMPOSSIBLE:
        body = {"identity": {"kind": kind, "external_id": external_id}}
        gateway.post("/accounts", body).expect_problem(422, "value_unacceptable")


NAMES = {"empty": "", "blank": " ", "long": "x" * 5000, "bell": "ding\a", "nul": "nul\0"}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_that_cannot_be_shown_is_not_acceptable(gateway, name):
    answer = gateway.post("/accounts", {"identity": telegram(), "display_name": name})
    answer.expect_problem(422, "value_unacceptable")


def test_members_that_are_not_known_are_ignored(gateway):
    gateway.post("/accounts", {"identity": telegram(), "favourite_colour": "red"}).expect(201)


def test_deleting_an_account_ends_it_and_its_sessions(gateway, mint):
    minted = mint()
    account_id = minted["account"]["account_id"]
    deleted = gateway.delete(f"/accounts/{account_id}")
    assert (deleted.status, deleted.body) == (204, b"")
    gateway.get(f"/accounts/{account_id}").expect_problem(404, "account_not_found")
    gateway.delete(f"/accounts/{account_id}").expect_problem(404, "account_not_found")
    assert gateway.get("/sessions/resolve", token=minted["token"]).status == 401


def test_an_identity_is_free_again_once_its_account_is_deleted(gateway):
    identity = telegram()
    first = create(gateway, identity)
    gateway.delete(f"/accounts/{first['account_id']}").expect(204)
    assert create(gateway, identity)["account_id"] != first["account_id"]


def test_an_account_that_sits_in_a_game_is_kept(gateway, mint, database):
    minted = mint()
    account_id = minted["account"]["account_id"]
    database.execute(
        f"INSERT INTO backend.game_players (game_id, account_id) VALUES ('{UNKNOWN_ID}', '{account_id}')"
    )
    gateway.delete(f"/accounts/{account_id}").expect_problem(409, "account_seated")
    gateway.get(f"/accounts/{account_id}").expect(200)
    gateway.get("/sessions/resolve", token=minted["token"]).expect(200)
