"""Derive the integer-encoded transitions of a log: the one table every map is a GROUP BY over.

``number_cases`` and then ``derive`` read the relation ``new_events`` and whatever is already known
(``known_cases``, ``known_activities``, ``known_sites``) and leave ``case_numbers``,
``activity_names``, ``site_names``, ``dated_cases`` and ``derived_transitions`` (a view that is
computed as it is read) in the engine; ``clean_up`` drops what only the derivation needed.
"""

from collections.abc import Sequence

import pyarrow as pa

from ingestion.errors import RetraceError
from ingestion.vocabulary import Activity
from mining.calendars import Calendar, business_days
from mining.engine import Engine

TRANSITIONS = pa.schema(
    [
        pa.field("month", pa.int32()),
        pa.field("case_no", pa.int32()),
        pa.field("position", pa.int32()),
        pa.field("source", pa.int16()),
        pa.field("target", pa.int16()),
        pa.field("occurred_us", pa.int64()),
        pa.field("duration_us", pa.int64()),
        pa.field("business_us", pa.int64()),
        pa.field("site_no", pa.int16()),
        pa.field("case_site_no", pa.int16()),
        pa.field("opened_us", pa.int64()),
        pa.field("source_seq", pa.int64()),
        pa.field("event_key", pa.int64()),
    ]
)
CASES = pa.schema(
    [
        pa.field("case_no", pa.int32()),
        pa.field("case_id", pa.string()),
        pa.field("events", pa.int32()),
        pa.field("first_us", pa.int64()),
        pa.field("last_us", pa.int64()),
        pa.field("start_no", pa.int16()),
        pa.field("end_no", pa.int16()),
        pa.field("ties", pa.int32()),
        pa.field("site_no", pa.int16()),
        pa.field("variant", pa.string()),
        pa.field("closed_us", pa.int64()),
        pa.field("ended_us", pa.int64()),
        pa.field("month", pa.int32()),
    ]
)
ACTIVITY_NAMES = pa.schema([("activity_no", pa.int32()), ("activity", pa.string())])
SITE_NAMES = pa.schema([("site_no", pa.int32()), ("site", pa.string())])
KNOWN_CASES = pa.schema([("case_id", pa.string()), ("case_no", pa.int32())])

_FATES = {
    "receive": Activity.A09,
    "closing": Activity.X03,
    "reopening": Activity.X04,
    "cancelling": Activity.X05,
    "expiring": Activity.X06,
    "rejecting": Activity.A03R,
}


MOST_NAMES = 32_767


class TooManyActivities(RetraceError):
    """The column taken for the activity (or site) has as many values as an identifier."""

    def __init__(self, names: str, found: int) -> None:
        self.found = found
        super().__init__(
            f"The log has {found:,} different {names}; at most {MOST_NAMES:,} make a map. "
            "Check which column is read as the activity, and map it to fewer names."
        )


def forget_known(engine: Engine) -> None:
    """Start from nothing: no case, activity or site is known yet."""
    engine.register("known_cases", KNOWN_CASES.empty_table())
    engine.register("known_activities", ACTIVITY_NAMES.empty_table())
    engine.register("known_sites", SITE_NAMES.empty_table())


def number_cases(engine: Engine, *, known: int = 0) -> None:
    """Give every case of ``new_events`` its number; ``known`` is the highest given so far."""
    engine.create("case_numbers", "case_numbers", known=known)


def derive(
    engine: Engine,
    *,
    months: tuple[int, ...] = (),
    calendars: Sequence[Calendar] = (),
) -> None:
    """Derive transitions and cases from ``new_events``, re-deriving every known case they touch.

    Parameters
    ----------
    months : tuple of int
        Months (yyyymm) whose stored rows hold the touched cases; empty when all is new.
    calendars : sequence of Calendar
        Working time of the sites that have one.

    Raises
    ------
    TooManyActivities
    """
    _extend_dictionaries(engine)
    if months:
        engine.define("arrived_events", "encoded_events")
        engine.define("kept_events", "kept_events", months=months)
        engine.define_as(
            "encoded_events", "select * from arrived_events union all select * from kept_events"
        )
    else:
        engine.define("encoded_events", "encoded_events")
    engine.create("ordered_events", "ordered_events")
    engine.drop("encoded_events", "kept_events", "arrived_events", "met")
    engine.create("undated_cases", "cases", **_fate_numbers(engine))
    engine.create("dated_cases", "dated_cases")
    engine.drop("undated_cases")
    _join_calendars(engine, calendars)


def _extend_dictionaries(engine: Engine) -> None:
    for names, query in (("activities", "activity_names"), ("sites", "site_names")):
        known = _count(engine, f"known_{names}")
        engine.create("met", query, known=known)
        met = _count(engine, "met")
        if known + met > MOST_NAMES:
            raise TooManyActivities(names, known + met)
        engine.create_as(query, f"select * from known_{names} union all select * from met")


def _join_calendars(engine: Engine, calendars: Sequence[Calendar]) -> None:
    if not calendars:
        engine.define("derived_transitions", "transitions")
        return
    span = engine.select("select min(occurred_us) as a, max(occurred_us) as b from ordered_events")
    first, last = span["a"][0].as_py(), span["b"][0].as_py()
    engine.register("named_days", business_days(calendars, first, last))
    engine.create_as(
        "business_days",
        "select site_names.site_no, named_days.day_no, named_days.from_us, named_days.to_us, "
        "named_days.worked_us, named_days.open from named_days "
        "join site_names on named_days.site = site_names.site",
    )
    engine.drop("named_days")
    engine.define("plain_transitions", "transitions")
    engine.define("derived_transitions", "business_transitions")


def clean_up(engine: Engine) -> None:
    """Drop everything ``derive`` left behind."""
    engine.drop(
        *("derived_transitions", "plain_transitions", "business_days", "ordered_events"),
        *("dated_cases", "case_numbers", "activity_names", "site_names", "new_events"),
        *("known_cases", "known_activities", "known_sites"),
    )


def _fate_numbers(engine: Engine) -> dict[str, int]:
    by_name = {name: number for number, name in activity_names(engine).items()}
    return {fate: by_name.get(activity.value, -1) for fate, activity in _FATES.items()}


def activity_names(engine: Engine) -> dict[int, str]:
    """Activity number to name."""
    rows = engine.fetch("activities")
    return dict(zip(rows["activity_no"].to_pylist(), rows["activity"].to_pylist(), strict=True))


def site_numbers(engine: Engine) -> dict[str, int]:
    """Site name to number."""
    rows = engine.fetch("sites")
    return dict(zip(rows["site"].to_pylist(), rows["site_no"].to_pylist(), strict=True))


def _count(engine: Engine, relation: str) -> int:
    return int(engine.select(f"select count(*) as n from {relation}")["n"][0].as_py())
