"""What a benchmark of TLS and callers needs: a certificate, a callers' file, and the doors of a server that has several."""

import dataclasses
import hashlib
import json
import re
import subprocess
import sys

import common


@dataclasses.dataclass
class Door:
    """One of the addresses of a server: load goes there, and its CPU time is the whole server's."""

    server: common.Server
    port: int
    scheme: str

    @property
    def name(self):
        return self.server.name

    def cpu_seconds(self):
        return self.server.cpu_seconds()


def make_certificate(directory):
    """A certificate that signs itself, on P-256, and its key: two files."""
    certificate, key = directory / "server.pem", directory / "server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def make_caller(directory, binary):
    """A callers' file with one that may resolve, and its key."""
    printed = subprocess.run([binary, "key", "new", "gateway"], check=True, capture_output=True, text=True).stdout
    key = re.search(r"pck_\w+", printed)
    if not key:
        sys.exit("bench: portcullis key new printed no key")
    digest = hashlib.sha256(key[0].encode()).hexdigest()
    callers = directory / "callers.json"
    callers.write_text(json.dumps({"callers": [{"name": "gateway", "may": ["sessions:resolve"], "keys": [digest]}]}))
    return callers, key[0]
