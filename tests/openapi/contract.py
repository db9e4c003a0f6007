"""docs/openapi.yaml: its operations, and whether an answer is one that it tells of."""

import copy
import json
import re

import jsonschema
import yaml

from service import ROOT

DOCUMENT_PATH = ROOT / "docs/openapi.yaml"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
EMPTY_ANSWERS = (204, 304)


def load():
    return yaml.safe_load(DOCUMENT_PATH.read_text())


def _closed(schema):
    """The same schema, whose objects have no members but those that it names: what the service answers with is to be
    documented whole. The parts of an `allOf` see each other's members and stay open."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: value if name in ("allOf", "example") else _closed(value) for name, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict) and schema["properties"]:
        if schema.get("description") != "An OpenAPI document.":
            made["additionalProperties"] = False
    return made


class Contract:
    def __init__(self, document):
        self.document = document
        self._answers = copy.deepcopy(document)
        self._answers["components"]["schemas"] = _closed(document["components"]["schemas"])
        self.operations = list(self._read_operations())

    def _read_operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield Operation(self, method.upper(), path, item, item[method])

    def resolve(self, part):
        """What a `$ref` stands for, or the part itself."""
        while "$ref" in part:
            target = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            part = target
        return part

    def is_valid(self, value, schema):
        return self._validator(self.document, schema).is_valid(value)

    def complaints(self, value, schema, of_answer=False):
        """What is wrong with the value; of an answer also the members that nobody knows of."""
        validator = self._validator(self._answers if of_answer else self.document, schema)
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(value)]

    @staticmethod
    def _validator(document, schema):
        resolver = jsonschema.RefResolver("", document)
        return jsonschema.Draft202012Validator(schema, resolver=resolver)

    def named(self, name):
        return next(o for o in self.operations if o.name == name)


class Operation:
    def __init__(self, contract, method, path, item, says):
        self.contract = contract
        self.method = method
        self.path = path
        self.says = says
        self.name = says["operationId"]
        self.route = says.get("x-route", self.name)
        self.right = says.get("x-right")
        self.parameters = [contract.resolve(p) for p in item.get("parameters", []) + says.get("parameters", [])]
        self.own_codes = set(says["x-problem-codes"])
        common = contract.document["x-problem-codes"]
        self.codes = self.own_codes | set(common["every_route"])
        if self.right:
            self.codes |= set(common["with_a_right"])
        security = says.get("security", contract.document["security"])
        self.takes_token = any("sessionToken" in one for one in security)

    def __repr__(self):
        return f"{self.method} {self.path}"

    @property
    def body(self):
        """The media type, the schema and the examples of the body; nothing where none is read."""
        if "requestBody" not in self.says:
            return None
        ((media_type, content),) = self.says["requestBody"]["content"].items()
        return media_type, content["schema"], content["examples"]

    def response_to(self, status):
        responses = self.says["responses"]
        found = responses.get(str(status), responses.get("default") if status >= 400 else None)
        return self.contract.resolve(found) if found else None

    def check(self, answer):
        """Asserts that the document tells of this answer: status, header fields, media type, body and code."""
        response = self.response_to(answer.status)
        assert response, f"{self} has no response {answer.status}: {answer}"
        self._check_headers(answer, response.get("headers", {}))
        content = response.get("content", {})
        if not answer.body:
            assert not content or self.method == "HEAD", f"{self} answered without a body: {answer}"
            return
        media_type = answer.headers["Content-Type"].partition(";")[0]
        assert media_type in content, f"{self} answered {media_type}: {answer}"
        schema = content[media_type]["schema"]
        value = json.loads(answer.body) if media_type.endswith("json") else answer.body.decode()
        wrong = self.contract.complaints(value, schema, of_answer=True)
        assert not wrong, f"{self} answered {answer}: {wrong}"
        if media_type == "application/problem+json":
            assert value["code"] in self.codes, f"{self} does not tell of {value['code']}: {answer}"
            assert value["status"] == answer.status

    def _check_headers(self, answer, documented):
        for name, header in documented.items():
            header = self.contract.resolve(header)
            value = answer.headers.get(name)
            if value is None:
                assert name != "X-Request-Id"
                continue
            schema = header["schema"]
            if self.contract.resolve(schema).get("type") == "integer":
                value = int(value)
            wrong = self.contract.complaints(value, schema)
            assert not wrong, f"{self} answered {name}: {value}: {wrong}"
        # What only some answers have is told of where it comes.
        for name in ("X-Revocation-Cursor", "Retry-After", "WWW-Authenticate", "RateLimit", "ETag", "Allow"):
            assert name not in answer.headers or name in documented, f"{self} does not tell of {name}: {answer}"


def path_names(path):
    return re.findall(r"\{(\w+)\}", path)
