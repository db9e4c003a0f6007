"""A guard before an ASGI application."""

import asyncio

from .bearer import FAILURES, Refusal, refusal_of, token_of

POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1


class Guard:
    """Lets requests and WebSockets through whose bearer token is a live session's, which they then find in
    `scope["portcullis.session"]`. Answers the others itself: 401, or 503 while nobody can say. What memory knows does not
    leave the event loop's thread; what it does not is asked for on another one.

        app = Guard(app, follower)
    """

    def __init__(self, app, follower):
        self._app, self._follower = app, follower

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        try:
            session = await self._session(scope)
        except Refusal as refusal:
            return await _refuse(scope, send, refusal)
        return await self._app({**scope, "portcullis.session": session}, receive, send)

    async def _session(self, scope):
        token = token_of([value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"authorization"])
        try:
            return self._follower.recall(token) or await asyncio.to_thread(self._follower.verify, token)
        except FAILURES as failure:
            raise refusal_of(failure) from failure


async def _refuse(scope, send, refusal):
    if scope["type"] == "websocket":  # before it is accepted: the server answers 403
        return await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal.code})
    headers = [(name.encode(), value.encode()) for name, value in refusal.headers]
    headers.append((b"content-length", str(len(refusal.body)).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else refusal.body})
