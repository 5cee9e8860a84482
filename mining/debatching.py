"""End-of-day files: events known to the day only, spread over the working hours of that day.

A legacy site reports what it did as one file a night: a date and an order, no times. Taking the
nominal time (the end of the shift) makes everything happen at once. Here such events get an
estimate, evenly over the day's working hours in the order of the file, and the two moments
between which they certainly happened, so that every figure can say how sure it is.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from mining.calendars import DAY_US, Calendar
from mining.engine import DuckDBEngine, Engine, UnknownEngine
from mining.log import EventLog, calendars_of, derive_here

Floats = npt.NDArray[np.float64]
_WINDOWS = pa.schema(
    [
        pa.field("site", pa.string()),
        pa.field("occurred_us", pa.int64()),
        pa.field("low_us", pa.int64()),
        pa.field("high_us", pa.int64()),
    ]
)


@dataclass(frozen=True)
class DayWindows:
    """The working hours of each day that a site reported without times.

    Parameters
    ----------
    by_site : dict
        Site to its windows, sorted and disjoint: array of shape (n, 2), microseconds.
    """

    by_site: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def bounds(self, sites: pd.Series, moments: pd.Series) -> tuple[pd.Series, pd.Series]:
        """First and last moment an event may have happened, given its estimate; else the moment."""
        low, high = moments.to_numpy(float, copy=True), moments.to_numpy(float, copy=True)
        names = sites.to_numpy(object)
        for site, windows in self.by_site.items():
            mine = np.flatnonzero((names == site) & ~np.isnan(low))
            at = low[mine]
            nearest = np.searchsorted(windows[:, 0], at, side="right") - 1
            inside = (nearest >= 0) & (at <= windows[np.maximum(nearest, 0), 1])
            low[mine[inside]] = windows[nearest[inside], 0]
            high[mine[inside]] = windows[nearest[inside], 1]
        return pd.Series(low, moments.index), pd.Series(high, moments.index)


def spread_day_files(engine: Engine, calendars: list[Calendar]) -> DayWindows:
    """Create ``spread_events`` (event_key, at_us): estimated times of events without a time.

    Source: the project's domain reference, section 4 (batch sites give interval-censored times).
    """
    engine.create("day_files", "day_files")
    days = engine.select(
        "select distinct coalesce(site, '') as site, occurred_us from day_files "
        "order by site, occurred_us"
    )
    known = {calendar.site: calendar for calendar in calendars}
    rows = [
        (site, at, *working_day(known.get(site), at))
        for site, at in zip(days["site"].to_pylist(), days["occurred_us"].to_pylist(), strict=True)
    ]
    columns = zip(*rows, strict=True) if rows else ([],) * 4
    engine.register(
        "day_windows", pa.table(dict(zip(_WINDOWS.names, columns, strict=True)), _WINDOWS)
    )
    engine.create("spread_events", "spread_events")
    engine.drop("day_files", "day_windows")
    found: dict[str, list[tuple[int, int]]] = {}
    for site, _, low, high in rows:
        found.setdefault(site, []).append((low, high))
    return DayWindows(
        {site: np.unique(np.array(spans, np.int64), axis=0) for site, spans in found.items()}
    )


def day_windows(log: EventLog) -> DayWindows:
    """Those of a log, for the first that asks; its engine has ``spread_events`` from then on."""
    return log.share(("windows",), lambda: spread_day_files(log.engine, calendars_of(log.engine)))


def count_day_only(log: EventLog) -> dict[str, int]:
    """Events known to the day only, by site (empty: no site); what a map should be read with."""
    day_windows(log)
    rows = log.engine.select(
        "select coalesce(events.site, '') as site, count(*) as events from log_events as events "
        "join spread_events on events.event_key = spread_events.event_key "
        "group by coalesce(events.site, '') order by site"
    )
    return {row["site"]: row["events"] for row in rows.to_pylist()}


def debatched(log: EventLog) -> EventLog:
    """The same log with estimated times where a site reports without: for maps and variants.

    The nominal times put everything a site did in a day at one moment: steps of the same day take
    no time at all, and all others whole days. Estimates keep the file's order; within a case they
    may come before or after what other systems recorded with the minute.

    Raises
    ------
    UnknownEngine
        The log is not on DuckDB.
    """
    engine = log.engine
    if engine.name != "duckdb":
        raise UnknownEngine(f"Times are not spread on {engine.name}; load the log with duckdb.")
    day_windows(log)
    spread = DuckDBEngine.blank()
    spread.register(
        "log_events",
        engine.select(
            "select events.* replace (coalesce(spread.at_us, events.occurred_us) as occurred_us) "
            "from log_events as events "
            "left join spread_events as spread on events.event_key = spread.event_key"
        ),
    )
    for relation in ("log_objects", "item_costs", "sites"):
        spread.register(relation, engine.select(f"select * from {relation}"))
    return derive_here(spread, as_of=log.as_of, like=log, calendars=calendars_of(engine))


def working_day(calendar: Calendar | None, moment_us: int) -> tuple[int, int]:
    """First opening to last closing of the site's local day; the whole day where nobody works.

    Without a calendar the day is that of UTC.
    """
    if calendar is None:
        midnight = moment_us // DAY_US * DAY_US
        return midnight, midnight + DAY_US
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)).astimezone(
        calendar.zone
    )
    begins, ends = (
        _microseconds(datetime(day.year, day.month, day.day, tzinfo=calendar.zone))
        for day in (local.date(), local.date() + timedelta(days=1))
    )
    spells = calendar.over(begins, ends).spells
    today = spells[(spells[:, 0] < ends) & (spells[:, 1] > begins)]
    if not len(today):
        return begins, ends
    return int(max(today[0, 0], begins)), int(min(today[-1, 1], ends))


def _microseconds(moment: datetime) -> int:
    gap = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (gap.days * 86_400 + gap.seconds) * 1_000_000
