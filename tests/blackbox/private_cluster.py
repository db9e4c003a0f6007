"""The PostgreSQL of a run: a plug-in of every black-box suite."""

import signal

import pytest

from postgres import Cluster


def pytest_configure():
    """Who is told to end does it as at Ctrl-C: what was started ends, and no folder and no server is left."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def cluster():
    """One private PostgreSQL for the whole run."""
    cluster = Cluster()
    yield cluster
    cluster.remove()
