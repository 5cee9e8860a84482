"""What goes wrong between systems, and how it hangs together.

Faults are not independent: outages hit everything a site sends for hours, a bad file spoils a whole
day, one crew at DC4 has sloppy weeks, a release maps one status wrongly for nine days.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

import numpy as np

from ingestion.simulator.clock import DAY, HOUR, at_local, days_between, local_day, utc_midnight
from ingestion.simulator.network import SITES, Site

API: Final[Mapping[str, float]] = {
    "lost": 0.001,
    "rejected": 0.007,
    "double_posting": 0.0022,
    "wrong_sku": 0.003,
    "wrong_location": 0.006,
    "wrong_quantity": 0.002,
    "wrong_unit": 0.040,
    "default_code": 0.001,
    "wrong_value": 0.0018,
    "unpaired_reversal": 0.0009,
    "manual_posting": 0.003,
}
END_OF_DAY: Final[Mapping[str, float]] = {
    "lost": 0.006,
    "rejected": 0.012,
    "double_posting": 0.005,
    "rma_typo": 0.015,
    "wrong_sku": 0.004,
    "wrong_location": 0.009,
    "wrong_quantity": 0.006,
    "wrong_unit": 0.035,
    "default_code": 0.007,
    "wrong_value": 0.003,
    "unpaired_reversal": 0.002,
    "manual_posting": 0.010,
}
MAIL: Final[Mapping[str, float]] = {
    "lost": 0.018,
    "rejected": 0.060,
    "double_posting": 0.010,
    "rma_typo": 0.026,
    "wrong_sku": 0.016,
    "wrong_location": 0.010,
    "wrong_quantity": 0.012,
    "wrong_unit": 0.035,
    "default_code": 0.010,
    "wrong_value": 0.004,
    "unpaired_reversal": 0.003,
    "manual_posting": 0.020,
}
BREAK_OF: Final[Mapping[str, str]] = {
    "lost": "B01",
    "rejected": "B02",
    "in_flight": "B03",
    "double_posting": "B04",
    "wrong_quantity": "B05",
    "wrong_unit": "B06",
    "default_code": "B07",
    "status_mapping_bug": "B07",
    "wrong_location": "B08",
    "wrong_sku": "B09",
    "rma_typo": "B10",
    "manual_posting": "B11",
    "cutoff": "B12",
    "wrong_value": "B13",
    "unpaired_reversal": "B14",
    "credit_mismatch": "B15",
    "supplier_mismatch": "B17",
}
"""The break a fault leaves if nobody repairs it before the log ends."""

ERRORS: Final = (
    ("E_SCHEMA", "field missing"),
    ("E_PERIOD", "posting period closed"),
    ("E_MASTER", "material not maintained in plant"),
    ("E_LOCK", "object locked by user"),
)
REPAIRED: Final[Mapping[str, float]] = {"lost": 0.35, "rejected": 0.70, "double_posting": 0.40}
"""Share of faults somebody repairs after some days."""

REPAIRED_OF_FILES: Final = 0.75
"""At legacy sites repairs are rarer by this factor: a row of a file has no message to replay."""


@dataclass(frozen=True, slots=True)
class FileDay:
    """What happened to a legacy site's file of one business day."""

    late_days: int = 0
    resent: bool = False
    posted_twice: bool = False


class Calamities:
    """All correlated trouble of a run, drawn before it begins."""

    def __init__(
        self, rng: np.random.Generator, *, start: date, end: date, intensity: float = 1.0
    ) -> None:
        self.outages = {
            site.code: _outages(rng, start=start, end=end, intensity=intensity)
            for site in SITES
            if not site.legacy
        }
        self.file_days = {
            site.code: _file_days(rng, start=start, end=end, intensity=intensity)
            for site in SITES
            if site.legacy
        }
        days = (end - start).days
        bug = start + timedelta(days=int(days * (0.45 + 0.2 * rng.random())))
        self.mapping_bug = (utc_midnight(bug), utc_midnight(bug) + 9 * DAY)
        self.sloppy_weeks = frozenset(int(week) for week in rng.integers(0, 400, 130))

    def outage_end(self, site: Site, moment: float) -> float | None:
        """The end of the outage a moment falls into, if any."""
        windows = self.outages.get(site.code, [])
        i = bisect_right(windows, (moment, 1e18)) - 1
        if i >= 0 and moment < windows[i][1]:
            return windows[i][1]
        return None

    def file_day(self, site: Site, day: date) -> FileDay:
        """What happened to the site's file of a day."""
        return self.file_days[site.code].get(day, _CALM)

    def fault_of(self, rng: Random, site: Site, *, code: str, moment: float) -> str | None:
        """The fault that hits one movement, if any."""
        rates = API
        if site.legacy:
            rates = MAIL if site.code == "DC5" and code == "E02" else END_OF_DAY
        factor = 1.0
        if self.outage_end(site, moment) is not None:
            factor = 4.0
        elif site.code == "DC4" and self._sloppy(site, moment):
            factor = 3.0
        elif site.code == "DC4":
            factor = 0.8
        draw = rng.random() / factor
        for name, rate in rates.items():
            draw -= rate
            if draw < 0:
                return name
        return None

    def _sloppy(self, site: Site, moment: float) -> bool:
        day = local_day(moment, site.zone)
        return day.toordinal() // 7 % 400 in self.sloppy_weeks and day.weekday() in (0, 4)

    def misreads_b_stock(self, site: Site, moment: float) -> bool:
        """Whether the faulty release at DC3 maps B stock to available now."""
        start, end = self.mapping_bug
        return site.code == "DC3" and start <= moment < end


_CALM: Final = FileDay()


def _outages(
    rng: np.random.Generator, *, start: date, end: date, intensity: float
) -> list[tuple[float, float]]:
    """Outages of a real-time channel: every three weeks or so, hours long, rarely a day."""
    windows = []
    moment = utc_midnight(start) + rng.exponential(12 * DAY)
    while moment < utc_midnight(end):
        hours = min(float(rng.lognormal(1.0, 0.8)) * intensity, 32.0)
        windows.append((moment, moment + hours * HOUR))
        moment += hours * HOUR + float(rng.exponential(21 * DAY / intensity))
    return windows


def _file_days(
    rng: np.random.Generator, *, start: date, end: date, intensity: float
) -> dict[date, FileDay]:
    days = {}
    for day in days_between(start, end):
        draw = rng.random(4)
        late = 1 if draw[0] < 0.03 * intensity else 0
        if draw[1] < intensity / 65:
            late = 6
        resent = draw[2] < intensity / 30
        if late or resent:
            days[day] = FileDay(late, bool(resent), bool(resent and draw[3] < 0.5))
    return days


def transposed(text: str, rng: Random) -> str:
    """A number with two neighbouring, different digits swapped."""
    places = [i for i in range(3, len(text) - 1) if text[i] != text[i + 1]]
    if not places:
        return text
    i = places[int(rng.random() * len(places))]
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def file_time(site: Site, day: date, late_days: int) -> float:
    """When the file of a business day is extracted."""
    return at_local(day + timedelta(days=late_days), "23:30", site.zone)
