"""`/api/v1/public`: what a gateway exposes to those who have no session yet."""

from people import is_id, is_recent, is_token


def test_a_guest_gets_a_token_a_session_and_an_account(public, gateway):
    device = {"label": "Pixel 8", "user_agent": "app/1.2", "ip": "192.0.2.7"}
    guest = public.post("/sessions/guest", {"device": device}).expect(201)
    assert set(guest) == {"token", "session", "account"}
    assert is_token(guest["token"])
    session, account = guest["session"], guest["account"]
    assert is_id(session["session_id"]) and is_id(account["account_id"])
    assert session["account_id"] == account["account_id"]
    assert session["is_guest"] is True and account["is_guest"] is True
    assert session["device"] == device
    assert account["identities"] == []
    assert is_recent(session["created_at"]) and is_recent(account["created_at"])


def test_a_guest_needs_no_body(public, gateway):
    guest = public.post("/sessions/guest").expect(201)
    resolved = gateway.get("/sessions/resolve", token=guest["token"]).expect(200)
    assert resolved["account_id"] == guest["account"]["account_id"]
    assert resolved["is_guest"] is True


def test_each_guest_is_somebody_else(public):
    guests = [public.post("/sessions/guest", {}).expect(201) for _ in range(5)]
    assert len({guest["account"]["account_id"] for guest in guests}) == 5
    assert len({guest["token"] for guest in guests}) == 5


def test_a_device_of_the_wrong_shape_is_refused(public):
    public.post("/sessions/guest", {"device": "Pixel 8"}).expect_problem(400, "body_malformed")
    public.post("/sessions/guest", {"device": {"label": 8}}).expect_problem(400, "body_malformed")


def test_a_device_that_says_too_much_is_cut_at_a_character(public):
    said = {"label": "x" + "é" * 64, "user_agent": "x" * 513}
    session = public.post("/sessions/guest", {"device": said}).expect(201)["session"]
    assert session["device"] == {"label": "x" + "é" * 63, "user_agent": "x" * 512, "ip": None}


def test_an_address_is_taken_as_well_as_it_can_be(public):
    said = {
        "203.0.113.7:54321": "203.0.113.7",
        "[2001:db8::1]:443": "2001:db8::1",
        "fe80::1%eth0": "fe80::1",
        "::ffff:203.0.113.7": "203.0.113.7",
        "999.0.2.7": None,
        "a\0b": None,
    }
    for ip, stored in said.items():
        session = public.post("/sessions/guest", {"device": {"ip": ip}}).expect(201)["session"]
        assert session["device"]["ip"] == stored


def test_version_names_the_service(public):
    version = public.get("/version").expect(200)
    assert set(version) == {"service", "version"}
    assert version["service"] == "portcullis"
    assert version["version"]
