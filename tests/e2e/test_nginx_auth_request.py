"""A real nginx asks `/verify` before it lets anybody in."""

import pytest

from nginx import HTTP_1_0, HTTP_1_1_KEPT_ALIVE, Nginx, configuration_of


@pytest.fixture(scope="module", params=[HTTP_1_0, HTTP_1_1_KEPT_ALIVE], ids=["http_1_0", "http_1_1_kept_alive"])
def nginx(service, tmp_path_factory, request):
    directory = tmp_path_factory.mktemp("nginx")
    nginx = Nginx(directory, lambda port: configuration_of(port, service.port, request.param))
    yield nginx
    nginx.stop()


def test_a_live_session_is_let_in_by_name(nginx, mint):
    minted = mint()
    assert nginx.request(token=minted["token"]).expect(200) == {
        "user": minted["account"]["account_id"],
        "session": minted["session"]["session_id"],
        "guest": "false",
    }


def test_a_client_cannot_name_itself(nginx, mint):
    minted = mint()
    forged = {"X-User-ID": "root", "X-Session-ID": "root", "X-Account-Guest": "true"}
    seen = nginx.request(token=minted["token"], headers=forged).expect(200)
    assert (seen["user"], seen["guest"]) == (minted["account"]["account_id"], "false")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_request_with_a_body_is_let_in(nginx, mint, method):
    assert nginx.request(method, "/basket", token=mint()["token"], body={"item": 7}).status == 200


def test_nobody_else_is_let_in(nginx, mint, gateway):
    dead = mint()
    nginx.request(token=dead["token"]).expect(200)
    gateway.post("/sessions/revoke", token=dead["token"]).expect(200)
    assert nginx.request(token=dead["token"]).status == 401
    assert nginx.request(token="x").status == 401
    assert nginx.request().status == 401


def test_many_requests_in_a_row_are_let_in(nginx, mint):
    token = mint()["token"]
    assert [nginx.request(token=token).status for _ in range(50)] == [200] * 50


def test_no_service_lets_nobody_in(database, new_service, tmp_path):
    service = new_service(database).start()
    nginx = Nginx(tmp_path, lambda port: configuration_of(port, service.port, HTTP_1_1_KEPT_ALIVE))
    try:
        token = service.client("/api/v1/public").post("/sessions/guest").expect(201)["token"]
        assert nginx.request(token=token).status == 200
        service.kill()
        assert nginx.request(token=token).status == 500
    finally:
        nginx.stop()
