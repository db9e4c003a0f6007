"""Several service processes over one PostgreSQL and edges in front of them, each behind proxies of its own."""

import time
import urllib.parse

from edge import Edge
from event_stream import EventStream
from http_client import Connection, ConnectionEnded
from people import telegram
from proxy import Proxy
from service import Service

STALENESS_S = 2  # BACKEND_REVOCATION_MAX_STALENESS of the replicas under test
OPERATION_TIMEOUT_S = 1

SETTINGS = {
    "BACKEND_REVOCATION_MAX_STALENESS": f"{STALENESS_S}s",
    "BACKEND_POSTGRES_OPERATION_TIMEOUT": f"{OPERATION_TIMEOUT_S}s",
    "BACKEND_REVOCATION_POLL_INTERVAL": "50ms",
}


class RoutedDatabase:
    """A database as one replica reaches it: through proxies, one for each host of the DSN."""

    def __init__(self, database, proxies):
        address = urllib.parse.urlsplit(database.dsn)
        credentials = address.netloc.rpartition("@")[0]
        hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
        self.dsn = address._replace(netloc=f"{credentials}@{hosts}").geturl()


class Node:
    """Something that answers for tokens. Whatever the answer, also none, it is noted in the history."""

    def __init__(self, number, service, history):
        self.number = number
        self.service = service
        self._history = history

    @property
    def gateway(self):
        return self.service.gateway

    def resolve(self, minted, **headers):
        """The status of a resolve, or None when there was no answer."""
        answer, begin = self._ask("GET", "/sessions/resolve", token=minted["token"], headers=headers)
        return self._note(begin, "resolve", minted["session"]["session_id"], answer)

    def _ask(self, method, path, **parts):
        begin = time.monotonic()
        try:
            return self.gateway.request(method, path, **parts), begin
        except (OSError, ConnectionEnded):
            return None, begin

    def _note(self, begin, what, subject, answer):
        status = None if answer is None else answer.status
        detail = "" if answer is None or status < 400 else answer.json["code"]
        self._history.note(begin, self.number, what, subject, status, detail)
        return status


class Replica(Node):
    """A service, the proxies to its databases (`db` is the first), and one in front of it (`front`).

    Requests go straight to the service unless they are made through `front`."""

    def __init__(self, number, database, network, directory, history, ports=None, **settings):
        self.databases = [Proxy(network, port, postgres=True) for port in ports or [database.address.port]]
        self.db = self.databases[0]
        service = Service(RoutedDatabase(database, self.databases), directory, **{**SETTINGS, **settings})
        super().__init__(number, service, history)
        self.front = Proxy(network, self.service.port)

    def mint(self, account_id=None, identity=None):
        """Mints a session; returns the answer's JSON, or None when it was not acknowledged."""
        body = {"account_id": account_id} if account_id else {"identity": identity or telegram()}
        answer, begin = self._ask("POST", "/sessions", body=body)
        minted = answer.json if answer is not None and answer.status == 201 else None
        subject = minted["session"]["session_id"] if minted else account_id or str(body["identity"])
        self._note(begin, "mint", subject, answer)
        return minted

    def revoke(self, minted):
        """The answer's JSON when the revocation was acknowledged, else None."""
        session_id = minted["session"]["session_id"]
        answer, begin = self._ask("DELETE", f"/sessions/{session_id}")
        status = self._note(begin, "revoke", session_id, answer)
        return answer.json if status == 200 else None

    def revoke_all(self, account_id):
        answer, begin = self._ask("DELETE", f"/accounts/{account_id}/sessions")
        status = self._note(begin, "revoke_all", account_id, answer)
        return answer.json if status == 200 else None

    def subscribe(self, cursor=None, through_proxy=False, **options):
        return EventStream(self.front.port if through_proxy else self.service.port, cursor=cursor, **options)

    def connect(self, through_proxy=False, **options):
        return Connection(self.front.port if through_proxy else self.service.port, **options)

    def close(self):
        if self.service.is_running:
            self.service.kill()
        for proxy in [*self.databases, self.front]:
            proxy.close()


EDGE_SETTINGS = {
    "GATEWAY_REVOCATION_MAX_STALENESS": f"{STALENESS_S}s",
    "GATEWAY_REVOCATION_POLL_INTERVAL": "50ms",
    "GATEWAY_BACKEND_CONNECT_TIMEOUT": "300ms",
    "GATEWAY_BACKEND_ATTEMPT_TIMEOUT": "300ms",
    "GATEWAY_BACKEND_OPERATION_TIMEOUT": f"{OPERATION_TIMEOUT_S}s",
}


class EdgeNode(Node):
    """An edge, and its own proxy to each of its services (`links`, in their order)."""

    def __init__(self, number, replicas, network, directory, history, **settings):
        self.links = [Proxy(network, each.service.port) for each in replicas]
        super().__init__(number, Edge(self.links, directory, **{**EDGE_SETTINGS, **settings}), history)

    def connect(self):
        return Connection(self.service.port)

    def close(self):
        if self.service.is_running:
            self.service.kill()
        for link in self.links:
            link.close()
