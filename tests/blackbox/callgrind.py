"""Counts the instructions that a process executes, by valgrind's callgrind: the same on a busy machine as on a quiet one."""

import pathlib
import re
import subprocess

COMMAND_TIMEOUT_S = 120


class Callgrind:
    """`launcher` goes in front of the program, which runs some 20 times slower than without it."""

    def __init__(self, directory):
        self._out = pathlib.Path(directory) / "callgrind.out"
        self.launcher = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self._out}"]
        self._dumps = 0

    def count(self, pid, work):
        """The instructions that all threads of the process execute while `work()` runs."""
        self._control(pid, "--instr=on")
        self._dump(pid)
        work()
        return self._dump(pid)

    def _dump(self, pid):
        """The instructions since the last one."""
        self._control(pid, "--dump")
        self._dumps += 1
        text = pathlib.Path(f"{self._out}.{self._dumps}").read_text()
        return int(re.search(r"^totals: (\d+)$", text, re.MULTILINE)[1])

    @staticmethod
    def _control(pid, order):
        subprocess.run(["callgrind_control", order, str(pid)], check=True, capture_output=True, timeout=COMMAND_TIMEOUT_S)
