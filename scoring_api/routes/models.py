"""Which models answer."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from scoring_api.guard import GuardedRoute
from scoring_api.problems import responses
from scoring_api.rack import ALIAS
from scoring_api.service import service_of

router = APIRouter(route_class=GuardedRoute, tags=["models"])


class Models(BaseModel):
    """What is being served; empty while nothing has been promoted."""

    alias: str = Field(examples=["champion"])
    models: Any = Field(description="Name, version and data version of each model.")


@router.get(
    "/v1/models",
    operation_id="listModels",
    summary="Models being served",
    responses=responses(401, 429, 500, 503),
)
async def list_models(request: Request) -> Models:
    """Name the models that answer now, with their versions and the data they learned from."""
    scorer = service_of(request).rack.scorer
    return Models(alias=ALIAS, models=scorer.versions() if scorer else {})
