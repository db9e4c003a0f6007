"""`portcullis edge`: the session cache beside a gateway, in front of one service or several."""

from service import Service

# As the service's: a machine that stands still is no service that is away.
PATIENT = {
    "GATEWAY_BACKEND_CONNECT_TIMEOUT": "20s",
    "GATEWAY_BACKEND_ATTEMPT_TIMEOUT": "20s",
    "GATEWAY_BACKEND_OPERATION_TIMEOUT": "30s",
    "GATEWAY_SHUTDOWN_TIMEOUT": "30s",
}


class Edge(Service):
    """A running edge. `services` are what it asks, in its order: anything with a `port`."""

    command = "edge"

    def __init__(self, services, directory, **settings):
        self._set_up(
            directory,
            lambda port: {
                "GATEWAY_HTTP_ADDR": f"127.0.0.1:{port}",
                "GATEWAY_BACKEND_URL": ",".join(f"http://127.0.0.1:{each.port}" for each in services),
                "GATEWAY_LOG_LEVEL": "debug",
                "GATEWAY_SHUTDOWN_DELAY": "0s",
                **PATIENT,
                **settings,
            },
        )
