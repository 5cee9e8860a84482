"""What became of a recommendation: the labels of later training."""

import asyncio

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from ingestion.database import FEEDBACK, RECOMMENDATIONS
from scoring_api.advice import new_id
from scoring_api.audit import AuditFact
from scoring_api.guard import GuardedRoute, to_response
from scoring_api.journal import Effect, Reply
from scoring_api.payloads import Feedback, FeedbackReceipt
from scoring_api.problems import Problem, responses
from scoring_api.service import claim_of, principal_of, service_of

router = APIRouter(route_class=GuardedRoute, tags=["feedback"])


@router.post(
    "/v1/feedback",
    operation_id="giveFeedback",
    summary="Tell what was decided",
    status_code=201,
    response_model=FeedbackReceipt,
    responses=responses(400, 401, 404, 409, 413, 415, 422, 429, 500, 503),
)
async def give_feedback(feedback: Feedback, request: Request) -> Response:
    """Store what people or rules made of a recommendation. Honours `Idempotency-Key`."""
    service, principal = service_of(request), principal_of(request)

    def find_site() -> str | None:
        query = sa.select(RECOMMENDATIONS.c.site).where(
            RECOMMENDATIONS.c.recommendation_id == feedback.recommendation_id
        )
        with service.engine.connect() as connection:
            return connection.execute(query).scalar()

    site = await asyncio.to_thread(find_site)
    if site is None or not principal.may_see(site):
        raise Problem(404, f"There is no recommendation {feedback.recommendation_id!r}.")
    now = service.now()
    feedback_id = new_id("fbk", now)
    receipt = {
        "feedback_id": feedback_id,
        "recommendation_id": feedback.recommendation_id,
        "recorded_at": now,
    }
    row = {
        **feedback.model_dump(),
        "feedback_id": feedback_id,
        "caller": principal.key_id,
        "recorded_at": now,
    }
    details = {"recommendation": feedback.recommendation_id, "decision": feedback.decision}
    effect = Effect(
        at=now,
        reply=Reply(201, orjson.dumps(receipt)),
        rows=[(FEEDBACK, row)],
        audit=[AuditFact(now, principal.key_id, "feedback given", feedback_id, details)],
        claim=claim_of(request),
    )
    return to_response(await service.desk.store(effect))
