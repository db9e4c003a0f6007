"""The endpoints of the standards, as plug-ins of gateways ask them: RFC 7662, RFC 7009, RFC 8414."""

from urllib.parse import urlencode

import pytest

UNKNOWN = "pcs_" + "0" * 49
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def ask(http):
    def ask(path, **fields):
        return http.post(path, urlencode(fields).encode(), headers=FORM)

    return ask


def test_a_token_is_introspected_at_both_paths(ask, mint):
    minted = mint()
    said = ask("/oauth2/introspect", token=minted["token"], token_type_hint="access_token").expect(200)
    assert said == ask("/api/v1/internal/introspect", token=minted["token"]).expect(200)
    assert said["active"] is True
    assert said["sub"] == minted["account"]["account_id"]
    assert said["sid"] == minted["session"]["session_id"]
    for dead in (UNKNOWN, "nonsense", ""):
        assert ask("/oauth2/introspect", token=dead).expect(200) == {"active": False}


def test_a_revoked_token_is_dead_everywhere(ask, mint, service):
    token = mint()["token"]
    answer = ask("/oauth2/revoke", token=token, token_type_hint="access_token")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["X-Revocation-Cursor"]
    assert answer.headers["Cache-Control"] == "no-store"
    service.resolve(token).expect_problem(401, "session_revoked")
    assert ask("/oauth2/introspect", token=token).expect(200) == {"active": False}
    assert ask("/oauth2/revoke", token=token).status == 200


@pytest.mark.parametrize("token", [UNKNOWN, "nonsense", "pcs_"])
def test_a_token_that_is_none_is_revoked_already(ask, token):
    answer = ask("/oauth2/revoke", token=token)
    assert (answer.status, answer.body) == (200, b"")


def test_a_form_without_a_token_is_refused(http, ask):
    for path in ("/oauth2/introspect", "/oauth2/revoke"):
        ask(path, other="x").expect_problem(400, "body_malformed")
        http.post(path, {"token": UNKNOWN}).expect_problem(415, "media_type_unsupported")
        http.get(path).expect_problem(405, "method_not_allowed")


def test_the_metadata_names_the_endpoints(http):
    said = http.get("/.well-known/oauth-authorization-server").expect(200)
    issuer = said["issuer"]
    assert issuer == "https://portcullis.test"
    assert said["introspection_endpoint"] == issuer + "/oauth2/introspect"
    assert said["revocation_endpoint"] == issuer + "/oauth2/revoke"
    methods = ["client_secret_basic", "client_secret_post"]
    assert said["introspection_endpoint_auth_methods_supported"] == methods
    assert said["revocation_endpoint_auth_methods_supported"] == methods
    assert said["response_types_supported"] == []


def test_the_issuer_is_what_the_configuration_says(new_service, database):
    issuer = "https://sessions.example.org"
    service = new_service(database, BACKEND_OAUTH_ISSUER=issuer + "/").start()
    said = service.http.get("/.well-known/oauth-authorization-server").expect(200)
    assert said["issuer"] == issuer
    assert said["revocation_endpoint"] == issuer + "/oauth2/revoke"
    minted = service.gateway.post("/sessions", {"identity": {"kind": "telegram", "external_id": "77"}}).expect(201)
    told = service.http.post("/oauth2/introspect", urlencode({"token": minted["token"]}).encode(), headers=FORM)
    assert told.expect(200)["iss"] == issuer
