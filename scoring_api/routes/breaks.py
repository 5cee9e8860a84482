"""What does not add up between warehouse, ERP, customer credits and supplier claims."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from ingestion.errors import EmptyLake, RetraceError
from scoring_api.auth import Principal
from scoring_api.books import Book
from scoring_api.guard import GuardedRoute
from scoring_api.payloads import Moment
from scoring_api.problems import Problem, responses
from scoring_api.service import principal_of, service_of

router = APIRouter(route_class=GuardedRoute, tags=["facts"])

# fmt: off
BreakType = Literal[
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09",
    "B10", "B11", "B12", "B13", "B14", "B15", "B16", "B17",
]
# fmt: on
Status = Literal["open", "assigned", "explained", "corrected", "closed"]
_CURSOR = r"^-?[0-9]{1,18}\.[0-9]{2}~BR[0-9a-f]{16}$"


class BreakStep(BaseModel):
    """One step in the life of a break."""

    kind: str = Field(examples=["assigned"])
    at: datetime
    actor: str = Field(description="`retrace` where the data itself did it.")
    why: str
    assignee: str | None = None


class BreakFound(BaseModel):
    """Something that does not add up. Quantities in base units, money in the source's currency."""

    break_id: str = Field(examples=["BR31c6d57e7eb3bb06"])
    type: BreakType
    members: list[str] = Field(description="Document ids as the sources write them.")
    delta_quantity: float
    delta_value: float
    value_at_risk: float
    explanation: str
    suggested_fix: str = Field(description="A proposal; Retrace never executes it.")
    age_days: float
    confidence: str = Field(examples=["exact"])
    secondary: list[str]
    site: str | None
    sku: str | None
    line: str | None
    owner: str
    root_cause: str = Field(description="Site, channel, family and error, separated by `|`.")
    age_bucket: str | None = Field(description="Days; null once the data no longer shows it.")
    found_by: str | None = Field(description="Matching pass and key.", examples=["P2/K1"])
    opened_at: datetime | None
    status: Status
    assignee: str | None
    history: list[BreakStep]


class BreakReport(BaseModel):
    """A page of breaks, the dearest first."""

    as_of: datetime
    matched: int = Field(description="Movements without any difference, at the sites asked for.")
    total: int = Field(description="Breaks on all pages.")
    by_type: dict[str, int]
    breaks: list[BreakFound]
    next: str | None = Field(description="Give it as `after` for the next page.")


@router.get(
    "/v1/breaks",
    operation_id="getBreaks",
    summary="What does not add up",
    response_model=BreakReport,
    responses=responses(401, 403, 404, 422, 429, 500, 503),
)
async def get_breaks(
    request: Request,
    *,
    site: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    kind: Annotated[list[BreakType] | None, Query(alias="type", max_length=17)] = None,
    status: Annotated[
        list[Status] | None, Query(max_length=5, description="By default all but closed.")
    ] = None,
    min_age_days: Annotated[float | None, Query(ge=0, le=1e6)] = None,
    max_age_days: Annotated[float | None, Query(ge=0, le=1e6)] = None,
    as_of: Annotated[
        Moment | None, Query(description="Only what was known then (default: everything).")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(pattern=_CURSOR, description="`next` of a page.")] = None,
) -> Response:
    """Answer from the newest state of the lake, each break with what was done about it."""
    principal = principal_of(request)
    if site is not None and not principal.may_see(site):
        raise Problem(403, f"This API key does not cover the site {site!r}.")
    try:
        book = await service_of(request).books.open(as_of)
    except EmptyLake:
        raise
    except RetraceError as error:
        found = [{"parameter": "as_of", "detail": str(error)}]
        raise Problem(422, "The request has 1 error.", errors=found) from error
    wanted = set(status or ("open", "assigned", "explained", "corrected"))
    rows = [
        one
        for one in _seen(book, principal, site)
        if one["status"] in wanted
        and (kind is None or one["type"] in kind)
        and (min_age_days is None or one["age_days"] >= min_age_days)
        and (max_age_days is None or one["age_days"] <= max_age_days)
    ]
    content = _page(rows, limit, after) | {
        "as_of": book.as_of.isoformat(),
        "matched": sum(
            count
            for name, count in book.matched.items()
            if principal.may_see(name or None) and site in (None, name)
        ),
    }
    return Response(orjson.dumps(content), media_type="application/json")


def _seen(book: Book, principal: Principal, site: str | None) -> list[dict[str, Any]]:
    return [
        one for one in book.breaks if principal.may_see(one["site"]) and site in (None, one["site"])
    ]


def _page(rows: list[dict[str, Any]], limit: int, after: str | None) -> dict[str, Any]:
    """The page behind a cursor; the cursor is a place in the order, so no row comes twice."""
    rest = rows
    if after is not None:
        value, _, name = after.partition("~")
        place = (-float(value), name)
        rest = [one for one in rows if (-one["value_at_risk"], one["break_id"]) > place]
    shown = rest[:limit]
    last = shown[-1] if len(rest) > limit else None
    return {
        "total": len(rows),
        "by_type": dict(sorted(Counter(one["type"] for one in rows).items())),
        "breaks": shown,
        "next": last and f"{last['value_at_risk']:.2f}~{last['break_id']}",
    }
