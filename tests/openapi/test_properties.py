"""What the document allows and what it forbids, made up by Hypothesis and sent to a running service: whatever comes back
is an answer that the document tells of. Always the same values, so that a run can be repeated."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from values import allowed, forbidden_body, forbidden_text
from world import NOTHING

EXAMPLES = 8  # of each operation and test: half a minute for all of them together

bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

# The words for what cannot be understood: never said of what the document allows.
MALFORMED = {"body_malformed", "id_malformed", "parameter_malformed", "cursor_malformed", "media_type_unsupported"}

# What is read leniently on purpose: the document says how it is to be written, and the service takes more.
LENIENT = {
    ("X-Session-ID", "header"),  # an empty one counts as not sent
    ("Accept", "header"),
    ("If-None-Match", "header"),
    ("path", "path"),  # of which none is forbidden
    ("reason", "query"),  # its limit is one of bytes; a member of the body wins
    ("external_id", "query"),  # white space around it is cut off before its length counts
    ("external_id", "path"),
    ("created_before", "query"),
    ("created_after", "query"),
    ("since", "query"),
    ("until", "query"),
    ("since", "query"),
    ("until", "query"),
}

# An answer that does not end, or that waits, is not asked for at random.
FIXED = {("Accept", "header"): "application/json", ("wait", "query"): 0}


def _parameter_values(operation):
    contract = operation.contract
    required, optional = {}, {}
    for p in operation.parameters:
        key = (p["name"], p["in"])
        if key == ("If-None-Match", "header"):
            continue
        values = st.just(FIXED[key]) if key in FIXED else allowed(contract, p["schema"])
        if p["in"] == "header":
            values = values.filter(lambda text: str(text).isascii() and str(text).isprintable() and str(text).strip() == str(text))
        (required if p.get("required") else optional)[key] = values
    return st.fixed_dictionaries(required, optional=optional)


def _fill_in(operation, world, parameters, data):
    """Ids that exist, in place of some that do not."""
    for key, value in {("account_id", "path"): world.account, ("session_id", "path"): world.session,
                       ("X-User-ID", "header"): world.account, ("X-Session-ID", "header"): world.session}.items():
        if key in parameters and data.draw(st.booleans()):
            parameters[key] = value
    return parameters


def _body(operation, world, data):
    if not operation.body:
        return NOTHING
    _, schema, examples = operation.body
    if not operation.says["requestBody"]["required"] and data.draw(st.booleans()):
        return NOTHING
    if data.draw(st.integers(0, 3)) == 0:
        return world.live(data.draw(st.sampled_from([e["value"] for e in examples.values()])))
    return data.draw(allowed(operation.contract, schema))


def test_what_is_allowed_is_answered_as_told(operation, new_world):
    shared = new_world()

    @bounded
    @given(st.data())
    def check(data):
        world = shared if operation.method == "GET" else new_world()
        parameters = _fill_in(operation, world, data.draw(_parameter_values(operation)), data)
        answer = world.send(operation, parameters, _body(operation, world, data))
        operation.check(answer)
        assert answer.status < 500, answer
        code = answer.json["code"] if answer.status >= 400 and answer.body else None
        if not _may_be_malformed(parameters):
            assert code not in MALFORMED, f"{operation} refused {parameters}: {answer}"

    check()


def _may_be_malformed(parameters):
    """What no schema says: `keep` needs a session, and an id is searched by characters that Unicode has."""
    needs_session = ("keep", "query") in parameters and ("X-Session-ID", "header") not in parameters
    searches = ("external_id", "query") in parameters
    return needs_session or searches


def test_a_body_that_is_forbidden_is_refused(operation, new_world):
    if not operation.body or operation.body[0] != "application/json":
        return
    world = new_world()

    @bounded
    @given(st.data())
    def check(data):
        body = data.draw(forbidden_body(operation.contract, operation.body[1]))
        parameters = {
            (p["name"], p["in"]): world.live(p["example"]) for p in operation.parameters if p.get("required")
        }
        answer = world.send(operation, parameters, body)
        operation.check(answer)
        assume(not _is_lenient(body))
        assert answer.status in (400, 422), f"{operation} took {body!r}: {answer}"

    check()


def _is_lenient(body):
    """A text whose length is counted after white space around it is cut off, or in bytes: the service may take it."""
    texts = [body.get("display_name"), body.get("external_id")] if isinstance(body, dict) else []
    identity = body.get("identity") if isinstance(body, dict) else None
    if isinstance(identity, dict):
        texts.append(identity.get("external_id"))
    return any(isinstance(text, str) and text.strip() != text for text in texts)


def test_a_parameter_that_is_forbidden_is_refused(operation, new_world):
    strict = [p for p in operation.parameters if (p["name"], p["in"]) not in LENIENT]
    if not strict:
        return
    world = new_world()

    @bounded
    @given(st.data())
    def check(data):
        spoilt = data.draw(st.sampled_from(strict))
        parameters = {
            (p["name"], p["in"]): world.live(p["example"]) for p in operation.parameters if p.get("required")
        }
        parameters[spoilt["name"], spoilt["in"]] = data.draw(forbidden_text(operation.contract, spoilt["schema"]))
        body = NOTHING
        if operation.body:
            body = world.live(next(iter(operation.body[2].values()))["value"])
        answer = world.send(operation, parameters, body)
        operation.check(answer)
        assert 400 <= answer.status < 500, f"{operation} took {parameters}: {answer}"

    check()


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/json; charset=latin-1"])
def test_another_media_type_is_refused(operation, new_world, media_type):
    if not operation.body:
        return
    world = new_world()
    parameters = {(p["name"], p["in"]): world.live(p["example"]) for p in operation.parameters if p.get("required")}
    body = world.live(next(iter(operation.body[2].values()))["value"])
    answer = world.send(operation, parameters, body, media_type=media_type)
    operation.check(answer)
    answer.expect_problem(415, "media_type_unsupported")
