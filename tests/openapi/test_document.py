"""The document as the service serves it, and its own examples against its own schemas."""

import gzip
import json

import pytest

from contract import load, path_names


def test_the_service_serves_the_document(service):
    answer = service.http.get("/openapi.json")
    assert answer.expect(200) == json.loads(json.dumps(load()))
    assert answer.headers["Cache-Control"] == "no-cache"
    head = service.http.head("/openapi.json")
    assert (head.status, head.headers["ETag"]) == (200, answer.headers["ETag"])


def test_it_has_the_version_of_the_service(service):
    version = service.client("/api/v1/public").get("/version").expect(200)["version"]
    assert service.http.get("/openapi.json").expect(200)["info"]["version"] == version


def test_it_comes_compressed_for_who_takes_that(service):
    plain = service.http.get("/openapi.json")
    packed = service.http.get("/openapi.json", headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8, *;q=0.1"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    for refused in ("gzip;q=0", "identity", "gzip;q=0, *", "br"):
        answer = service.http.get("/openapi.json", headers={"Accept-Encoding": refused})
        assert "Content-Encoding" not in answer.headers, refused


def test_who_has_it_is_told_so(service):
    tag = service.http.get("/openapi.json").headers["ETag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = service.http.get("/openapi.json", headers={"If-None-Match": known})
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
        assert "Content-Length" not in answer.headers
    assert service.http.get("/openapi.json", headers={"If-None-Match": '"other"'}).status == 200
    # The tag of the other form does not stand for this one.
    compressed = service.http.get("/openapi.json", headers={"If-None-Match": tag, "Accept-Encoding": "gzip"})
    assert compressed.status == 200


def test_each_name_in_a_path_is_a_parameter(operation):
    declared = {p["name"] for p in operation.parameters if p["in"] == "path"}
    assert declared == set(path_names(operation.path))


def test_each_example_keeps_to_its_schema(operation, contract):
    for parameter in operation.parameters:
        assert not contract.complaints(parameter["example"], parameter["schema"]), parameter
    if operation.body:
        _, schema, examples = operation.body
        assert examples
        for example in examples.values():
            assert not contract.complaints(example["value"], schema), example
    for status, response in operation.says["responses"].items():
        for media_type, content in contract.resolve(response).get("content", {}).items():
            if "example" in content:
                wrong = contract.complaints(content["example"], content["schema"], of_answer=True)
                assert not wrong, f"{operation} {status} {media_type}: {wrong}"


def test_what_is_not_told_of_is_noticed(contract):
    """The check of answers is itself checked: an unknown member, a missing one and a wrong one."""
    schema = {"$ref": "#/components/schemas/Revoked"}
    sound = {"revoked": True, "cursor": "236caaf016445913-2"}
    assert not contract.complaints(sound, schema, of_answer=True)
    for wrong in ({**sound, "more": 1}, {"revoked": True}, {**sound, "cursor": "2"}):
        assert contract.complaints(wrong, schema, of_answer=True)


@pytest.mark.parametrize("name", ["account_id", "X-User-ID", "limit"])
def test_parameters_are_described(contract, name):
    assert name in contract.document["components"]["parameters"]
