"""Events as the engine sees them: the relation ``log_events`` with int64 microseconds.

It comes from a lake or from a frame; everything in mining reads ``log_events`` or what was derived
from it.
"""

from datetime import UTC, date, datetime
from typing import TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

from ingestion.errors import RetraceError
from ingestion.lake import literal
from ingestion.vocabulary import MESSAGE_ACTIVITIES
from mining.engine import DuckDBEngine, Engine

# Reading the first 60 bits of the hexadecimal event_id keeps its order.
_FROM_LAKE = """
select event_id, case_id, activity, source, site, actor, actor_type,
    epoch_us(occurred_at) as occurred_us,
    epoch_us(recorded_at) as recorded_us,
    coalesce(source_seq, 0) as source_seq,
    coalesce(try_cast('0x' || substr(event_id, 1, 15) as bigint), 0) as event_key,
    sku, cast(quantity as double) as quantity, cast(amount as double) as amount, currency,
    reason, "condition", disposition, financial_outcome, inventory_status, location, lot, serial,
    cast(date_diff('day', date '1970-01-01', posting_date) as integer) as posting_day,
    document_id, reversal_of, message_id, note, confidence, delivery_id, extras
from events
"""

_TEXTS = (
    *("event_id", "source", "site", "actor", "actor_type", "sku", "currency", "reason"),
    *("condition", "disposition", "financial_outcome", "inventory_status", "location", "lot"),
    *("serial", "document_id", "reversal_of", "message_id", "note", "confidence", "extras"),
)

LOG_OBJECTS = pa.schema([(name, pa.string()) for name in ("event_id", "object_type", "object_id")])
ProcessFrame: TypeAlias = pd.DataFrame | pa.Table


class BadFrame(RetraceError):
    """A frame given to ``load`` is not an event log."""


class BadMoment(RetraceError):
    """A text that should be a date or a time is neither."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is not a date or time. Write 2026-03-01 or 2026-03-01T08:00Z.")


def to_microseconds(moment: datetime | date | str) -> int:
    """Microseconds since 1970 UTC; a moment without a zone is UTC, a date its first instant."""
    if isinstance(moment, str):
        moment = _parsed(moment)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    gap = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMoment(text) from error


def view_lake_events(
    engine: DuckDBEngine, *, source: str | None = None, as_of_us: int | None = None
) -> None:
    """Define ``log_events`` over the lake: all of it, one source's, or what was known then."""
    conditions = []
    if source is not None:
        conditions.append(f"source = {literal(source)}")
    if as_of_us is not None:
        conditions.append(known_at(as_of_us))
    where = f"where {' and '.join(conditions)}" if conditions else ""
    engine.define_as("log_events", f"select * from ({_FROM_LAKE}) {where}")


def view_lake_objects(engine: DuckDBEngine) -> None:
    """Define ``log_objects`` over the lake: which object an event touched."""
    engine.define_as(
        "log_objects",
        "select links.event_id, links.object_type, links.object_id from event_objects as links",
    )


def register_objects(engine: DuckDBEngine, frame: ProcessFrame | None) -> None:
    """Make ``log_objects`` from a frame with columns event_id, object_type and object_id.

    Raises
    ------
    BadFrame
        A column is missing.
    """
    if frame is None:
        frame = LOG_OBJECTS.empty_table()
    engine.con.register("frame", frame)
    try:
        types = dict(
            engine.con.execute("select column_name, column_type from (describe frame)").fetchall()
        )
        missing = [name for name in LOG_OBJECTS.names if name not in types]
        if missing:
            raise BadFrame(f"The objects have no column {', '.join(missing)}.")
        texts = ", ".join(f"cast({name} as varchar) as {name}" for name in LOG_OBJECTS.names)
        engine.create_as("log_objects", f"select {texts} from frame")
    finally:
        engine.con.unregister("frame")


def known_at(as_of_us: int) -> str:
    """Condition on ``log_events``: recorded (where null: occurred) up to a moment."""
    return f"coalesce(recorded_us, occurred_us) <= {int(as_of_us)}"


def register_frame(engine: DuckDBEngine, frame: ProcessFrame, *, source: str | None = None) -> None:
    """Make ``log_events`` from a pandas frame or an Arrow table.

    Raises
    ------
    BadFrame
        A column is missing, a time is not a timestamp, or a value is null.
    """
    engine.con.register("frame", frame)
    try:
        types = dict(
            engine.con.execute("select column_name, column_type from (describe frame)").fetchall()
        )
        _check(types)
        engine.create_as("log_events", _from_frame(types, source))
        _check_nulls(engine.con)
    finally:
        engine.con.unregister("frame")


def _check(types: dict[str, str]) -> None:
    missing = [name for name in ("case_id", "activity", "occurred_at") if name not in types]
    if missing:
        raise BadFrame(
            f"The frame has no column {', '.join(missing)}. It needs case_id, activity and "
            f"occurred_at, and has {', '.join(types) or 'none'}."
        )
    for name in ("occurred_at", "recorded_at"):
        if name in types and not types[name].startswith("TIMESTAMP"):
            raise BadFrame(f"Column {name} holds {types[name]}, not timestamps. Convert it first.")


def _from_frame(types: dict[str, str], source: str | None) -> str:
    def given(name: str, expression: str, otherwise: str) -> str:
        return f'{expression if name in types else otherwise} as "{name}"'

    texts = [given(name, f'cast("{name}" as varchar)', "cast(null as varchar)") for name in _TEXTS]
    numbers = [
        given(name, f"cast({name} as double)", "cast(null as double)")
        for name in ("quantity", "amount")
    ]
    recorded = "epoch_us(recorded_at)" if "recorded_at" in types else "cast(null as bigint)"
    sequence = "coalesce(cast(source_seq as bigint), 0)" if "source_seq" in types else "position"
    day = "cast(null as integer)"
    if "posting_date" in types:
        day = "cast(date_diff('day', date '1970-01-01', cast(posting_date as date)) as integer)"
    conditions = ["true"]
    if source is not None and "source" in types:
        conditions.append(f"source = {literal(source)}")
    return f"""
    select * from (
        select {", ".join(texts)}, {", ".join(numbers)},
            cast(case_id as varchar) as case_id, cast(activity as varchar) as activity,
            epoch_us(occurred_at) as occurred_us, {recorded} as recorded_us,
            {sequence} as source_seq, position as event_key,
            {day} as posting_day, cast(null as varchar) as delivery_id
        from (select *, row_number() over () as position from frame)
    ) where {" and ".join(conditions)}
    """


def _check_nulls(con: duckdb.DuckDBPyConnection) -> None:
    [[cases, activities, times]] = con.execute(
        "select count(*) - count(case_id), count(*) - count(activity), "
        "count(*) - count(occurred_us) from log_events"
    ).fetchall()
    if cases or activities or times:
        raise BadFrame(
            f"The frame has {cases} rows without case_id, {activities} without activity and "
            f"{times} without occurred_at. Remove or repair them, or ingest the file instead: "
            "the intake sets such rows aside and counts them."
        )


def process_events(relation: str = "log_events", *also: str) -> str:
    """SELECT of the events that are steps of a process: everything but middleware messages."""
    more = "".join(f", {column}" for column in also)
    messages = ", ".join(literal(name) for name in sorted(MESSAGE_ACTIVITIES))
    return (
        f"select case_id, activity, site, occurred_us, source_seq, event_key{more} "
        f"from {relation} where activity not in ({messages})"
    )


def latest_known(engine: Engine, relation: str = "log_events") -> int | None:
    """Latest ``recorded_at`` (``occurred_at`` where null) in microseconds; None without events."""
    found = engine.select(
        f"select max(coalesce(recorded_us, occurred_us)) as latest from {relation}"
    )["latest"][0].as_py()
    return None if found is None else int(found)
