"""The PostgreSQL of a run: a plug-in of every black-box suite."""

import os
import signal

import pytest

from postgres import Cluster


def end_in_order(_number, _frame):
    raise KeyboardInterrupt(f"told to end amid {os.environ.get('PYTEST_CURRENT_TEST')}")


def pytest_configure():
    """Who is told to end does it as at Ctrl-C: what was started ends, and no folder and no server is left."""
    signal.signal(signal.SIGTERM, end_in_order)


@pytest.fixture(scope="session")
def cluster():
    """One private PostgreSQL for the whole run."""
    cluster = Cluster()
    yield cluster
    cluster.remove()
