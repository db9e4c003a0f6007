"""Calls of the service: one method for each, over kept connections."""

import http.client
import json
import ssl
import threading
import urllib.parse

INTERNAL = "/api/v1/internal"


class Problem(Exception):
    """An answer that is no success: its status, and the code that problem documents have."""

    def __init__(self, status, code, detail):
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail


class Unavailable(Exception):
    """No answer, or one that cannot be relied on."""


class Client:
    """`url`: http or https. `key`: shown as X-Caller-Key. Each thread has a connection of its own."""

    def __init__(self, url, key=None, timeout_s=5.0, context=None):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url}: http or https is needed")
        self._parts, self._timeout_s = parts, timeout_s
        self._context = context or (ssl.create_default_context() if parts.scheme == "https" else None)
        self._headers = {"Accept": "application/json", **({"X-Caller-Key": key} if key else {})}
        self._own = threading.local()

    def call(self, method, path, body=None, token=None, min_cursor=None, timeout_s=None):
        """The JSON of a success (None where it has none); Problem or Unavailable otherwise."""
        headers = dict(self._headers)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if min_cursor:
            headers["X-Min-Cursor"] = min_cursor
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            status, text = self._exchange(method, path, None if body is None else json.dumps(body), headers, timeout_s)
            document = json.loads(text) if text else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._close()
            raise Unavailable(str(error)) from error
        if 200 <= status < 300:
            return document
        told = document if isinstance(document, dict) else {}
        raise Problem(status, told.get("code", "unknown"), told.get("detail", ""))

    def _exchange(self, method, path, body, headers, timeout_s):
        kept = getattr(self._own, "connection", None)
        connection = kept or self._connect()
        self._own.connection = connection
        connection.timeout = timeout_s or self._timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        try:
            connection.request(method, self._parts.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            self._close()
            if kept is None or method not in ("GET", "HEAD"):  # a change may have been made
                raise
            return self._exchange(method, path, body, headers, timeout_s)
        text = response.read()
        if response.will_close:
            self._close()
        return response.status, text

    def _connect(self):
        host, port = self._parts.hostname, self._parts.port
        if self._context is None:
            return http.client.HTTPConnection(host, port or 80)
        return http.client.HTTPSConnection(host, port or 443, context=self._context)

    def _close(self):
        connection = getattr(self._own, "connection", None)
        self._own.connection = None
        if connection is not None:
            connection.close()

    # -- sessions

    def mint_session(self, account_id=None, kind=None, external_id=None, device=None):
        """For an account, or for the one that has this identity, which is made if there is none."""
        body = {"account_id": account_id} if account_id else {"identity": {"kind": kind, "external_id": external_id}}
        return self.call("POST", f"{INTERNAL}/sessions", {**body, **({"device": device} if device else {})})

    def mint_guest(self, device=None):
        return self.call("POST", "/api/v1/public/sessions/guest", {"device": device} if device else {})

    def resolve(self, token, min_cursor=None):
        return self.call("GET", f"{INTERNAL}/sessions/resolve", token=token, min_cursor=min_cursor)

    def revoke(self, token, reason=None):
        return self.call("POST", f"{INTERNAL}/sessions/revoke", {"reason": reason} if reason else {}, token=token)

    def revoke_session(self, session_id, reason=None):
        return self.call("DELETE", f"{INTERNAL}/sessions/{_id(session_id)}", {"reason": reason} if reason else {})

    def session(self, session_id):
        return self.call("GET", f"{INTERNAL}/sessions/{_id(session_id)}")

    def lookup(self, body):
        return self.call("POST", f"{INTERNAL}/sessions/lookup", body)

    # -- accounts

    def find_or_create_account(self, kind, external_id, display_name=None):
        body = {"identity": {"kind": kind, "external_id": external_id}}
        return self.call("POST", f"{INTERNAL}/accounts", {**body, **({"display_name": display_name} if display_name else {})})

    def account(self, account_id):
        return self.call("GET", f"{INTERNAL}/accounts/{_id(account_id)}")

    def account_sessions(self, account_id):
        return self.call("GET", f"{INTERNAL}/accounts/{_id(account_id)}/sessions")

    def revoke_account_sessions(self, account_id, reason=None):
        return self.call("DELETE", f"{INTERNAL}/accounts/{_id(account_id)}/sessions", {"reason": reason} if reason else {})

    # -- the feed

    def revocations(self, query, timeout_s=None):
        return self.call("GET", f"{INTERNAL}/revocations?{query}", timeout_s=timeout_s)


def _id(text):
    return urllib.parse.quote(str(text), safe="")
