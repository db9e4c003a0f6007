"""Every example of a request, sent to a running service, is answered as the document says: with one of its 2xx, or where something is."""

import pytest

from callers import by_header
from contract import Contract, load
from http_client import Connection
from world import NOTHING


def _requests():
    for operation in Contract(load()).operations:
        if operation.body is None:
            yield pytest.param(operation, None, id=operation.name)
            continue
        if not operation.says["requestBody"]["required"]:
            yield pytest.param(operation, None, id=f"{operation.name}-nothing")
        for name in operation.body[2]:
            yield pytest.param(operation, name, id=f"{operation.name}-{name}")


def _parameters(operation, world, leaves_out=()):
    return {
        (p["name"], p["in"]): world.live(p["example"])
        for p in operation.parameters
        if p["name"] not in leaves_out and p["name"] != "If-None-Match"
    }


@pytest.mark.parametrize("operation, example", _requests())
def test_an_example_is_answered(operation, example, new_world):
    world = new_world()
    body = NOTHING if example is None else world.live(operation.body[2][example]["value"])
    answer = world.send(operation, _parameters(operation, world), body)
    operation.check(answer)
    assert 200 <= answer.status < 400, f"{operation} {example}: {answer}"
    assert str(answer.status) in operation.says["responses"]


def test_parameters_that_are_optional_may_be_left_out(operation, new_world):
    world = new_world()
    optional = [p["name"] for p in operation.parameters if not p.get("required")]
    if not optional:
        return
    body = NOTHING
    if operation.body and operation.says["requestBody"]["required"]:
        body = world.live(next(iter(operation.body[2].values()))["value"])
    answer = world.send(operation, _parameters(operation, world, optional), body)
    operation.check(answer)
    assert 200 <= answer.status < 300, answer


def test_parameters_that_are_required_may_not(operation, new_world):
    world = new_world()
    for parameter in operation.parameters:
        if parameter.get("required") and parameter["in"] != "path":
            answer = world.send(operation, _parameters(operation, world, [parameter["name"]]))
            operation.check(answer)
            assert 400 <= answer.status < 500, answer


def test_the_feed_streams_as_its_example_does(contract, service, keys, new_world):
    operation = contract.named("revocations")
    example = operation.response_to(200)["content"]["text/event-stream"]["example"]
    headers = {**by_header(keys["all"]), "Accept": "text/event-stream", "Last-Event-ID": new_world().cursor}
    with Connection(service.port) as connection:
        connection.send_request("GET", operation.path, headers=headers)
        _, status, fields = connection.read_head()
        assert (status, fields["Content-Type"]) == (200, "text/event-stream")
        shown = [line.partition(":")[0] for line in example.split("\n")[:4]]
        assert [connection.read_line().partition(":")[0] for _ in shown] == shown


def test_HEAD_works_where_GET_does(operation, new_world):
    if operation.method != "GET":
        return
    world = new_world()
    answer = world.send(operation, _parameters(operation, world), method="HEAD")
    assert answer.status == world.send(operation, _parameters(operation, world)).status < 400
    assert answer.body == b""


def test_a_method_that_is_not_told_of_is_405(operation, new_world):
    if operation.says.get("x-any-method"):
        return
    told = {o.method for o in operation.contract.operations if o.path == operation.path}
    other = next(m for m in ("POST", "DELETE", "PUT", "PATCH") if m not in told)
    world = new_world()
    answer = world.send(operation, _parameters(operation, world), method=other)
    # With callers the route is looked up first: a path that is known is 405 for whoever asks.
    assert answer.status == 405, answer
    assert set(answer.headers["Allow"].split(", ")) == told | ({"HEAD"} if "GET" in told else set())
    operation.check(answer)


def test_security_is_as_told(operation, new_world, keys):
    """Without a key 401, with one that has no right 403; `verify` says 403 for both, and what is open asks nothing."""
    world = new_world()
    parameters = _parameters(operation, world)
    unknown = world.send(operation, parameters, key="")
    forbidden = world.send(operation, parameters, key=keys["nothing"])
    for answer in (unknown, forbidden):
        operation.check(answer)
    if not operation.right:
        assert unknown.status not in (401, 403) and forbidden.status not in (401, 403)
        return
    assert unknown.status == (403 if operation.route == "verify" else 401)
    forbidden.expect_problem(403, "caller_forbidden")
