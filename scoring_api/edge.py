"""The outermost layer of the app: ids, bounds, headers, metrics and one log line per request."""

import logging
import random
import re
import time
from collections.abc import Mapping

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scoring_api.problems import Problem, problem_response, to_problem
from scoring_api.service import Service

logger = logging.getLogger("retrace.api")
access = logging.getLogger("retrace.api.access")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class Edge:
    """ASGI middleware around the whole app.

    Parameters
    ----------
    bodies : mapping of path to int
        Largest body of a path, in bytes, where it differs from ``limits.body_bytes``.
    """

    def __init__(self, app: ASGIApp, *, service: Service, bodies: Mapping[str, int]) -> None:
        self._app = app
        self._service = service
        self._bodies = bodies
        self._working = 0
        service.metrics.in_flight.set_function(lambda: self._working)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        bounded = scope["path"].startswith("/v1/")
        self._working += bounded
        try:
            if bounded and self._working > self._service.limits.concurrency:
                raise Problem(
                    503,
                    "All places are taken; nothing was done. Try again in a second.",
                    headers={"Retry-After": "1"},
                )
            cap = self._bodies.get(scope["path"], self._service.limits.body_bytes)
            await self._app(scope, _capped(exchange, receive, cap), exchange.send)
        except Exception as error:  # noqa: BLE001 - the last layer answers for everything
            await self._fail(exchange, error, receive)
        finally:
            self._working -= bounded
            self._report(exchange)

    async def _fail(self, exchange: "_Exchange", error: Exception, receive: Receive) -> None:
        problem = to_problem(error)
        if problem.status_code == 500:
            logger.exception("request %s failed", exchange.request_id)
        if exchange.status:  # the answer had begun; the server will cut the connection
            raise error
        response = problem_response(
            problem, instance=exchange.scope["path"], request_id=exchange.request_id
        )
        await response(exchange.scope, receive, exchange.send)

    def _report(self, exchange: "_Exchange") -> None:
        elapsed = time.perf_counter() - exchange.started
        route = exchange.scope.get("route")
        operation = getattr(route, "operation_id", None) or "unmatched"
        self._service.metrics.count_request(operation, exchange.status, elapsed)
        if access.isEnabledFor(logging.INFO):
            principal = exchange.scope.get("retrace.principal")
            access.info(
                orjson.dumps(
                    {
                        "at": self._service.now(),
                        "request_id": exchange.request_id,
                        "trace_id": exchange.trace_id,
                        "caller": principal.key_id if principal else None,
                        "method": exchange.scope["method"],
                        "operation": operation,
                        "path": exchange.scope["path"],
                        "status": exchange.status,
                        "ms": round(elapsed * 1000, 3),
                    }
                ).decode()
            )


class _Exchange:
    """One request and what has been answered so far."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.started = time.perf_counter()
        self.status = 0
        self.length: int | None = None
        self.trace_id: str | None = None
        self.request_id = ""
        self._send = send
        self._read_headers()
        scope["retrace.request_id"] = self.request_id

    def _read_headers(self) -> None:
        for name, value in self.scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                self.request_id = value.decode()
            elif name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
                self.trace_id = found[1].decode()
            elif name == b"content-length" and value.isdigit():
                self.length = int(value)
        self.request_id = self.request_id or self.trace_id or f"{random.getrandbits(128):032x}"

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), *_HEADERS]
            if not any(name == _POLICY[0] for name, _ in headers):
                headers.append(_POLICY)
            headers.append((b"x-request-id", self.request_id.encode()))
            message = {**message, "headers": headers}
        await self._send(message)


def _capped(exchange: _Exchange, receive: Receive, cap: int) -> Receive:
    """Refuse a body larger than ``cap`` by its header, or as soon as the stream exceeds it."""
    too_large = Problem(
        413,
        f"The body is larger than {cap:,} bytes. Split it.",
        headers={"Connection": "close"},
    )
    if exchange.length is not None and exchange.length > cap:
        raise too_large
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > cap:
            raise too_large
        return message

    return counted
