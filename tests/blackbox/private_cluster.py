"""The PostgreSQL of a run: a plug-in of every black-box suite."""

import pytest

from postgres import Cluster


@pytest.fixture(scope="session")
def cluster():
    """One private PostgreSQL for the whole run."""
    cluster = Cluster()
    yield cluster
    cluster.remove()
