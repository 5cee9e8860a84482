"""What happened to a return line, as the lake knows it."""

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from scoring_api.guard import GuardedRoute
from scoring_api.problems import Problem, responses
from scoring_api.service import principal_of, service_of

router = APIRouter(route_class=GuardedRoute, tags=["facts"])


class CaseEvent(BaseModel):
    """One event; columns without a value are left out."""

    model_config = ConfigDict(extra="allow")

    event_id: str
    activity: str = Field(examples=["Finish inspection"])
    occurred_at: datetime
    source: str | None = None
    extras: dict[str, Any] | None = None


class Case(BaseModel):
    """The events of a case in their order, as far as the caller may see their sites."""

    case_id: str = Field(examples=["RMA-2026-004711:1"])
    data_version: int | None = Field(description="State of the lake.")
    events: list[CaseEvent]


@router.get(
    "/v1/cases/{case_id:path}",
    operation_id="getCase",
    summary="Events of a return line",
    response_model=Case,
    responses=responses(401, 404, 422, 429, 500, 503),
)
async def get_case(case_id: Annotated[str, Path(max_length=500)], request: Request) -> Response:
    """Tell what happened, ordered by time, source sequence and event id."""
    principal = principal_of(request)
    case = await service_of(request).facts.case(case_id, principal.sites)
    if case is None:
        raise Problem(404, f"There is no event of a case {case_id!r}.")
    return Response(orjson.dumps(case), media_type="application/json")
