"""What exists in the service while the document is sent to it: for each request an account, its session and the rest,
so that one request's deletion is not another's 404."""

import hashlib
import json
import urllib.parse

from callers import by_header
from http_client import exchange
from people import NEVER_MINTED, UNKNOWN_ID, email, telegram

# The ids of the document's examples.
ACCOUNT = "01a1fcb5-2eee-72b6-af17-c18789ed2991"
SESSION = "01a1fcb5-2eee-72b5-b451-9b4c0f064ee9"
JOB = "01a1fcb5-4a00-7000-8000-0000000000bb"
GAME = "01a1fcb5-3f00-7000-8000-0000000000aa"
ADDRESS = "ada@example.org"
CURSOR = "236caaf016445913-2"
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


NOTHING = object()  # no body, which JSON's null is not


class World:
    """One account with two identities and a live session."""

    def __init__(self, service, key):
        self._service = service
        self._key = key
        gateway = service.client("/api/v1/internal", **by_header(key))
        self.address = email()["external_id"]
        body = {"identity": {"kind": "email", "external_id": self.address}, "device": {"label": "a laptop"}}
        minted = gateway.post("/sessions", body).expect(201)
        self.account = minted["account"]["account_id"]
        self.session = minted["session"]["session_id"]
        self.token = minted["token"]
        gateway.post(f"/accounts/{self.account}/identities", telegram()).expect(201)
        self.cursor = gateway.get("/revocations").expect(200)["cursor"]

    def live(self, value):
        """The example with what exists in place of what it was written with."""
        text = json.dumps(value)
        if JOB in text:
            text = text.replace(JOB, self._new_job())
        for written, real in {
            ACCOUNT: self.account,
            SESSION: self.session,
            ADDRESS: self.address,
            CURSOR: self.cursor,
            NEVER_MINTED: self.token,
            HASH: hashlib.sha256(self.token.encode()).hexdigest(),
        }.items():
            text = text.replace(written, real)
        return json.loads(text)

    def _new_job(self):
        """A bulk revocation of nothing that is."""
        admin = self._service.client("/api/v1/admin", **by_header(self._key))
        return admin.post("/revocations", {"sessions": [UNKNOWN_ID]}).expect(202)["job_id"]

    def send(self, operation, parameters, body=NOTHING, method=None, key=None, token=None, media_type=None):
        """Sends a request of the operation. `parameters`: (name, where): value; `token`: None for the live one where one
        is taken, "" for none."""
        target = operation.path
        query = []
        headers = by_header(self._key if key is None else key)
        if key == "":
            headers = {}
        for (name, where), value in parameters.items():
            text = str(value)
            if where == "path":
                target = target.replace("{" + name + "}", urllib.parse.quote(text, safe=""))
            elif where == "query":
                query.append((name, text))
            else:
                headers[name] = text.encode().decode("latin-1")
        if query:
            target += "?" + urllib.parse.urlencode(query)
        if token is None and operation.takes_token:
            token = self.token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None
        if body is not NOTHING:
            headers["Content-Type"] = media_type or operation.body[0]
            is_form = operation.body[0] == "application/x-www-form-urlencoded"
            data = (urllib.parse.urlencode(body) if is_form and isinstance(body, dict) else json.dumps(body)).encode()
        return exchange(self._service.port, method or operation.method, target, headers=headers, body=data)
