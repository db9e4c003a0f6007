"""`/verify`: forward authentication, asked directly as Envoy, Traefik and Caddy do, whatever the verb and path."""

import pytest

VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE"]
IDENTITY = ["X-User-ID", "X-Session-ID", "X-Account-Guest"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("path", ["/verify", "/verify/", "/verify/shop/items/7?colour=red"])
def test_a_live_session_passes(gateway, mint, verb, path):
    minted = mint()
    answer = gateway.request(verb, path, token=minted["token"], headers={"Content-Length": "0"})
    assert (answer.status, answer.body) == (200, b"")
    assert [answer.headers[name] for name in IDENTITY] == [
        minted["account"]["account_id"],
        minted["session"]["session_id"],
        "false",
    ]


def test_a_guest_is_marked(gateway, public):
    guest = public.post("/sessions/guest").expect(201)
    assert gateway.get("/verify", token=guest["token"]).headers["X-Account-Guest"] == "true"


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE", "PROPFIND"])
def test_everybody_else_is_denied(gateway, mint, verb):
    dead = mint()
    gateway.post("/sessions/revoke", token=dead["token"]).expect(200)
    gateway.request(verb, "/verify/x").expect_problem(401, "token_missing")
    gateway.request(verb, "/verify/x", token="x").expect_problem(401, "token_malformed")
    gateway.request(verb, "/verify/x", token=dead["token"]).expect_problem(401, "session_revoked")


def test_a_denial_names_the_scheme_and_nobody(gateway):
    answer = gateway.get("/verify")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert not any(name in answer.headers for name in IDENTITY)


def test_the_client_s_own_identity_headers_mean_nothing(gateway, mint):
    minted = mint()
    forged = {"X-User-ID": "root", "X-Session-ID": "root", "X-Account-Guest": "true"}
    answer = gateway.get("/verify", token=minted["token"], headers=forged)
    assert answer.headers["X-User-ID"] == minted["account"]["account_id"]
    assert answer.headers["X-Account-Guest"] == "false"


def test_a_path_that_only_begins_alike_is_unknown(gateway, mint):
    gateway.get("/verifyx", token=mint()["token"]).expect_problem(404, "route_unknown")
