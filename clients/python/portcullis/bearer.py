"""What a guard reads of a request, and what it says to one that it refuses; for whatever interface it stands behind."""

import json
import re
import zlib

from .client import Unavailable
from .follower import Denied

_TOKEN = re.compile(r"pcs_[0-9A-Za-z]{49}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LARGEST = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"  # 2^256 - 1
_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)

RETRY_AFTER_S = 1


class Refusal(Exception):
    """An answer of problem+json: `status`, `headers` and `body`."""

    def __init__(self, status, code, title, detail):
        super().__init__(code)
        self.status, self.code = status, code
        problem = {"type": f"urn:portcullis:problem:{code}", "title": title, "status": status, "code": code, "detail": detail}
        self.body = json.dumps(problem).encode()
        self.headers = [("content-type", "application/problem+json"), ("cache-control", "no-store")]
        if status == 401:
            error = "" if code == "token_missing" else ', error="invalid_token"'
            self.headers.append(("www-authenticate", f'Bearer realm="portcullis"{error}'))
        if status == 503:
            self.headers.append(("retry-after", str(RETRY_AFTER_S)))


def is_token(text):
    """Whether it can be a session's token, by its form and its checksum: what is none is not asked for."""
    if not _TOKEN.fullmatch(text) or text[4:47] > _LARGEST:
        return False
    rest, checksum = zlib.crc32(text[:47].encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        checksum = _DIGITS[digit] + checksum
    return text[47:] == checksum


def token_of(fields):
    """Of the `Authorization` fields of a request, each as text."""
    if len(fields) > 1:
        raise Refusal(400, "request_malformed", "Malformed request", "more than one Authorization field")
    found = _BEARER.fullmatch(fields[0].strip()) if fields else None
    if found is None:
        raise Refusal(401, "token_missing", "Token missing", "a bearer token is needed")
    if not is_token(found[1]):
        raise Refusal(401, "token_malformed", "Token malformed", "this is no session's token")
    return found[1]


def refusal_of(error):
    """For Denied or Unavailable."""
    if isinstance(error, Unavailable):
        return Refusal(503, "history_stale", "Session service away", "nobody can vouch for the session now")
    return Refusal(401, error.code, error.code.replace("_", " ").capitalize(), "the session is not alive")


FAILURES = (Denied, Unavailable)
