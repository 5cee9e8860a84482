"""What was known about a return line at a moment, and nothing that came later.

A field names the activities that can state it, so the moment it becomes available follows from
the process and cannot be declared wrongly. The builder drops statements later than the question,
refuses a field that has none left, and reads only events recorded by the moment of asking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

import duckdb
import pandas as pd

from ingestion.lake import literal, quoted
from ingestion.vocabulary import Activity
from models.errors import FutureFeature
from models.facts import read_frame


class Moment(IntEnum):
    """Steps of a return line at which a question can be asked, in order."""

    REQUESTED = 1
    AUTHORISED = 2
    RECEIVED = 3
    INSPECTED = 4
    DECIDED = 5
    SETTLED = 6


_MOMENTS: Final[dict[Moment, tuple[Activity, ...]]] = {
    Moment.REQUESTED: (Activity.A01,),
    Moment.AUTHORISED: (
        Activity.A02,
        Activity.A03Q,
        Activity.A03,
        Activity.A03R,
        Activity.A04,
        Activity.A04S,
        Activity.A05,
        Activity.A06,
        Activity.A07,
    ),
    Moment.RECEIVED: (Activity.A08, Activity.A09, Activity.A10, Activity.A11, Activity.A12),
    Moment.INSPECTED: (Activity.A13,),
}
MOMENT_OF: Final[dict[str, Moment]] = {
    activity.value: moment for moment, activities in _MOMENTS.items() for activity in activities
}
"""Moment each activity belongs to; activities not listed come after the decision."""

ENDS: Final[dict[Moment, Activity]] = {
    Moment.REQUESTED: Activity.A01,
    Moment.AUTHORISED: Activity.A04,
    Moment.RECEIVED: Activity.A09,
    Moment.INSPECTED: Activity.A13,
}
"""Activity whose recording ends a moment: then the question is asked."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a snapshot.

    Parameters
    ----------
    sql : str
        Expression over one event.
    stated_by : tuple of Activity
        Activities that state it, the most trusted first; the first statement of each counts.
    """

    name: str
    sql: str
    stated_by: tuple[Activity, ...]

    def sources(self, asked: Moment) -> tuple[Activity, ...]:
        """Activities that can state the field when the question is asked.

        Raises
        ------
        FutureFeature
            All of them come later.
        """
        known = tuple(a for a in self.stated_by if _moment(a) <= asked)
        if not known:
            first = min(self.stated_by, key=_moment)
            raise FutureFeature(self.name, first.value, asked.name.lower())
        return known


def _moment(activity: Activity) -> Moment:
    return MOMENT_OF.get(activity.value, Moment.SETTLED)


def _extra(key: str) -> str:
    return f"json_extract_string(extras, '$.{key}')"


_ANYWHERE = (Activity.A01, Activity.A04, Activity.A09, Activity.A13)
FIELDS: Final[tuple[Field, ...]] = (
    Field("site", "site", (Activity.A09, Activity.A08, *_ANYWHERE)),
    Field("sku", "sku", _ANYWHERE),
    Field("quantity", "cast(quantity as double)", (Activity.A09, Activity.A04, Activity.A01)),
    Field("reason_declared", "reason", (Activity.A01, Activity.A04)),
    Field("customer_note", "note", (Activity.A01,)),
    Field("customer_id", _extra("customer_id"), (Activity.A01, Activity.A04)),
    Field("channel", _extra("channel"), (Activity.A01, Activity.A04)),
    Field("policy", _extra("policy"), (Activity.A01, Activity.A04)),
    Field("carrier", _extra("carrier"), (Activity.A01, Activity.A04)),
    Field("resolution_requested", _extra("resolution_requested"), (Activity.A01,)),
    Field(
        "unit_price", f"try_cast({_extra('unit_price')} as double)", (Activity.A01, Activity.A04)
    ),
    Field("requested_at", "occurred_at", (Activity.A01, Activity.A04)),
    Field("received_at", "occurred_at", (Activity.A09,)),
    Field("inspected_at", "occurred_at", (Activity.A13,)),
    Field("condition", "condition", (Activity.A13,)),
    Field("reason_inspected", "reason", (Activity.A13,)),
    Field("note", "note", (Activity.A13,)),
    Field("grade", _extra("grade"), (Activity.A13,)),
    Field("serial_match", _extra("serial_match"), (Activity.A13,)),
    Field("seal_ok", _extra("seal_ok"), (Activity.A13,)),
    Field("accessories_ok", _extra("accessories_ok"), (Activity.A13,)),
)
"""Everything a snapshot can hold; the names are those of a scoring request."""


def take_snapshots(
    con: duckdb.DuckDBPyConnection,
    fields: Sequence[Field] = FIELDS,
    *,
    asked: Moment = Moment.INSPECTED,
    as_of: datetime | None = None,
) -> pd.DataFrame:
    """Build one row per return line that had reached a moment by ``as_of``.

    Parameters
    ----------
    con : connection with a view ``events`` (see ``ingestion.lake.Lake.connect``)
    asked : Moment
        Each line is asked about when this moment's last event is first recorded.
    as_of : datetime, UTC, optional
        Lines that reached the moment later are left out; all lines without it.

    Returns
    -------
    DataFrame
        ``case_id``, ``asked_at`` and a column per field, in the order of asking.

    Raises
    ------
    FutureFeature
        A field can only be stated after the moment of asking.
    """
    sources = {field.name: field.sources(asked) for field in fields}
    wanted = {activity.value for known in sources.values() for activity in known}
    wanted.add(ENDS[asked].value)
    columns = ",\n".join(_column(field, sources[field.name]) for field in fields)
    names = ", ".join(literal(name) for name in sorted(wanted))
    until = "" if as_of is None else f"and known_at <= timestamptz {literal(as_of.isoformat())}"
    query = f"""
        with known as (
            select *, coalesce(recorded_at, occurred_at) as known_at
            from events where activity in ({names})
        ), asked as (
            select case_id, min(known_at) as asked_at from known
            where activity = {literal(ENDS[asked].value)} {until} group by case_id
        )
        select case_id, asked_at, {columns}
        from known join asked using (case_id)
        where known_at <= asked_at
        group by case_id, asked_at order by asked_at, case_id
        """
    return read_frame(con, query)


def _column(field: Field, sources: tuple[Activity, ...]) -> str:
    statements = ", ".join(
        f"arg_min({field.sql}, (occurred_at, source_seq, event_id)) "
        f"filter (where activity = {literal(source.value)} and {field.sql} is not null)"
        for source in dict.fromkeys(sources)
    )
    return f"coalesce({statements}) as {quoted(field.name)}"
