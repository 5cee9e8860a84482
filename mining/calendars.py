"""Working time in each site's own time zone and shifts, right across daylight saving.

An instant is working time when the wall clock of the site's zone shows a time inside a shift of
that local day, and the day is no holiday. So a shift over the spring change is an hour shorter and
one over the autumn change an hour longer, as the people in it know.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.errors import RetraceError

Microseconds = npt.NDArray[np.int64]
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BUSINESS_DAYS = pa.schema(
    [
        pa.field("site", pa.string()),
        pa.field("day_no", pa.int32()),
        pa.field("from_us", pa.int64()),
        pa.field("to_us", pa.int64()),
        pa.field("worked_us", pa.int64()),
        pa.field("open", pa.int32()),
    ]
)


class BadCalendar(RetraceError):
    """A site's time zone or calendar cannot be understood."""

    def __init__(self, site: str, why: str) -> None:
        self.site = site
        super().__init__(
            f"The calendar of site {site} cannot be used: {why}. Expected a zone such as "
            'America/Chicago and JSON such as {"mon": [["06:00", "22:00"]], "holidays": []}.'
        )


@dataclass(frozen=True)
class Calendar:
    """Opening hours of one site.

    Parameters
    ----------
    shifts : sequence of 7 sequences of (opens, closes), minutes after local midnight
        Monday first; a closing time of 1440 is midnight.
    holidays : frozenset of date
        Local days without work.
    """

    site: str
    zone: ZoneInfo
    shifts: tuple[tuple[tuple[int, int], ...], ...]
    holidays: frozenset[date] = frozenset()

    @classmethod
    def parse(cls, site: str, time_zone: str, text: str) -> "Calendar":
        """Read the ``calendar`` JSON of the ``sites`` table.

        Raises
        ------
        BadCalendar
        """
        try:
            said: Mapping[str, Any] = json.loads(text)
            by_day: Mapping[str, Any] = said.get("shifts", said)
            shifts = tuple(
                tuple((_minute(a), _minute(b)) for a, b in by_day.get(day, ())) for day in WEEKDAYS
            )
            holidays = frozenset(date.fromisoformat(day) for day in said.get("holidays", ()))
            zone = ZoneInfo(time_zone)
        except (ValueError, TypeError, AttributeError, ZoneInfoNotFoundError) as error:
            raise BadCalendar(site, str(error)) from error
        if any(closes <= opens for day in shifts for opens, closes in day):
            raise BadCalendar(site, "a shift closes before it opens; split a night shift in two")
        return cls(site, zone, shifts, holidays)

    def over(self, first_us: int, last_us: int) -> "WorkingTime":
        """Working time of a span of the log (whole UTC days, one to spare on both sides)."""
        first = first_us // DAY_US - 1
        return WorkingTime(self, first, last_us // DAY_US + 2)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


@dataclass(frozen=True)
class WorkingTime:
    """A calendar laid over the days [first_day, end_day), counted in UTC days since 1970."""

    calendar: Calendar
    first_day: int
    end_day: int

    @cached_property
    def spells(self) -> Microseconds:
        """Open spells, sorted and disjoint: array of shape (n, 2), microseconds since 1970."""
        first, end = self.first_day * DAY_US, self.end_day * DAY_US
        local = self._local_spells()
        pieces = []
        for begins, ends, offset in _constant_offsets(self.calendar.zone, first, end):
            spells = np.clip(local - offset, begins, ends)
            pieces.append(spells[spells[:, 1] > spells[:, 0]])
        found = np.concatenate(pieces) if pieces else np.empty((0, 2), np.int64)
        return _merged(found[np.lexsort((found[:, 1], found[:, 0]))])

    def _local_spells(self) -> Microseconds:
        """Shifts as if the zone had no offset; one spare day on both sides."""
        rows = []
        for day_no in range(self.first_day - 1, self.end_day + 1):
            day = date(1970, 1, 1) + timedelta(days=day_no)
            if day not in self.calendar.holidays:
                rows += [
                    (day_no * DAY_US + opens * MINUTE_US, day_no * DAY_US + closes * MINUTE_US)
                    for opens, closes in self.calendar.shifts[day.weekday()]
                ]
        return np.array(rows, np.int64).reshape(-1, 2)

    @cached_property
    def _worked_before(self) -> Microseconds:
        return np.concatenate([[0], np.cumsum(self.spells[:, 1] - self.spells[:, 0])])

    def worked(self, moments: npt.ArrayLike) -> Microseconds:
        """Working microseconds from the first day to each moment."""
        at = np.asarray(moments, np.int64)
        i = np.searchsorted(self.spells[:, 0], at, side="right")
        before = self._worked_before[np.maximum(i - 1, 0)]
        if not len(self.spells):
            return np.zeros_like(at)
        last = self.spells[np.maximum(i - 1, 0)]
        inside = np.minimum(at, last[..., 1]) - last[..., 0]
        return np.where(i > 0, before + inside, 0)

    def between(self, begins: npt.ArrayLike, ends: npt.ArrayLike) -> Microseconds:
        """Working microseconds between two moments, element by element."""
        return self.worked(ends) - self.worked(begins)

    def pieces(self) -> pa.Table:
        """The whole span cut at midnights UTC and at opening and closing (``BUSINESS_DAYS``)."""
        midnights = np.arange(self.first_day, self.end_day + 1, dtype=np.int64) * DAY_US
        cuts = np.unique(np.concatenate([midnights, self.spells.ravel()]))
        begins, ends = cuts[:-1], cuts[1:]
        worked = self.worked(cuts)
        columns = [
            pa.array([self.calendar.site] * len(begins), pa.string()),
            pa.array((begins // DAY_US).astype(np.int32)),
            pa.array(begins),
            pa.array(ends),
            pa.array(worked[:-1]),
            pa.array((worked[1:] > worked[:-1]).astype(np.int32)),
        ]
        return pa.Table.from_arrays(columns, schema=BUSINESS_DAYS)


def _constant_offsets(zone: ZoneInfo, first: int, end: int) -> list[tuple[int, int, int]]:
    """Spans of constant UTC offset: (from, to, offset), microseconds."""
    cuts = [first]
    for day in range(first, end, DAY_US):
        low, high = day, min(day + DAY_US, end)
        if _offset(zone, low) != _offset(zone, high):
            while high - low > 1_000_000:
                middle = (low + high) // 2_000_000 * 1_000_000
                if _offset(zone, middle) == _offset(zone, low):
                    low = middle
                else:
                    high = middle
            cuts.append(high)
    cuts.append(end)
    return [(a, b, _offset(zone, a)) for a, b in pairwise(cuts)]


def _offset(zone: ZoneInfo, moment_us: int) -> int:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return (offset.days * 86_400 + offset.seconds) * 1_000_000


def _merged(spells: Microseconds) -> Microseconds:
    """Join spells that touch or overlap (sorted by opening)."""
    if not len(spells):
        return spells
    reach = np.maximum.accumulate(spells[:, 1])
    fresh = np.concatenate([[True], spells[1:, 0] > reach[:-1]])
    starts = np.flatnonzero(fresh)
    last = np.concatenate([starts[1:] - 1, [len(spells) - 1]])
    return np.stack([spells[starts, 0], reach[last]], axis=1)


def site_calendars(rows: Iterable[Mapping[str, Any]]) -> list[Calendar]:
    """Calendars of the rows of ``sites`` that state both a zone and shifts."""
    return [
        Calendar.parse(row["site"], row["time_zone"], row["calendar"])
        for row in rows
        if row["time_zone"] and row["calendar"]
    ]


def business_days(calendars: Sequence[Calendar], first_us: int, last_us: int) -> pa.Table:
    """Working time of every site over the span of a log, ready for an equality join by day."""
    tables = [calendar.over(first_us, last_us).pieces() for calendar in calendars]
    return pa.concat_tables(tables) if tables else BUSINESS_DAYS.empty_table()
