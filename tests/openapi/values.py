"""Values that a schema of the document allows, and ones that it forbids, for Hypothesis."""

import datetime
import re

from hypothesis import strategies as st

TEXT_MAX = 40  # longer ones are made where a limit is tried
ITEMS_MAX = 4

_text = st.text(st.characters(min_codepoint=1, blacklist_categories=("Cs",)), max_size=TEXT_MAX)
_scalar = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), _text)
_anything = st.recursive(
    _scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_text, inner, max_size=3)),
    max_leaves=5,
)


def allowed(contract, schema):
    """Values that keep to the schema."""
    schema = contract.resolve(schema)
    return _drawn(contract, schema).filter(lambda value: contract.is_valid(value, schema))


def _drawn(contract, schema):
    schema = contract.resolve(schema)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "properties" in schema:
        return _object(contract, schema)
    for name in ("oneOf", "allOf"):
        if name in schema:
            return st.one_of([allowed(contract, each) for each in schema[name]])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_of_type(contract, schema, each) for each in types])


def _of_type(contract, schema, kind):
    if kind == "null":
        return st.none()
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if kind == "array":
        return st.lists(allowed(contract, schema["items"]), max_size=min(schema["maxItems"], ITEMS_MAX))
    if kind == "object":
        return _object(contract, schema)
    assert kind == "string", schema
    return _string(schema)


def _string(schema):
    if schema.get("format") == "date-time":  # a pattern does not say which days there are
        return st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2100, 1, 1)).map(lambda at: at.isoformat() + "Z")
    pattern = schema.get("pattern", "")
    if pattern.startswith("^[^\\u0000]") or pattern.startswith("^[\\s\\S]"):
        return st.text(
            st.characters(min_codepoint=1, blacklist_categories=("Cs",)),
            min_size=schema.get("minLength", 0),
            max_size=min(schema["maxLength"], TEXT_MAX),
        )
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=False).filter(
        lambda text: len(text) <= schema["maxLength"] and not text.endswith("\n")
    )


def _object(contract, schema):
    required = set(schema.get("required", []))
    properties = {name: allowed(contract, each) for name, each in schema.get("properties", {}).items()}
    made = st.fixed_dictionaries(
        {name: each for name, each in properties.items() if name in required},
        optional={name: each for name, each in properties.items() if name not in required},
    )
    if "oneOf" not in schema:
        return made
    # Members of which exactly one is to be there.
    choices = [each["required"][0] for each in schema["oneOf"]]
    return st.sampled_from(choices).flatmap(
        lambda chosen: st.fixed_dictionaries(
            {chosen: properties[chosen].filter(lambda value: value is not None)},
            optional={name: each for name, each in properties.items() if name not in choices},
        )
    )


def forbidden_body(contract, schema):
    """Bodies that break the schema: another kind of value, or an allowed body with one member spoilt or left out."""
    whole = _anything
    spoilt = allowed(contract, schema).flatmap(lambda body: _spoilt(contract, schema, body))
    return st.one_of(spoilt, spoilt, whole).filter(lambda body: not contract.is_valid(body, schema))


def _spoilt(contract, schema, body):
    schema = contract.resolve(schema)
    names = sorted(schema.get("properties", {}))
    required = sorted(set(schema.get("required", [])) & set(body))
    leave_out = [st.sampled_from(required).map(lambda name: {k: v for k, v in body.items() if k != name})] if required else []
    replace = st.sampled_from(names).flatmap(
        lambda name: _wrong(contract, schema["properties"][name]).map(lambda value: {**body, name: value})
    )
    return st.one_of(replace, *leave_out)


def _wrong(contract, schema):
    """Values of all kinds, and those just past a limit."""
    schema = contract.resolve(schema)
    limits = []
    if "maxLength" in schema:
        limits.append(st.just("a" * (schema["maxLength"] + 1)))
    if schema.get("minLength"):
        limits.append(st.just(""))
    if "maximum" in schema:
        limits.append(st.sampled_from([schema["maximum"] + 1, schema["minimum"] - 1]))
    if "maxItems" in schema:
        limits.append(allowed(contract, schema["items"]).map(lambda item: [item] * (schema["maxItems"] + 1)))
    return st.one_of(_anything, *limits)


def forbidden_text(contract, schema):
    """Texts that a parameter may not have: a number is written out."""
    schema = contract.resolve(schema)
    is_number = schema.get("type") == "integer"
    candidates = [st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=TEXT_MAX)]
    if is_number:
        candidates.append(st.sampled_from([schema["maximum"] + 1, schema["minimum"] - 1]).map(str))
    if "maxLength" in schema:
        candidates.append(st.just("a" * (schema["maxLength"] + 1)))

    def breaks(text):
        if is_number and re.fullmatch(r"-?[0-9]{1,18}", text):
            return not contract.is_valid(int(text), schema)
        return not contract.is_valid(text, schema)

    return st.one_of(candidates).filter(breaks)
