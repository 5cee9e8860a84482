"""KPIs, as mined from the lake."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from ingestion.errors import EmptyLake, RetraceError
from scoring_api.guard import GuardedRoute
from scoring_api.payloads import Day
from scoring_api.problems import Problem, responses
from scoring_api.service import principal_of, service_of

router = APIRouter(route_class=GuardedRoute, tags=["facts"])


class Kpi(BaseModel):
    """One figure of one site (null: all sites), with how many cases it rests on.

    ``low`` to ``high`` is the 95 % band of the value, ``ended_share`` the share that ended another
    way, ``dated_share`` the share that rests on a time known to the day only.
    """

    model_config = ConfigDict(extra="allow")

    id: str = Field(examples=["return_cycle_time"])
    site: str | None
    value: float | None
    unit: str | None
    n: int
    open_share: float | None
    p50: float | None
    p90: float | None
    low: float | None
    high: float | None
    p90_low: float | None
    p90_high: float | None
    ended_share: float | None
    dated_share: float | None


class SourceReporting(BaseModel):
    """How a source reports for a site; ``message`` says so where it is late."""

    source: str
    site: str | None
    last_at: datetime
    usual_gap_days: int | None
    late_days: int
    expected_days: int
    reported_days: int
    message: str | None = Field(
        examples=["DC4: wms_legacy: last file of 17 Mar 2026, 3 working days late"]
    )


class KpiReport(BaseModel):
    """KPIs as of a moment."""

    as_of: str | None
    kpis: list[Kpi]
    completeness: list[SourceReporting]


@router.get(
    "/v1/kpis",
    operation_id="getKpis",
    summary="KPIs by site",
    responses=responses(401, 403, 404, 422, 429, 500, 503),
)
async def get_kpis(
    request: Request,
    site: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    start: Annotated[
        Day | None, Query(alias="from", description="Cases whose first event is on or after.")
    ] = None,
    end: Annotated[
        Day | None, Query(alias="to", description="Cases whose first event is before.")
    ] = None,
) -> KpiReport:
    """Answer from the newest state of the lake; open cases are censored, not dropped."""
    principal = principal_of(request)
    if site is not None and not principal.may_see(site):
        raise Problem(403, f"This API key does not cover the site {site!r}.")
    try:
        report: dict[str, Any] = await service_of(request).facts.kpis(
            site=site,
            start=start.isoformat() if start else None,
            end=end.isoformat() if end else None,
        )
    except EmptyLake:
        raise
    except RetraceError as error:
        raise Problem(404, str(error)) from error
    seen = {
        part: [row for row in report[part] if principal.may_see(row["site"])]
        for part in ("kpis", "completeness")
    }
    return KpiReport.model_validate({**report, **seen})
