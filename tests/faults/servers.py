"""PostgreSQL servers of a scenario's own, to be killed, demoted and promoted."""

import contextlib

from postgres import Cluster


@contextlib.contextmanager
def own_cluster():
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.remove()


@contextlib.contextmanager
def primary_and_standby(synchronous):
    with own_cluster() as primary:
        standby = primary.new_standby(synchronous)
        try:
            yield primary, standby
        finally:
            standby.remove()
