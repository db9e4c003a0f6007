"""Linking and unlinking identities, guests that grow up, names and seats."""

import random
import threading
import urllib.parse
import uuid

from people import UNKNOWN_ID, email, is_token, telegram


def guest(public):
    answer = public.post("/sessions/guest").expect(201)
    return answer["account"]["account_id"], answer["token"]


def resolve(gateway, token):
    return gateway.get("/sessions/resolve", token=token)


def link(gateway, account_id, identity, token=None, **more):
    return gateway.post(f"/accounts/{account_id}/identities", {**identity, **more}, token=token)


def identity_path(account_id, identity):
    return f"/accounts/{account_id}/identities/{identity['kind']}/{urllib.parse.quote(identity['external_id'])}"


def known_by(account):
    return [{"kind": i["kind"], "external_id": i["external_id"]} for i in account["identities"]]


def test_a_second_identity_leads_to_the_same_account(gateway):
    first, second = telegram(), email()
    account = gateway.post("/accounts", {"identity": first}).expect(201)["account"]
    linked = link(gateway, account["account_id"], second).expect(201)
    assert known_by(linked["account"]) == [first, second]
    found = gateway.post("/accounts", {"identity": second}).expect(200)["account"]
    assert found["account_id"] == account["account_id"]


def test_linking_twice_changes_nothing(gateway):
    identity = telegram()
    account = gateway.post("/accounts", {"identity": identity}).expect(201)["account"]
    assert link(gateway, account["account_id"], identity).expect(200) == {"account": account}


def test_a_guest_that_links_is_a_guest_no_more_and_keeps_its_session(gateway, public):
    account_id, token = guest(public)
    assert resolve(gateway, token).expect(200)["is_guest"] is True
    linked = link(gateway, account_id, email()).expect(201)
    assert linked["account"]["account_id"] == account_id and linked["account"]["is_guest"] is False
    session = resolve(gateway, token).expect(200)
    assert session["account_id"] == account_id and session["is_guest"] is False


def test_a_rotation_ends_the_old_token_and_tells_subscribers(gateway, public):
    account_id, token = guest(public)
    old = resolve(gateway, token).expect(200)
    before = gateway.get("/revocations").expect(200)["cursor"]
    linked = link(gateway, account_id, email(), token, rotate=True, device={"label": "phone"}).expect(201)
    assert is_token(linked["token"]) and linked["session"]["device"]["label"] == "phone"
    resolve(gateway, token).expect_problem(401, "session_revoked")
    fresh = resolve(gateway, linked["token"]).expect(200)
    assert fresh["session_id"] == linked["session"]["session_id"] != old["session_id"]
    assert fresh["is_guest"] is False
    events, cursor = [], before
    while not any(e.get("session_id") == old["session_id"] for e in events):
        page = gateway.get(f"/revocations?cursor={cursor}&wait=30").expect(200)
        assert page["events"], "the old session's event did not come"
        events, cursor = events + page["events"], page["cursor"]


def test_a_rotation_needs_the_token_of_a_session_of_that_account(gateway, public):
    account_id, token = guest(public)
    _, stranger = guest(public)
    link(gateway, account_id, email(), rotate=True).expect_problem(401, "token_missing")
    link(gateway, account_id, email(), stranger, rotate=True).expect_problem(401, "session_unknown")
    account = gateway.get(f"/accounts/{account_id}").expect(200)["account"]
    assert account["is_guest"] is True and account["identities"] == []
    assert resolve(gateway, token).expect(200)["is_guest"] is True
    resolve(gateway, stranger).expect(200)


def test_an_identity_of_somebody_else_is_taken_and_nothing_changes(gateway, public):
    identity = email()
    owner = gateway.post("/accounts", {"identity": identity}).expect(201)["account"]
    account_id, token = guest(public)
    link(gateway, account_id, identity, token, rotate=True).expect_problem(409, "identity_taken")
    assert gateway.get(f"/accounts/{owner['account_id']}").expect(200)["account"] == owner
    assert gateway.get(f"/accounts/{account_id}").expect(200)["account"]["is_guest"] is True
    resolve(gateway, token).expect(200)


def test_racing_links_of_one_identity_have_one_winner(service, gateway, public):
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    for _ in range(5):
        identity = email()
        guests = [guest(public)[0] for _ in range(8)]
        delays = [dice.random() * 0.005 for _ in guests]
        answers = {}

        def race(account_id, delay):
            threading.Event().wait(delay)
            answers[account_id] = link(service.client("/api/v1/internal"), account_id, identity).status

        threads = [threading.Thread(target=race, args=pair) for pair in zip(guests, delays)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers.values()) == [201] + [409] * 7
        [winner] = [account_id for account_id, status in answers.items() if status == 201]
        query = urllib.parse.urlencode(identity)
        assert gateway.get(f"/accounts?{query}").expect(200)["account"]["account_id"] == winner


def test_nobody_links_to_an_account_that_is_not_there(gateway):
    link(gateway, UNKNOWN_ID, email()).expect_problem(404, "account_not_found")


def test_an_identity_that_cannot_be_is_not_linked(gateway):
    account_id = gateway.post("/accounts/guest").expect(201)["account"]["account_id"]
    bad = {"kind": "email", "external_id": "nobody"}
    link(gateway, account_id, bad).expect_problem(422, "value_unacceptable")
    gateway.post(f"/accounts/{account_id}/identities", {}).expect_problem(400, "body_malformed")


def test_unlinking_leaves_the_last_identity(gateway):
    first, second = telegram(), email()
    account_id = gateway.post("/accounts", {"identity": first}).expect(201)["account"]["account_id"]
    link(gateway, account_id, second).expect(201)
    left = gateway.delete(identity_path(account_id, first)).expect(200)
    assert known_by(left["account"]) == [second]
    gateway.delete(identity_path(account_id, first)).expect_problem(404, "identity_not_found")
    gateway.delete(identity_path(account_id, second)).expect_problem(409, "identity_last")
    assert known_by(gateway.get(f"/accounts/{account_id}").expect(200)["account"]) == [second]
    gateway.delete(identity_path(UNKNOWN_ID, second)).expect_problem(404, "account_not_found")


def test_a_name_is_set_changed_and_cleared(gateway):
    account_id = gateway.post("/accounts", {"identity": telegram()}).expect(201)["account"]["account_id"]
    path = f"/accounts/{account_id}"
    for name in ("Ada", "Zoë ♛", None):
        assert gateway.request("PATCH", path, {"display_name": name}).expect(200)["account"]["display_name"] == name
        assert gateway.get(path).expect(200)["account"]["display_name"] == name
    gateway.request("PATCH", path, {"display_name": "x" * 65}).expect_problem(422, "value_unacceptable")
    gateway.request("PATCH", path, {}).expect_problem(400, "body_malformed")
    gateway.request("PATCH", f"/accounts/{UNKNOWN_ID}", {"display_name": "x"}).expect_problem(404, "account_not_found")


def test_a_user_changes_its_own_name(service, gateway):
    account_id = gateway.post("/accounts", {"identity": telegram()}).expect(201)["account"]["account_id"]
    user = service.as_user(account_id)
    assert user.request("PATCH", "/account", {"display_name": "Grace"}).expect(200)["account"]["display_name"] == "Grace"
    service.client("/api/v1/user").request("PATCH", "/account", {"display_name": "x"}).expect_problem(
        401, "user_required"
    )


def test_a_seat_holds_the_account(gateway, database):
    account_id = gateway.post("/accounts/guest").expect(201)["account"]["account_id"]
    path = f"/games/{UNKNOWN_ID}/players/{account_id}"
    gateway.request("PUT", path, {"seat": 2}).expect(204)
    gateway.request("PUT", path, {"seat": 3}).expect(204)
    assert database.execute(f"select seat from backend.game_players where account_id = '{account_id}'") == "3"
    gateway.delete(f"/accounts/{account_id}").expect_problem(409, "account_seated")
    gateway.get(f"/accounts/{account_id}").expect(200)


def test_a_seat_needs_an_account_and_a_number(gateway):
    account_id = gateway.post("/accounts/guest").expect(201)["account"]["account_id"]
    gateway.request("PUT", f"/games/{UNKNOWN_ID}/players/{UNKNOWN_ID}").expect_problem(404, "account_not_found")
    gateway.request("PUT", f"/games/chess/players/{account_id}").expect_problem(400, "id_malformed")
    path = f"/games/{UNKNOWN_ID}/players/{account_id}"
    gateway.request("PUT", path, {"seat": "front"}).expect_problem(400, "body_malformed")
    gateway.request("PUT", path, {"seat": -1}).expect_problem(422, "value_unacceptable")


def test_introspection_tells_an_active_token_from_everything_else(gateway, mint):
    minted = mint()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def introspect(token):
        form = urllib.parse.urlencode({"token": token}).encode()
        return gateway.post("/introspect", form, headers=headers).expect(200)

    known = introspect(minted["token"])
    assert known["active"] is True and known["token_type"] == "Bearer" and isinstance(known["iat"], int)
    assert known["sub"] == minted["account"]["account_id"] and known["sid"] == minted["session"]["session_id"]
    assert introspect("garbage") == {"active": False}
    gateway.delete(f"/sessions/{minted['session']['session_id']}").expect(200)
    assert introspect(minted["token"]) == {"active": False}
    gateway.post("/introspect", b"", headers=headers).expect_problem(400, "body_malformed")
    gateway.post("/introspect", {"token": "x"}).expect_problem(415, "media_type_unsupported")


def test_a_person_who_is_written_in_two_ways_has_one_account(gateway):
    name = uuid.uuid4().hex
    spellings = [
        f"josé.{name}@exämple.org",
        f"JOSE\u0301.{name.upper()}@XN--EXMPLE-CUA.org",
        f" José.{name}@Exa\u0308mple。org ",
    ]
    made = [gateway.post("/accounts", {"identity": {"kind": "email", "external_id": text}}) for text in spellings]
    assert [answer.status for answer in made] == [201, 200, 200]
    accounts = [answer.json["account"] for answer in made]
    assert accounts[0] == accounts[1] == accounts[2]
    assert accounts[0]["identities"][0]["external_id"] == f"josé.{name}@xn--exmple-cua.org"


def test_an_address_that_hides_something_is_not_acceptable(gateway):
    for hidden in ("\u200b", "\u00a0", "\u00ad", "\u202e", "\ufeff", "\u0378", "\u0001"):
        for address in (f"a{hidden}da@example.org", f"ada@exam{hidden}ple.org", f"ada@example.org{hidden}"):
            answer = gateway.post("/accounts", {"identity": {"kind": "email", "external_id": address}})
            answer.expect_problem(422, "value_unacceptable")


def test_a_name_has_something_visible(gateway):
    for name in ("\u200b", "\u3164", " \u00a0 ", "a\u202eb", "a\u2028b"):
        answer = gateway.post("/accounts", {"identity": email(), "display_name": name})
        answer.expect_problem(422, "value_unacceptable")
