"""Every error of the API as RFC 9457 problem details; HTTP statuses are decided here alone."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ingestion.errors import EmptyLake, HomeIsBusy, RetraceError

MEDIA_TYPE = "application/problem+json"
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}
STATUS: dict[type[RetraceError], int] = {EmptyLake: 404, HomeIsBusy: 503}


class FieldError(BaseModel):
    """One thing wrong with a request."""

    detail: str = Field(examples=["Input should be greater than 0"])
    pointer: str | None = Field(default=None, examples=["#/quantity"])
    parameter: str | None = Field(default=None, examples=["limit"])


class ProblemDetails(BaseModel):
    """RFC 9457 problem details: what went wrong, and for which request."""

    type: str = Field(examples=["urn:retrace:problem:unprocessable-content"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The request has 1 error."])
    instance: str | None = Field(default=None, examples=["/v1/recommendations"])
    request_id: str | None = Field(default=None, examples=["7f1d7a2f0c9d4a6f"])
    errors: list[FieldError] | None = None


class Problem(HTTPException):
    """Raised anywhere below a route to end the request with problem details."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.errors = [dict(error) for error in errors]

    def to_dict(self) -> dict[str, Any]:
        """The problem object, without the request it answers."""
        title = title_of(self.status_code)
        shown: dict[str, Any] = {
            "type": f"urn:retrace:problem:{title.lower().replace(' ', '-')}",
            "title": title,
            "status": self.status_code,
            "detail": self.detail,
        }
        if self.errors:
            shown["errors"] = self.errors
        return shown


def title_of(status: int) -> str:
    """Today's name of a status (Python 3.11 still has the old names of two)."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def problem_response(problem: Problem, *, instance: str, request_id: str | None) -> Response:
    """Render a problem for one request."""
    content = problem.to_dict() | {"instance": instance}
    if request_id:
        content["request_id"] = request_id
    return Response(
        orjson.dumps(content),
        status_code=problem.status_code,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def to_problem(error: Exception) -> Problem:
    """Turn any exception into the problem a caller may see."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _validation_problem(error.errors())
    if isinstance(error, HTTPException):
        detail = error.detail or title_of(error.status_code)
        return Problem(error.status_code, str(detail), headers=error.headers)
    for kind in type(error).__mro__:
        if kind in STATUS:
            return Problem(STATUS[kind], str(error))
    return Problem(500, "Something failed on our side; it has been logged with this request id.")


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the app as a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        return problem_response(
            to_problem(error),
            instance=request.url.path,
            request_id=request.scope.get("retrace.request_id"),
        )

    for kind in (RequestValidationError, HTTPException, RetraceError):
        app.add_exception_handler(kind, handle)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the problems an operation may answer with."""
    return {
        status: {
            "description": title_of(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in statuses
    }


def field_errors(errors: Sequence[Mapping[str, Any]], *, skip: int = 0) -> list[dict[str, str]]:
    """JSON Pointers and sentences of pydantic's errors; ``skip`` leading places are left out."""
    return [_field_error(error["loc"][skip:], error["msg"]) for error in errors]


def _validation_problem(errors: Sequence[Mapping[str, Any]]) -> Problem:
    if any(error["type"] == "json_invalid" for error in errors):
        [error] = errors
        where = f"{error['ctx']['error']} at character {error['loc'][-1]}"
        return Problem(400, f"The body is not valid JSON: {where}.")
    found = [
        _field_error(error["loc"][1:], error["msg"])
        if error["loc"][0] == "body"
        else {"parameter": str(error["loc"][-1]), "detail": error["msg"]}
        for error in errors
    ]
    count = f"{len(found)} error" + ("" if len(found) == 1 else "s")
    return Problem(422, f"The request has {count}.", errors=found)


def _field_error(place: Sequence[str | int], message: str) -> dict[str, str]:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in place)
    return {"pointer": "#" + "".join(f"/{step}" for step in steps), "detail": message}
