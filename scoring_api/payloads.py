"""Bodies of requests and answers, with examples that work as they stand."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ingestion.vocabulary import Disposition, Reason

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _to_moment(value: object) -> datetime:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("must be a date-time with zone after RFC 3339, as 2026-06-30T14:00:00Z")
    whole, fraction, zone = re.split(r"(\.\d+)?(?=[Zz+-]\d\d:\d\d$|[Zz]$)", value, maxsplit=1)
    return datetime.fromisoformat(f"{whole}{(fraction or '')[:7]}{zone.upper()}")


Moment = Annotated[
    datetime,
    BeforeValidator(_to_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def _to_day(value: object) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        raise ValueError("must be a date, as 2026-06-30")
    return date.fromisoformat(value)


Day = Annotated[
    date, BeforeValidator(_to_day), WithJsonSchema({"type": "string", "format": "date"})
]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Code = Annotated[str, Field(max_length=100)]
Money = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Quantity = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]

LINE_EXAMPLE: dict[str, Any] = {
    "return_line_id": "RMA-2026-004711:1",
    "site": "DC1",
    "sku": "SKU-00042",
    "quantity": 2,
    "reason_declared": "CHOICE.UNWANTED",
    "condition": "COSMETIC_DAMAGE",
    "note": "box torn, unit scratched on the side, does not power on",
    "customer_id": "C-00017",
    "unit_price": 129.9,
}


class ReturnLine(BaseModel):
    """One return line as the orchestration layer knows it now.

    Codes are advice to the models, not a closed list: an unknown code is scored as unknown.
    Fields that are not listed are accepted, left out of the advice and named in ``ignored``.
    """

    model_config = ConfigDict(
        extra="allow", strict=True, json_schema_extra={"examples": [LINE_EXAMPLE]}
    )

    return_line_id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="The line's id, by default `rma:line`.",
        ),
    ]
    site: Annotated[Name, Field(description="Warehouse that handles the return.")]
    sku: Annotated[Name, Field(description="Item number; a new one is scored by what it is like.")]
    quantity: Annotated[Quantity, Field(description="Units in the base unit of measure.")]
    as_of: Annotated[
        Moment | None, Field(description="Advise with what was known at this moment (default now).")
    ] = None
    reason_declared: Annotated[Code | None, Field(description="What the customer says.")] = None
    condition: Annotated[Code | None, Field(description="What the inspection found.")] = None
    note: Annotated[str | None, Field(max_length=4000, description="Inspector's words.")] = None
    customer_note: Annotated[
        str | None, Field(max_length=4000, description="Customer's words.")
    ] = None
    reason_inspected: Annotated[
        Code | None, Field(description="Reason the inspection found true.")
    ] = None
    requested_at: Moment | None = None
    received_at: Moment | None = None
    inspected_at: Moment | None = None
    last_activity: Annotated[
        Code | None, Field(description="Latest activity of the line, as in the log.")
    ] = None
    last_activity_at: Moment | None = None
    begun_at: Annotated[Moment | None, Field(description="When the line's first event was.")] = None
    events_so_far: Annotated[
        int | None, Field(ge=0, le=100_000, description="Events of the line until now.")
    ] = None
    customer_id: Name | None = None
    unit_price: Annotated[Money | None, Field(description="Price credited per unit.")] = None
    currency: Code | None = None
    uom: Code | None = None
    order_id: Name | None = None
    order_line: Code | None = None
    channel: Annotated[Code | None, Field(description="portal, phone, edi180, email, ...")] = None
    policy: Annotated[Code | None, Field(description="Policy variant, P1 to P10.")] = None
    carrier: Code | None = None
    supplier_id: Name | None = None
    family: Annotated[Code | None, Field(description="Product family.")] = None
    quantity_authorised: Annotated[Money | None, Field(description="Units on the RMA.")] = None
    resolution_requested: Code | None = None
    grade: Annotated[Code | None, Field(description="Inspector's grade, A to E.")] = None
    serial_match: bool | Code | None = None
    seal_ok: bool | Code | None = None
    accessories_ok: bool | Code | None = None
    hazmat: bool | None = None
    regulated: bool | None = None

    def to_line(self, now: datetime) -> dict[str, Any]:
        """What the scorer gets: the fields it may know, those that were sent, and ``as_of``."""
        sent = {
            name: value
            for name in self.model_fields_set
            if name in _KNOWN and (value := getattr(self, name)) is not None
        }
        return {"as_of": now, **sent}

    def ignored(self) -> list[str]:
        """Names of fields that were sent and are not known here."""
        names = sorted(self.model_extra or ())[:_SHOWN]
        return [name[:_SHOWN].encode(errors="replace").decode() for name in names]


RECOMMENDATION_ID = r"^rec_[0-9a-f]{32}$"
_KNOWN = frozenset(ReturnLine.model_fields)
_SHOWN = 100


class Batch(BaseModel):
    """Return lines to be advised on one by one: a bad line spoils no other."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [
                {"lines": [LINE_EXAMPLE, {**LINE_EXAMPLE, "return_line_id": "RMA-2026-004711:2"}]}
            ]
        },
    )

    lines: Annotated[
        list[
            Annotated[
                Any,
                WithJsonSchema({"anyOf": [{"$ref": "#/components/schemas/ReturnLine"}, {}]}),
            ]
        ],
        Field(max_length=1000, description="Each item is judged alone, see the item's `status`."),
    ]


class Recommendation(BaseModel):
    """Advice on one return line; each part names its model, version and data version."""

    model_config = ConfigDict(extra="allow")

    recommendation_id: str = Field(examples=["rec_0199f3a4c1d27d0b8e3a5f6071829304"])
    return_line_id: str = Field(examples=["RMA-2026-004711:1"])
    given_at: datetime
    expires_at: datetime
    not_available: list[str] = Field(
        description="Parts of a recommendation this installation has no model for."
    )
    ignored: list[str] = Field(default=[], description="Fields of the request that are not known.")


class BatchResult(BaseModel):
    """Outcome of one line of a batch."""

    status: int = Field(examples=[200], description="The status the line alone would have got.")
    recommendation: Recommendation | None = None
    problem: dict[str, Any] | None = Field(default=None, description="Problem details.")


class BatchResults(BaseModel):
    """Outcomes in the order of the lines."""

    results: list[BatchResult]


class Feedback(BaseModel):
    """What people or rules made of a recommendation."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "recommendation_id": "rec_0199f3a4c1d27d0b8e3a5f6071829304",
                    "decision": "overridden",
                    "disposition": "REFURBISH",
                    "comment": "only the fuse was blown",
                }
            ]
        },
    )

    recommendation_id: Annotated[str, Field(pattern=RECOMMENDATION_ID)]
    decision: Annotated[
        Literal["accepted", "overridden", "rejected"],
        Field(description="accepted as it stood, overridden by another fate, or not used at all"),
    ]
    disposition: Annotated[
        Disposition | None, Field(strict=False, description="The fate that was decided.")
    ] = None
    reason: Annotated[Reason | None, Field(strict=False, description="The reason found true.")] = (
        None
    )
    comment: Annotated[str | None, Field(max_length=2000, pattern=r"^[^\x00]*$")] = None
    decided_at: Moment | None = None


class FeedbackReceipt(BaseModel):
    """Proof that feedback is stored."""

    feedback_id: str = Field(examples=["fbk_0199f3a4c1d27d0b8e3a5f6071829304"])
    recommendation_id: str = Field(examples=["rec_0199f3a4c1d27d0b8e3a5f6071829304"])
    recorded_at: datetime
