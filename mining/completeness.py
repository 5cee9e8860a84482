"""Is everything in that should be: each source's habit of reporting, and who is late by it.

A figure of a site whose file is missing looks better than it is. So each source's rhythm is learned
from the days on which it reported for a site, in that site's working days, and a silence longer
than usual is said beside the figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from mining.calendars import Calendar
from mining.engine import fetch_frame
from mining.log import EventLog, calendars_of

LEAST_REPORTS = 5
"""Fewer reporting days teach no rhythm: such a source is never called late."""
_USUAL = 0.95


@dataclass(frozen=True, slots=True)
class Reporting:
    """How one source reports for one site, as of a moment.

    Parameters
    ----------
    last_at : datetime, UTC
        The latest moment it recorded.
    last_day : date
        The same, on the site's calendar.
    by_file : bool
        It reports at one moment a day (a file), not as things happen.
    usual_gap_days : int or None
        Working days from one report to the next, 95 % of the time; None with too few reports.
    late_days : int
        Working days it is overdue; 0 when all is well.
    expected_days, reported_days : int
        Working days since its first report that were due, and those with a report.
    """

    source: str
    site: str | None
    last_at: datetime
    last_day: date
    by_file: bool
    usual_gap_days: int | None
    late_days: int
    expected_days: int
    reported_days: int

    @property
    def message(self) -> str | None:
        """One sentence where the source is late, else None."""
        if not self.late_days:
            return None
        what = "last file" if self.by_file else "last record"
        days = "day" if self.late_days == 1 else "days"
        where = f"{self.site}: " if self.site else ""
        return (
            f"{where}{self.source or 'log'}: {what} of {self.last_day:%-d %b %Y}, "
            f"{self.late_days} working {days} late"
        )

    def to_dict(self) -> dict[str, Any]:
        """One row of ``completeness`` in the JSON of ``retrace mine kpis``."""
        return {
            "source": self.source,
            "site": self.site,
            "last_at": self.last_at.isoformat(),
            "usual_gap_days": self.usual_gap_days,
            "late_days": self.late_days,
            "expected_days": self.expected_days,
            "reported_days": self.reported_days,
            "message": self.message,
        }


def completeness(log: EventLog, *, site: str | None = None) -> list[Reporting]:
    """Learn each source's rhythm per site and say who is late at the log's as-of moment.

    Parameters
    ----------
    site : str, optional
        Only this site (and sources that name no site).
    """
    calendars = {calendar.site: calendar for calendar in calendars_of(log.engine)}
    rows = fetch_frame(log.engine, "reports")
    found = [
        _reporting((str(source), str(name)), part, calendars, log.as_of)
        for (source, name), part in rows.groupby(["source", "site"], sort=True)
    ]
    return [row for row in found if site is None or row.site in (site, None)]


def _reporting(
    who: tuple[str, str],
    reports: pd.DataFrame,
    calendars: Mapping[str, Calendar],
    as_of: datetime,
) -> Reporting:
    source, site = who
    calendar = calendars.get(site)
    zone = calendar.zone if calendar else ZoneInfo("UTC")
    moments = pd.to_datetime(reports["last_us"], unit="us", utc=True).dt.tz_convert(zone)
    seconds = (moments - moments.dt.normalize()).dt.total_seconds()
    by_then = timedelta(seconds=float(np.quantile(seconds, _USUAL, method="higher")))
    usual_time = (datetime(2000, 1, 1) + by_then).time()
    days = sorted({moment.date() for moment in moments})
    now = as_of.astimezone(zone)
    # a day is due once the time of day has passed at which its report is in
    due = [
        day
        for day in _working_days(calendar, days[0], now.date())
        if datetime.combine(day, usual_time, zone) <= now
    ]
    numbers = np.array([day.toordinal() for day in due], np.int64)
    place = np.searchsorted(numbers, [day.toordinal() for day in days], side="right")
    gaps = np.diff(place)
    gaps = gaps[gaps > 0]
    at_once = reports["first_us"] == reports["last_us"]
    usual, late = None, 0
    if len(days) >= LEAST_REPORTS and len(gaps):
        usual = int(np.quantile(gaps, _USUAL, method="higher"))
        late = max(len(due) - int(place[-1]) - (usual - 1), 0)
    return Reporting(
        source=source,
        site=site or None,
        last_at=moments.max().to_pydatetime().astimezone(UTC),
        last_day=days[-1],
        by_file=bool(at_once.mean() > _USUAL and (reports["records"] > 1).any()),
        usual_gap_days=usual,
        late_days=late,
        expected_days=len(due),
        reported_days=len(set(days) & set(due)),
    )


def _working_days(calendar: Calendar | None, first: date, last: date) -> list[date]:
    """Working days of a span, both ends included; all days without a calendar."""
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if calendar is None:
        return every
    return [day for day in every if calendar.shifts[day.weekday()] and day not in calendar.holidays]
