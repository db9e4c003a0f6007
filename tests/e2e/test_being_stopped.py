"""Benchmarks and test runs that are told to stop leave no folder, no server and no service behind."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

from http_client import HANG_S
from service import BINARY
from waiting import eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAITING_TEST = """
import time

def test_waits(cluster):
    time.sleep(600)
"""


@pytest.fixture
def folder():
    """For temporary files. The database's user passes through."""
    with tempfile.TemporaryDirectory(prefix="portcullis-stopped-") as path:
        pathlib.Path(path).chmod(0o755)
        yield pathlib.Path(path)


def works_in(folder):
    """Processes whose working directory, output or command line lies there."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes().decode(errors="replace")
            told += os.readlink(process / "cwd") + os.readlink(process / "fd/1")
        except OSError:
            continue  # it has ended, or is a zombie
        if str(folder) in told and process.name != str(os.getpid()):
            found.append(told)
    return found


def ends_and_leaves_nothing(command, folder, number):
    with tempfile.TemporaryFile("w+") as log:
        stopped = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)}, cwd=ROOT, stdout=log, stderr=log)
        try:
            eventually(lambda: stopped.poll() is not None or list(folder.glob("*/**/dsn")), "PostgreSQL runs")
            stopped.send_signal(number)
            status = stopped.wait(4 * HANG_S)
        finally:
            stopped.kill()
        log.seek(0)
        told = log.read()
    assert list(folder.iterdir()) == [] and works_in(folder) == [], told
    return status, told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_benchmark(folder, number):
    command = [sys.executable, "-B", ROOT / "bench/revoke", "--binary", BINARY]
    assert ends_and_leaves_nothing(command, folder, number)[0] == 128 + number


def test_a_run_of_tests(folder, tmp_path):
    (tmp_path / "test_waiting.py").write_text(WAITING_TEST)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}/tests/blackbox\naddopts = -p no:cacheprovider\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["private_cluster"]\n')
    command = [sys.executable, "-I", "-B", "-m", "pytest", "-c", tmp_path / "pytest.ini", tmp_path / "test_waiting.py"]
    status, told = ends_and_leaves_nothing(command, folder, signal.SIGTERM)
    assert status == pytest.ExitCode.INTERRUPTED and "told to end amid" in told


def test_a_service_that_does_not_become_ready(database, new_service, monkeypatch):
    service = new_service(database)
    monkeypatch.setattr(service, "wait_until_ready", lambda: pytest.fail("it does not"))
    with pytest.raises(pytest.fail.Exception):
        service.start()
    assert not service.is_running
