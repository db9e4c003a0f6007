"""Envoy and Traefik are not in Debian and were not run: their files are checked for what matters, and the service is
asked as their documentation says that they ask."""

import itertools

import pytest
import yaml

from http_client import encode_request, Connection
from service import ROOT

IDENTITY = ["x-user-id", "x-session-id", "x-account-guest"]


def load(path):
    return yaml.safe_load((ROOT / "examples" / path).read_text())


def spellings(name):
    """With hyphens and underscores in every mixture."""
    parts = name.split("-")
    for marks in itertools.product("-_", repeat=len(parts) - 1):
        yield "".join(itertools.chain.from_iterable(zip(parts, [*marks, ""])))


def ask(service, *arguments, **parts):
    with Connection(service.port) as connection:
        connection.send(encode_request(*arguments, **parts))
        return connection.read_response(arguments[0])


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_envoy_asks_with_the_verb_and_the_path_of_the_request(service, mint, verb):
    minted = mint()
    headers = {"Content-Length": "0", "x-envoy-internal": "true", "x-forwarded-for": "10.0.0.1",
               "x-envoy-expected-rq-timeout-ms": "2000"}
    target = "/api/v1/internal/verify/basket/7?colour=red"
    answer = ask(service, verb, target, token=minted["token"], headers=headers)
    assert answer.status == 200
    assert answer.headers["X-User-ID"] == minted["account"]["account_id"]
    assert ask(service, verb, target, headers=headers).status == 401


def test_traefik_asks_with_get_and_what_it_forwards(service, mint):
    minted = mint()
    headers = {"X-Forwarded-Method": "POST", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "app.example",
               "X-Forwarded-Uri": "/basket?colour=red", "X-Forwarded-For": "10.0.0.1", "Accept-Encoding": "gzip"}
    answer = ask(service, "GET", "/api/v1/internal/verify", token=minted["token"], headers=headers)
    assert answer.status == 200
    assert answer.headers["X-Session-ID"] == minted["session"]["session_id"]


def test_envoys_file_strips_asks_and_copies():
    [listener] = load("envoy/envoy.yaml")["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    filters = {one["name"].rsplit(".", 1)[1]: one["typed_config"] for one in manager["http_filters"]}
    assert list(filters) == ["cors", "header_mutation", "ext_authz", "router"], "in the order in which they act"
    removed = [one["remove"] for one in filters["header_mutation"]["mutations"]["request_mutations"]]
    assert removed == IDENTITY
    assert manager["common_http_protocol_options"]["headers_with_underscores_action"] == "DROP_HEADER"
    authz = filters["ext_authz"]
    assert authz["failure_mode_allow"] is False
    assert authz["http_service"]["path_prefix"] == "/api/v1/internal/verify"
    assert "authorization_request" not in authz["http_service"], "nothing of the client but what Envoy always sends"
    copied = authz["http_service"]["authorization_response"]["allowed_upstream_headers"]["patterns"]
    assert [one["exact"] for one in copied] == IDENTITY


def test_traefiks_file_strips_asks_and_copies():
    http = load("traefik/dynamic.yaml")["http"]
    for router in http["routers"].values():
        assert router["middlewares"][:2] == ["cors", "strip"] and router["middlewares"][-1] == "portcullis"
    stripped = http["middlewares"]["strip"]["headers"]["customRequestHeaders"]
    assert set(stripped.values()) == {""}
    assert sorted(map(str.lower, stripped)) == sorted(one for name in IDENTITY for one in spellings(name))
    forward = http["middlewares"]["portcullis"]["forwardAuth"]
    assert forward["authRequestHeaders"] == ["Authorization"]
    assert [name.lower() for name in forward["authResponseHeaders"]] == IDENTITY
