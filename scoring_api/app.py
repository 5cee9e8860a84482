"""The application factory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ingestion.settings import Settings
from scoring_api.config import Limits
from scoring_api.edge import Edge
from scoring_api.problems import ProblemDetails, add_handlers
from scoring_api.rack import Scorer
from scoring_api.routes import (
    breaks,
    cases,
    events,
    feedback,
    health,
    kpis,
    models,
    recommendations,
)
from scoring_api.service import Service, open_service, utc_now

DESCRIPTION = """
Advice on product-return lines: reason, disposition and route, each with its model, version,
calibrated confidence and the right to abstain. Retrace **recommends and never posts**: governed
workflows decide.

* **Keys**: `Authorization: Bearer KEY`; make one with `retrace keys create NAME`.
* **Errors** are problem details after RFC 9457 (`application/problem+json`), every one of them.
* **Writes** honour an `Idempotency-Key` header (1 to 255 visible ASCII characters): for 24 hours
  the same key and body get the first answer again (`Idempotency-Replayed: true`), another body
  gets 422, a request still being worked on 409.
* **Bounds**: 1 MiB a body, 16 MiB and 1,000 lines a batch; 429 and 503 carry `Retry-After`.
* **Tracing**: `traceparent` is accepted; every answer has an `X-Request-Id`.
* **Licence**: AGPL-3.0-or-later, complete source of what is running: `GET /source`.
"""
IDEMPOTENCY_KEY = {
    "header": "Idempotency-Key",
    "required": False,
    "description": "Makes a retry safe; new for every new request.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
"""An extension, not a parameter: no schema can say that a value must not be used twice."""
_LAG_EVERY_SECONDS = 0.5


def create_app(
    settings: Settings,
    *,
    scorer: Scorer | None = None,
    now: Callable[[], datetime] = utc_now,
    limits: Limits | None = None,
) -> FastAPI:
    """Build the API of one home.

    Parameters
    ----------
    scorer : Scorer, optional
        Serve this one. By default the promoted bundle is loaded, and loaded again when a
        promotion replaces it.
    now : callable
        The clock; a test passes its own.
    limits : Limits, optional
        Bounds of the service.

    Raises
    ------
    DatabaseUnreachable
    """
    limits = limits or Limits()
    service = open_service(settings, scorer=scorer, now=now, limits=limits)
    app = FastAPI(
        title="Retrace scoring API",
        version=_version(),
        description=DESCRIPTION,
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    for family in (recommendations, feedback, events, cases, kpis, breaks, models, health):
        app.include_router(family.router)
    add_handlers(app)
    app.add_middleware(
        Edge,
        service=service,
        bodies={
            "/v1/recommendations:batch": limits.batch_bytes,
            "/v1/events": limits.batch_bytes,
        },
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    tasks = [
        asyncio.create_task(service.rack.watch(service.limits.reload_seconds)),
        asyncio.create_task(_measure_lag(service)),
        asyncio.create_task(service.sealer.run()),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(service.close)


async def _measure_lag(service: Service) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_EVERY_SECONDS
        await asyncio.sleep(_LAG_EVERY_SECONDS)
        service.lag_seconds = max(0.0, loop.time() - due)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"].update(problem.pop("$defs", {}))
    components["schemas"]["ProblemDetails"] = problem
    components["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "`rtr_<id>_<secret>`"}
    }
    for path, operations in schema["paths"].items():
        if path.startswith("/v1/"):
            for method, operation in operations.items():
                operation["security"] = [{"apiKey": []}]
                if method == "post":
                    operation["x-idempotency-key"] = IDEMPOTENCY_KEY
    app.openapi_schema = schema
    return schema


def _version() -> str:
    try:
        return version("retrace-returns")
    except PackageNotFoundError:
        return "0.0.0"
