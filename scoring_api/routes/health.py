"""For orchestrators and monitors: alive, ready, measured; and the offer of the source."""

import asyncio
from functools import cache
from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import HTMLResponse

from ingestion.licence import source_archive, source_url
from scoring_api.metrics import MEDIA_TYPE
from scoring_api.problems import Problem, responses
from scoring_api.reference import POLICY, reference_page
from scoring_api.service import service_of

router = APIRouter(tags=["service"])
_LAG_SECONDS = 1.0
_archive = cache(source_archive)


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """The process can do its work."""

    status: Literal["ready"] = "ready"
    loop_lag_ms: float = Field(description="How late the event loop last was.", examples=[0.4])


class About(BaseModel):
    """What this is, and where its complete source is (AGPL-3.0-or-later)."""

    name: Literal["Retrace"] = "Retrace"
    licence: Literal["AGPL-3.0-or-later"] = "AGPL-3.0-or-later"
    source: str = Field(description="Where the complete source is.", examples=["/source"])
    documentation: str = "/docs"
    description: str = "/openapi.json"


@router.get("/", operation_id="about", summary="About this service")
async def about(response: Response) -> About:
    """Name the service, its licence, its source and its description."""
    response.headers["Link"] = (
        f'<{source_url()}>; rel="code-repository", </openapi.json>; rel="service-desc", '
        '</docs>; rel="service-doc"'
    )
    return About(source=source_url())


@router.get(
    "/source",
    operation_id="source",
    summary="The running source",
    response_class=Response,
    responses={
        200: {"content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def source() -> Response:
    """Hand out the complete source of what is running, as a gzipped tar archive."""
    archive = await asyncio.to_thread(_archive)
    headers = {"Content-Disposition": 'attachment; filename="retrace-source.tar.gz"'}
    return Response(archive, media_type="application/gzip", headers=headers)


@router.get("/docs", include_in_schema=False)
async def reference(request: Request) -> Response:
    """The description of this API as a page."""
    origin = str(request.base_url).rstrip("/")
    page = reference_page(request.app.openapi(), origin=origin)
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


@router.get("/livez", operation_id="livez", summary="Is the process alive?")
async def livez() -> Alive:
    """Answer as long as the event loop turns."""
    return Alive()


@router.get("/readyz", operation_id="readyz", summary="Can it serve?", responses=responses(503))
async def readyz(request: Request) -> Ready:
    """Check that a model is loaded, the database answers and the process is not stopping."""
    service = service_of(request)
    if service.draining:
        raise Problem(503, "The process is stopping.")
    if service.rack.scorer is None:
        raise Problem(503, "No model has been promoted yet.")
    if service.lag_seconds > _LAG_SECONDS:
        raise Problem(503, f"The event loop is {service.lag_seconds:.1f} s late.")

    def ask() -> None:
        with service.engine.connect() as connection:
            connection.execute(sa.text("select 1"))

    try:
        await asyncio.to_thread(ask)
    except SQLAlchemyError as error:
        raise Problem(503, "The database does not answer.") from error
    return Ready(loop_lag_ms=round(service.lag_seconds * 1000, 3))


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Rate, errors and duration of requests, what the models said, and what the home holds."""
    content = await asyncio.to_thread(service_of(request).metrics.exposition)
    return Response(content, headers={"content-type": MEDIA_TYPE})
