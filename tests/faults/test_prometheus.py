"""A real Prometheus with the rules of this repository looks at replicas and an edge while the log is swallowed."""

from asking import PATIENT, mint_many, revoke_each
from prometheus import Prometheus
from waiting import eventually


def address(node):
    return f"127.0.0.1:{node.service.port}"


def test_a_log_that_is_swallowed_is_told_by_an_alert_and_so_is_its_return(stage, tmp_path):
    near, deaf = stage.start_replicas(2, **PATIENT)
    edge = stage.start_edge([near, deaf])
    jobs = {"portcullis": [near.service, deaf.service], "portcullis-edge": [edge.service]}
    with Prometheus(tmp_path, jobs) as prometheus:

        def all_are_up():
            return prometheus.targets() == {address(node): ("up", "") for node in (near, deaf, edge)}

        eventually(all_are_up, "replicas and edge are scraped")
        revoke_each(near, mint_many(near, 3))
        revoked = 'portcullis_sessions_ended_total{cause="revoked"}'
        eventually(lambda: [v for _, v in prometheus.query(f"sum({revoked})")] == [3], "revocations are counted")
        applied = 'min(portcullis_revocation_delay_seconds_count{stage="applied"})'
        eventually(lambda: [v for _, v in prometheus.query(applied)] == [3], "all three have honoured them")
        eventually(lambda: prometheus.firing("PortcullisLogStale") == set(), "no alert fires, unless the machine stood still")
        with deaf.db.blackhole(edge="feed") as unheard:
            eventually(lambda: prometheus.firing("PortcullisLogStale") == {address(deaf)}, "the alert fires")
            eventually(lambda: prometheus.firing("PortcullisLeaseLost") == {address(deaf)}, "the lease is lost")
            held = 'job:portcullis_lease_held:min{job="portcullis"}'
            eventually(lambda: [v for _, v in prometheus.query(held)] == [0], "the objective is missed")
        stage.fired_by("log swallowed", unheard)
        for alert in ("PortcullisLogStale", "PortcullisLeaseLost"):
            eventually(lambda: prometheus.firing(alert) == set(), "the alert resolves")
        assert prometheus.firing("PortcullisDown") == set()
