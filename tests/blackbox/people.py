"""Who the tests speak of: identities that nobody else has, and what the answers say of them."""

import datetime
import itertools
import re
import zlib

_numbers = itertools.count(1_000_001)

UUID_V7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
CURSOR = r"[0-9a-f]{16}-\d+"
TOKEN = r"pcs_[0-9A-Za-z]{49}"
UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"


def with_checksum(text):
    """`text` with the six base62 digits of its CRC-32."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    crc, checksum = zlib.crc32(text.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        checksum = digits[digit] + checksum
    return text + checksum


NEVER_MINTED = with_checksum("pcs_" + "0" * 43)  # a token in form, of 256 zero bits


ANOTHER_NEVER_MINTED = with_checksum("pcs_" + "0" * 42 + "1")


def telegram():
    return {"kind": "telegram", "external_id": str(next(_numbers))}


def email():
    return {"kind": "email", "external_id": f"player{next(_numbers)}@example.org"}


def is_id(text):
    return re.fullmatch(UUID_V7, text) is not None


def is_cursor(text):
    return re.fullmatch(CURSOR, text) is not None


def is_token(text):
    return re.fullmatch(TOKEN, text) is not None


def parse_time(text):
    """An RFC 3339 time in UTC."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text), f"not a time in UTC: {text}"
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def is_recent(text):
    age = datetime.datetime.now(datetime.timezone.utc) - parse_time(text)
    return abs(age.total_seconds()) < 300


def seq_of(cursor):
    return int(cursor.partition("-")[2])


def predecessor(cursor):
    return f"{epoch_of(cursor)}-{seq_of(cursor) - 1}"


def epoch_of(cursor):
    return cursor.partition("-")[0]
