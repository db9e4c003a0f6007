"""The programs of each client: one plays the conformance suite's commands, or follows a service; one has a handler behind the
client's guard."""

import functools
import json
import os
import pathlib
import queue
import shutil
import subprocess
import threading

from http_client import HANG_S
from service import ROOT

CLIENTS = ROOT / "clients"
LANGUAGES = {"python": "/usr/bin/python3", "node": "node", "go": "go", "cpp": None}  # None: ctest names what was built

CPP_PROGRAM = "PORTCULLIS_CLIENT_CPP_"  # and CONFORMANCE or GUARDED: where it is

# Short for what a cursor begins with.
EPOCHS = {"E-": "0000000000000001-", "F-": "0000000000000002-"}


def scenarios():
    return json.loads((CLIENTS / "conformance/scenarios.json").read_text())["scenarios"]


def spelled_out(value):
    """With the whole text of cursors, and the events of a page that is to be full."""
    text = json.dumps(value)
    for short, epoch in EPOCHS.items():
        text = text.replace(f'"{short}', f'"{epoch}').replace(f"cursor={short}", f"cursor={epoch}")
    value = json.loads(text)
    if isinstance(value, dict) and "fill" in value:
        value["body"]["events"] = [
            {"type": "session.revoked", "seq": 6 + n, "session_id": f"N{n}", "account_id": "A9"} for n in range(value.pop("fill"))
        ]
    return value


def is_here(language):
    """Whether its programs can be run."""
    interpreter = LANGUAGES[language]
    return shutil.which(interpreter) is not None if interpreter else CPP_PROGRAM + "CONFORMANCE" in os.environ


class Programs:
    """Of one language. Go's are built in `directory`, C++'s with the service."""

    def __init__(self, language, directory):
        self.language, self._directory = language, directory

    @functools.cached_property
    def conformance(self):
        """Plays commands; with the address of a service it follows that, and says of tokens what they are."""
        return self._command("conformance")

    @functools.cached_property
    def guarded(self):
        """A handler behind the client's guard; tells its port."""
        return self._command("examples/guarded")

    def _command(self, name):
        if self.language == "cpp":
            return [os.environ[CPP_PROGRAM + pathlib.Path(name).name.upper()]]
        if self.language == "go":
            built = self._directory / pathlib.Path(name).name
            subprocess.run(["go", "build", "-o", built, f"./{name}"], cwd=CLIENTS / "go", check=True, timeout=5 * HANG_S)
            return [built]
        ending, arguments = {"python": ("py", ["-B"]), "node": ("mjs", [])}[self.language]
        return [shutil.which(LANGUAGES[self.language]), *arguments, CLIENTS / self.language / f"{name}.{ending}"]


class Player:
    """A running program: a line in, a line out."""

    def __init__(self, command, *arguments, **environment):
        self._process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def says(self, text):
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        return self.next_line()

    def next_line(self):
        line = self._lines.get(timeout=HANG_S)
        assert line is not None, "the program ended"
        return line.strip()

    def plays(self, command):
        return json.loads(self.says(json.dumps(command)))

    def kill(self):
        self._process.kill()
        self._process.wait(HANG_S)

    def stop(self):
        self._process.stdin.close()
        try:
            self._process.wait(HANG_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
