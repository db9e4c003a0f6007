"""The callers' file, and the keys that it holds hashes of."""

import base64
import hashlib
import json
import os
import re

from service import run_command


def new_key(name="anybody"):
    """A key as `portcullis key new` prints it, after a look at the hash beside it."""
    printed = run_command("key", "new", name).stdout
    key = re.search(r"pck_\w+", printed)[0]
    assert hashlib.sha256(key.encode()).hexdigest() in printed
    return key


def caller(name, may, *keys, certificates=(), **more):
    """One entry of the file."""
    entry = {"name": name, "may": list(may), **more}
    if keys:
        entry["keys"] = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    if certificates:
        entry["certificates"] = list(certificates)
    return entry


def write_callers(path, *entries):
    """Replaces the file as a whole, as a careful deployment does."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"callers": list(entries)}))
    os.replace(draft, path)


def by_header(key):
    return {"X-Caller-Key": key}


def by_basic(name, key):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{key}".encode()).decode()}
