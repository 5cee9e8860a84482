"""Advice on return lines: ask for one, for many, or read one again."""

import asyncio
import re
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Path, Request, Response
from pydantic import TypeAdapter, ValidationError

from ingestion.database import RECOMMENDATIONS
from scoring_api.advice import Given, advise, advise_many, require_site, to_effect
from scoring_api.auth import Principal
from scoring_api.guard import GuardedRoute, to_response
from scoring_api.journal import Reply
from scoring_api.payloads import RECOMMENDATION_ID, Batch, BatchResults, Recommendation, ReturnLine
from scoring_api.problems import Problem, field_errors, responses
from scoring_api.service import claim_of, principal_of, service_of

router = APIRouter(route_class=GuardedRoute, tags=["recommendations"])
_LINE = TypeAdapter(ReturnLine)


@router.post(
    "/v1/recommendations",
    operation_id="recommend",
    summary="Advise on one return line",
    response_model=Recommendation,
    responses=responses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
)
async def recommend(line: ReturnLine, request: Request) -> Response:
    """Score the line, store the recommendation and its audit row, then answer.

    Honours `Idempotency-Key`: a repeated request gets the first answer again for 24 hours.
    """
    service, principal = service_of(request), principal_of(request)
    require_site(principal, line.site)
    claim = claim_of(request)
    return to_response(await advise(service, line, caller=principal.key_id, claim=claim))


@router.post(
    "/v1/recommendations:batch",
    operation_id="recommendBatch",
    summary="Advise on up to 1,000 return lines",
    response_model=BatchResults,
    responses=responses(400, 401, 409, 413, 415, 422, 429, 500, 503),
)
async def recommend_batch(batch: Batch, request: Request) -> Response:
    """Judge every line alone: each result has the status the line alone would have got.

    Honours `Idempotency-Key` for the batch as a whole.
    """
    service, principal = service_of(request), principal_of(request)
    judged = [_to_line(raw, principal) for raw in batch.lines]
    lines = [line for line in judged if isinstance(line, ReturnLine)]
    advised = iter(await advise_many(service, lines))
    items = [next(advised) if isinstance(line, ReturnLine) else line for line in judged]
    reply = Reply(200, orjson.dumps({"results": [_to_result(item) for item in items]}))
    effect = to_effect(
        service,
        [item for item in items if isinstance(item, Given)],
        reply,
        caller=principal.key_id,
        claim=claim_of(request),
    )
    return to_response(await service.desk.store(effect))


@router.get(
    "/v1/recommendations/{recommendation_id}",
    operation_id="getRecommendation",
    summary="Read a recommendation again",
    response_model=Recommendation,
    responses=responses(401, 404, 422, 429, 500, 503),
)
async def get_recommendation(
    recommendation_id: Annotated[str, Path(min_length=1, max_length=40)], request: Request
) -> Response:
    """Answer exactly what was answered when it was given, expired or not."""
    service, principal = service_of(request), principal_of(request)

    def find() -> tuple[str, str] | None:
        query = sa.select(RECOMMENDATIONS.c.site, RECOMMENDATIONS.c.answer).where(
            RECOMMENDATIONS.c.recommendation_id == recommendation_id
        )
        with service.engine.connect() as connection:
            row = connection.execute(query).first()
            return None if row is None else (row.site, row.answer)

    known = re.fullmatch(RECOMMENDATION_ID, recommendation_id)
    found = await asyncio.to_thread(find) if known else None
    if found is None or not principal.may_see(found[0]):
        raise Problem(404, f"There is no recommendation {recommendation_id!r}.")
    return Response(found[1], media_type="application/json")


def _to_line(raw: object, principal: Principal) -> ReturnLine | Problem:
    try:
        line = _LINE.validate_python(raw)
        require_site(principal, line.site)
    except ValidationError as error:
        errors = field_errors(error.errors())
        return Problem(422, f"The line has {len(errors)} error(s).", errors=errors)
    except Problem as problem:
        return problem
    return line


def _to_result(item: Given | Problem) -> dict[str, Any]:
    if isinstance(item, Problem):
        return {"status": item.status_code, "problem": item.to_dict()}
    return {"status": 200, "recommendation": item.answer}
