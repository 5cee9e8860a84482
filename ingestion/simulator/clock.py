"""Time inside the simulation: seconds since 1970 UTC, and calendars of opening hours.

A calendar is a sorted list of open spells; working time is what passes inside them. Spells are
built in a site's own time zone, so a clock change shifts them as it does in reality.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86400.0
WEEK: Final = 7 * DAY

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Shifts = Mapping[str, Sequence[tuple[str, str]]]
"""Opening hours by weekday name: ``{"mon": [("06:00", "22:00")]}``; a missing day is closed."""


def epoch(moment: datetime) -> float:
    """Seconds since 1970 of an aware moment."""
    return moment.timestamp()


def utc_midnight(day: date) -> float:
    """Seconds since 1970 at 00:00 UTC of ``day``."""
    return datetime.combine(day, time(), UTC).timestamp()


@lru_cache(100_000)
def _minute_text(minute: int) -> str:
    return f"{datetime.fromtimestamp(minute * MINUTE, UTC):%Y-%m-%dT%H:%M}"


_SECONDS: Final = tuple(f"{ms // 1000:02d}.{ms % 1000:03d}" for ms in range(60_000))


def iso(seconds: float) -> str:
    """A UTC time in ISO 8601 with milliseconds.

    >>> iso(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    minute, milliseconds = divmod(int(seconds * 1000), 60_000)
    return f"{_minute_text(minute)}:{_SECONDS[milliseconds]}Z"


@cache
def _local_day(hour: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(hour * HOUR, zone).date()


def local_day(seconds: float, zone: ZoneInfo) -> date:
    """The calendar day in ``zone`` at a moment (zones with whole-hour offsets)."""
    return _local_day(int(seconds // HOUR), zone)


def local_time(seconds: float, zone: ZoneInfo) -> datetime:
    """The wall clock of ``zone`` at a moment."""
    return datetime.fromtimestamp(seconds, zone)


@cache
def at_local(day: date, clock: str, zone: ZoneInfo) -> float:
    """The moment when the wall clock of ``zone`` shows ``clock`` (HH:MM) on ``day``."""
    hour, minute = clock.split(":")
    return datetime.combine(day, time(int(hour), int(minute)), zone).timestamp()


def days_between(start: date, end: date) -> Iterable[date]:
    """Every day from ``start`` up to and without ``end``."""
    return (start + timedelta(days=n) for n in range((end - start).days))


class Calendar:
    """Opening hours as open spells, with exact arithmetic in working time.

    Parameters
    ----------
    spells : sequence of (opens, closes), seconds since 1970, sorted and disjoint
    """

    def __init__(self, spells: Sequence[tuple[float, float]]) -> None:
        self.opens = [spell[0] for spell in spells]
        self.closes = [spell[1] for spell in spells]
        self._before = [0.0]
        for opens, closes in spells:
            self._before.append(self._before[-1] + closes - opens)

    @classmethod
    def of(
        cls,
        shifts: Shifts,
        *,
        zone: ZoneInfo,
        start: date,
        end: date,
        holidays: Iterable[date] = (),
    ) -> "Calendar":
        """Opening hours of every day in [start, end) that is no holiday."""
        closed = frozenset(holidays)
        return cls(
            [
                (at_local(day, opens, zone), at_local(day, closes, zone))
                for day in days_between(start, end)
                if day not in closed
                for opens, closes in shifts.get(WEEKDAYS[day.weekday()], ())
            ]
        )

    def without(self, absences: Sequence[tuple[float, float]]) -> "Calendar":
        """The same hours less every spell that begins inside an absence."""
        kept = [
            (opens, closes)
            for opens, closes in zip(self.opens, self.closes, strict=True)
            if not any(start <= opens < end for start, end in absences)
        ]
        return Calendar(kept)

    def next_open(self, moment: float) -> float:
        """``moment`` itself if open, else the next opening."""
        i = bisect_right(self.opens, moment)
        if i and moment < self.closes[i - 1]:
            return moment
        return self.opens[i] if i < len(self.opens) else moment + 365 * DAY

    def is_open(self, moment: float) -> bool:
        """Whether ``moment`` lies in an open spell."""
        i = bisect_right(self.opens, moment)
        return i > 0 and moment < self.closes[i - 1]

    def worked(self, moment: float) -> float:
        """Working seconds from the calendar's start to ``moment``."""
        i = bisect_right(self.opens, moment)
        if i == 0:
            return 0.0
        return self._before[i - 1] + min(moment, self.closes[i - 1]) - self.opens[i - 1]

    def after(self, moment: float, work: float) -> float:
        """The moment when ``work`` seconds begun at ``moment`` are done."""
        done = self.worked(moment) + work
        i = bisect_right(self._before, done) - 1
        if i >= len(self.opens):
            return moment + 365 * DAY
        if done == self._before[i] and i and work > 0:
            return self.closes[i - 1]
        return self.opens[i] + done - self._before[i]

    def next_slot(self, moment: float, slots: Sequence[float]) -> float:
        """The first working-day slot after ``moment``; slots are seconds after an opening."""
        i = max(bisect_right(self.opens, moment) - 1, 0)
        for k in range(i, len(self.opens)):
            for slot in slots:
                if self.opens[k] + slot > moment:
                    return self.opens[k] + slot
        return moment + 365 * DAY
