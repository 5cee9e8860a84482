"""Between the systems: when a fact is recorded, when the ERP hears of it, and message traffic."""

from bisect import bisect_right
from datetime import date, timedelta
from math import ceil, log
from random import Random
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingestion.simulator.clock import (
    HOUR,
    MINUTE,
    Calendar,
    at_local,
    days_between,
    local_day,
    utc_midnight,
)
from ingestion.simulator.faults import Calamities, file_time
from ingestion.simulator.journal import Journal
from ingestion.simulator.line import Line
from ingestion.simulator.network import EPCIS_SITE, HEADQUARTERS_ZONE, SITES, Site

_API_MEDIAN_S: Final = 2.0
_API_SIGMA: Final = 1.46
_JOB_S: Final = 4 * MINUTE
_BETWEEN_DROPS_S, _DROP_S = 7 * HOUR, 9 * MINUTE
"""How often the radio of the site with poor reception fails, and the median of how long."""


class Integration:
    """Latency of every channel, with the ERP's maintenance windows and each night's load."""

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        start: date,
        end: date,
        calamities: Calamities,
    ) -> None:
        self._calamities = calamities
        self._closed = _maintenance(start, end)
        self._closed_starts = [window[0] for window in self._closed]
        self._loads: dict[tuple[str, date], float] = {}
        for site in SITES:
            if site.legacy:
                for day in days_between(start, end):
                    self._loads[site.code, day] = self._load_start(site, day, rng.random(2))
        self._drops = _radio_drops(rng, start, end)

    def _load_start(self, site: Site, day: date, draws: npt.NDArray[np.float64]) -> float:
        late = self._calamities.file_day(site, day).late_days
        moment = at_local(day + timedelta(days=1 + late), "00:20", HEADQUARTERS_ZONE)
        if day.weekday() == 4 and draws[0] < 0.2:
            moment = at_local(day + timedelta(days=3), "01:00", HEADQUARTERS_ZONE)
        elif draws[0] < 0.07:
            moment += (8 + 4 * float(draws[1])) * HOUR
        return self.after_maintenance(moment)

    def after_maintenance(self, moment: float) -> float:
        """``moment``, or the end of the maintenance window it falls into."""
        i = bisect_right(self._closed_starts, moment) - 1
        if i >= 0 and moment < self._closed[i][1]:
            return self._closed[i][1] + 30.0
        return moment

    def recorded(self, site: Site, occurred: float, rng: Random) -> float:
        """When the warehouse system has the fact: seconds later, or with the day's file."""
        if site.legacy:
            day = local_day(occurred, site.zone)
            return file_time(site, day, self._calamities.file_day(site, day).late_days)
        if site.code == EPCIS_SITE:
            occurred = self._heard(occurred)
        return occurred + min(rng.lognormvariate(log(_API_MEDIAN_S), _API_SIGMA), 900.0)

    def _heard(self, moment: float) -> float:
        """When a handheld's scan gets through: what a drop held back arrives in a burst."""
        i = bisect_right(self._drops, (moment, 1e18)) - 1
        if i >= 0 and moment < self._drops[i][1]:
            return self._drops[i][1]
        return moment

    def erp_entry(self, site: Site, occurred: float, recorded: float, rng: Random) -> float:
        """When the ERP has posted a warehouse fact."""
        if site.legacy:
            day = local_day(occurred, site.zone)
            start = self._loads.get((site.code, day))
            if start is None:
                start = self.after_maintenance(recorded + HOUR)
            return start + 40 * MINUTE * rng.random()
        run = ceil((recorded + 5.0) / _JOB_S) * _JOB_S
        return self.after_maintenance(run + 20 * rng.random())


def _radio_drops(rng: np.random.Generator, start: date, end: date) -> list[tuple[float, float]]:
    drops = []
    moment, until = utc_midnight(start), utc_midnight(end)
    while moment < until:
        moment += float(rng.exponential(_BETWEEN_DROPS_S))
        length = min(_DROP_S * float(rng.lognormal(0.0, 0.8)), HOUR)
        drops.append((moment, moment + length))
        moment += length
    return drops


def _maintenance(start: date, end: date) -> list[tuple[float, float]]:
    windows = []
    for day in days_between(start, end):
        if day.weekday() == 6:
            opens = at_local(day, "02:00", HEADQUARTERS_ZONE)
            windows.append((opens, opens + 4 * HOUR))
        if day.weekday() == 2 and 8 <= day.day <= 14:
            opens = at_local(day, "20:00", HEADQUARTERS_ZONE)
            windows.append((opens, opens + 4 * HOUR))
    return windows


class Middleware:
    """Writes the life of each message: produced by one system, received by another."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._count = 0

    def number(self, line: Line) -> str:
        """A new correlation id."""
        if line.ghost:
            return ""
        self._count += 1
        return f"MSG{self._count:010d}"

    def carry(
        self,
        line: Line,
        message: str,
        *,
        interface: str,
        receiver: str,
        produced: float,
        received: float,
    ) -> None:
        """Note a message of the orchestrator that arrived at the first attempt."""
        if line.ghost:
            return
        route: dict[str, Any] = {"interface": interface, "sender": "OMS", "receiver": receiver}
        self._journal.add("M01P", line, produced, message=message, **route)
        self._journal.add("M01R", line, received, message=message, **route)


def posting_date(moment: float) -> str:
    """The accounting day of an ERP entry, at headquarters."""
    return local_day(moment, HEADQUARTERS_ZONE).isoformat()


def next_run(calendar: Calendar, moment: float, hours_after_opening: float) -> float:
    """The next nightly or daily run: a fixed time after a working day's opening."""
    return calendar.next_slot(moment, (hours_after_opening * HOUR,))
