"""CloudEvents 1.0 over HTTP: structured, batched and binary, each event kept in its own bytes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.datastructures import Headers

from ingestion.inbox import Message
from scoring_api.payloads import Moment
from scoring_api.problems import Problem, field_errors

MOST = 1_000
SINGLE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "0199f3a4-c1d2",
    "source": "/dc1/wms",
    "type": "Receive",
    "subject": "RMA-2026-004711:1",
    "time": "2026-06-30T14:00:00Z",
    "data": {"site": "DC1", "sku": "SKU-00042", "quantity": 2},
}
_Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


class CloudEvent(BaseModel):
    """A CloudEvent 1.0 in JSON.

    ``data`` in the form of a known system is read with that system's mapping; otherwise
    ``subject`` is the case, ``type`` the activity and ``time`` the moment it happened.
    """

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [EXAMPLE]})

    specversion: Annotated[str, Field(pattern=r"^1\.0$")]
    id: Annotated[_Text, Field(description="Unique per source, for ever.")]
    source: _Text
    type: _Text
    subject: _Text | None = None
    time: Moment | None = None
    datacontenttype: _Text | None = None
    dataschema: _Text | None = None
    data: Any = None
    data_base64: str | None = None


_EVENT = TypeAdapter(CloudEvent)


@dataclass(frozen=True, slots=True)
class Received:
    """The events of one request: messages to store, or why not, in order."""

    items: list[Message | Problem]
    batch: bool


def read_events(body: bytes, headers: Headers, *, sender: str | None) -> Received:
    """Take a request apart.

    Parameters
    ----------
    sender : str, optional
        Who signed it; a signed body that is no CloudEvent is kept as this sender's message.

    Raises
    ------
    Problem
        400 or 422 when the request as a whole cannot be read.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    channel = "webhook" if sender else "http"
    if "ce-specversion" in headers:
        return Received([_to_message(_binary(body, headers), channel, SINGLE)], batch=False)
    text = _text(body)
    if media_type == BATCH or (media_type != SINGLE and text.lstrip(_SPACE).startswith("[")):
        return Received([_to_message(part, channel, SINGLE) for part in _split(text)], batch=True)
    said = _parse(text)
    if sender and not (isinstance(said, dict) and "specversion" in said):
        name = f"webhook:{sender}"
        return Received(
            [Message(name, headers["webhook-id"][:300], channel, body, media_type)], batch=False
        )
    return Received([_to_message(body, channel, SINGLE)], batch=False)


def _to_message(body: bytes, channel: str, content_type: str) -> Message | Problem:
    try:
        event = _EVENT.validate_python(_parse(_text(body)))
    except ValidationError as error:
        errors = field_errors(error.errors())
        return Problem(422, f"The event has {len(errors)} error(s).", errors=errors)
    except Problem as problem:
        return problem
    return Message(event.source, event.id, channel, body, content_type)


def _binary(body: bytes, headers: Headers) -> bytes:
    """The structured form of an event whose attributes came as ``ce-`` headers."""
    event: dict[str, Any] = {
        name[3:]: value for name, value in headers.items() if name.startswith("ce-")
    }
    event["datacontenttype"] = headers.get("content-type", "application/json")
    if body:
        event["data"] = _parse(_text(body))
    try:
        return orjson.dumps(event)
    except TypeError:
        return json.dumps(event).encode()


def _split(text: str) -> list[bytes]:
    """The elements of a JSON array, each as it was written."""
    elements: list[bytes] = []
    place = _skip(text, 0)
    if text[place : place + 1] != "[":
        raise Problem(
            422,
            "A batch is a JSON array of events.",
            errors=[{"pointer": "#", "detail": "not an array"}],
        )
    place = _skip(text, place + 1)
    while text[place : place + 1] != "]":
        if elements:
            if text[place : place + 1] != ",":
                raise _malformed(place)
            place = _skip(text, place + 1)
        start = place
        try:
            _, place = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise _malformed(start) from error
        elements.append(text[start:place].encode(errors="surrogatepass"))
        place = _skip(text, place)
    if _skip(text, place + 1) != len(text):
        raise _malformed(place + 1)
    if len(elements) > MOST:
        detail = f"{len(elements)} events; the most is {MOST:,}"
        raise Problem(422, "The batch is too long.", errors=[{"pointer": "#", "detail": detail}])
    return elements


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _SPACE:
        place += 1
    return place


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(
            400, f"The body is not UTF-8: {error.reason} at byte {error.start}."
        ) from error


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        place = getattr(error, "pos", 0)
        raise _malformed(place) from error


def _malformed(place: int) -> Problem:
    return Problem(400, f"The body is not valid JSON: it breaks at character {place}.")


def to_results(items: Sequence[Message | Problem], stored: Sequence[bool]) -> list[dict[str, Any]]:
    """Per event: 202 stored, 200 a duplicate of what we have, or its problem."""
    fresh = iter(stored)
    results: list[dict[str, Any]] = []
    for item in items:
        if isinstance(item, Problem):
            results.append({"status": item.status_code, "problem": item.to_dict()})
        else:
            status = 202 if next(fresh) else 200
            results.append({"status": status, "id": item.message_id, "source": item.source})
    return results
