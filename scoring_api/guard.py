"""What stands before every ``/v1`` route: key, rate, media type, and once-only writes.

All of it happens before the body is read, so a caller without a key cannot make us read one.
"""

import asyncio
import string
from collections.abc import Awaitable, Callable
from datetime import timedelta

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.engine import Engine

from scoring_api.audit import fingerprint
from scoring_api.auth import Principal
from scoring_api.journal import Claim, Reply, find_reply
from scoring_api.problems import Problem
from scoring_api.service import Service, principal_of, service_of

Handler = Callable[[Request], Awaitable[Response]]
_VISIBLE = frozenset(string.ascii_letters + string.digits + string.punctuation)


class GuardedRoute(APIRoute):
    """A route of callers with a key."""

    async def identify(self, request: Request, service: Service) -> Principal:
        """Who is asking.

        Raises
        ------
        Problem
            401.
        """
        return await service.authenticator.principal(request.headers.get("authorization"))

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()
        operation = self.operation_id or self.name
        writes = "POST" in (self.methods or ())

        async def guarded(request: Request) -> Response:
            service = service_of(request)
            principal = await self.identify(request, service)
            request.scope["retrace.principal"] = principal
            service.rates.hit(principal, operation)
            if not writes:
                return await handle(request)
            _require_json(request)
            key = request.headers.get("idempotency-key")
            if key is None:
                return await handle(request)
            return await _once(request, key, handle, service=service)

        return guarded


def to_response(reply: Reply) -> Response:
    """Render a reply; a replayed one says so."""
    headers = {"Idempotency-Replayed": "true"} if reply.replayed else None
    return Response(
        reply.body, status_code=reply.status, headers=headers, media_type="application/json"
    )


async def _once(request: Request, key: str, handle: Handler, *, service: Service) -> Response:
    if not 1 <= len(key) <= 255 or not set(key) <= _VISIBLE:
        error = {"parameter": "Idempotency-Key", "detail": "1 to 255 visible ASCII characters"}
        raise Problem(422, "The Idempotency-Key cannot be used.", errors=[error])
    caller = principal_of(request).key_id
    if (caller, key) in service.claimed:
        raise Problem(
            409,
            "A request with this Idempotency-Key is still being worked on. Retry in a second.",
            headers={"Retry-After": "1"},
        )
    service.claimed.add((caller, key))
    try:
        claim = Claim(
            caller=caller,
            key=key,
            fingerprint=fingerprint(
                b"\n".join(
                    [request.method.encode(), request.url.path.encode(), await request.body()]
                )
            ),
            expires_at=service.now() + timedelta(hours=service.limits.idempotency_hours),
        )
        earlier = await asyncio.to_thread(_look_up, service.engine, claim, service)
        if isinstance(earlier, Problem):
            raise earlier
        if earlier is not None:
            service.metrics.replays.inc()
            return to_response(earlier)
        request.scope["retrace.claim"] = claim
        return await handle(request)
    finally:
        service.claimed.discard((caller, key))


def _look_up(engine: Engine, claim: Claim, service: Service) -> Reply | Problem | None:
    with engine.connect() as connection:
        return find_reply(connection, claim, at=service.now())


def _require_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        shown = media_type or "no media type"
        raise Problem(415, f"The body must be application/json, not {shown}.")
