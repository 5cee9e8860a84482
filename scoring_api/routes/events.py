"""Events pushed to us: stored as they came, then acknowledged."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.engine import Connection

from ingestion.inbox import Message, store
from scoring_api.auth import Principal
from scoring_api.cloudevents import BATCH, EXAMPLE, SINGLE, CloudEvent, read_events, to_results
from scoring_api.guard import GuardedRoute, to_response
from scoring_api.journal import Effect, Reply
from scoring_api.problems import Problem, responses
from scoring_api.service import Service, claim_of, principal_of, service_of


class SignedRoute(GuardedRoute):
    """A route that takes a signed webhook instead of an API key."""

    async def identify(self, request: Request, service: Service) -> Principal:
        """Who signed the body, if it is signed; else whose key it is."""
        if "webhook-signature" not in request.headers:
            return await super().identify(request, service)
        body = await request.body()
        sender = await asyncio.to_thread(
            service.webhooks.sender, request.headers, body, now=service.now()
        )
        request.scope["retrace.sender"] = sender
        return Principal(key_id=f"webhook:{sender}"[:32], sites=None)


router = APIRouter(route_class=SignedRoute, tags=["events"])


class EventResult(BaseModel):
    """What became of one event."""

    status: int = Field(description="202 stored, 200 a duplicate of one we have, else refused.")
    id: str | None = None
    source: str | None = None
    problem: dict[str, Any] | None = None


class EventReceipt(BaseModel):
    """What is stored now: received = stored + duplicate + refused."""

    received: int
    stored: int
    duplicate: int
    refused: int
    results: list[EventResult]


_EVENT = CloudEvent.model_json_schema()
_BODY = {
    "required": True,
    "content": {
        SINGLE: {"schema": _EVENT},
        BATCH: {
            "schema": {
                "type": "array",
                "maxItems": 1000,
                "items": {"anyOf": [{"type": "object", "title": "CloudEvent"}, {}]},
                "examples": [[EXAMPLE, {**EXAMPLE, "id": "0199f3a4-c1d3"}]],
            }
        },
    },
}


@router.post(
    "/v1/events",
    operation_id="pushEvents",
    summary="Push one CloudEvent or up to 1,000",
    status_code=202,
    response_model=EventReceipt,
    responses={
        207: {"description": "Some events were refused, see `results`", "model": EventReceipt},
        **responses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
    },
    openapi_extra={"requestBody": _BODY},
)
async def push_events(request: Request) -> Response:
    """Store events as they came and acknowledge them after the commit; the lake follows.

    Takes CloudEvents 1.0: one (`application/cloudevents+json`), a batch
    (`application/cloudevents-batch+json`) or binary mode (`ce-` headers). The same `source` and
    `id` again is a duplicate and changes nothing. Instead of an API key a webhook may be signed
    after Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`). In a batch
    every event is judged alone; when one is refused the answer is 207. A key that is limited to
    some sites cannot push.
    """
    service, principal = service_of(request), principal_of(request)
    if principal.sites is not None:
        raise Problem(403, "A key that is limited to some sites cannot push events.")
    sender: str | None = request.scope.get("retrace.sender")
    received = read_events(await request.body(), request.headers, sender=sender)
    if not received.batch and isinstance(received.items[0], Problem):
        raise received.items[0]
    effect = Effect(
        at=service.now(),
        reply=Reply(202, b""),
        act=_storing(received.items, service),
        claim=claim_of(request),
    )
    reply = await service.desk.store(effect)
    service.sealer.wake()
    return to_response(reply)


def _storing(items: list[Message | Problem], service: Service) -> Callable[[Connection], Reply]:
    messages = [item for item in items if isinstance(item, Message)]

    def act(connection: Connection) -> Reply:
        stored = store(connection, messages, now=service.now())
        refused = len(items) - len(messages)
        receipt = {
            "received": len(items),
            "stored": sum(stored),
            "duplicate": len(stored) - sum(stored),
            "refused": refused,
            "results": to_results(items, stored),
        }
        return Reply(207 if refused else 202, orjson.dumps(receipt))

    return act
