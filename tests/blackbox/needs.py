"""What a test needs of where it runs. Whoever runs one by hand may lack some of it; under ctest all of it is there, since a
suite that skips a test has not checked what the test is for."""

import os
import subprocess

import pytest

LAUNCHERS = [
    ["unshare", "--pid", "--fork", "--kill-child"],
    ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"],
]


def need(is_there, what):
    """Skips the test when `is_there` is false; fails it under ctest, but for what the build is known to lack."""
    if is_there:
        return
    is_known = what in os.environ.get("PORTCULLIS_LACKS", "").split(",")
    if "PORTCULLIS_NEEDS_ALL" in os.environ and not is_known:
        pytest.fail(f"not here: {what}")
    pytest.skip(f"not here: {what}")


def preloaded(variable, source):
    """The library that ctest names in `variable`, built from tests/e2e/`source`."""
    library = os.environ.get(variable)
    need(library, f"{source} as a library, which ctest names in {variable}")
    return library


def process_namespace():
    """A command in front of another that makes that one process 1 of a namespace of its own, as in a container."""
    for launcher in LAUNCHERS:
        if subprocess.run([*launcher, "true"], capture_output=True).returncode == 0:
            return launcher
    need(False, "a process namespace of its own")
