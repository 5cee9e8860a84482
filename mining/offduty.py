"""When people are off duty: by their site's calendar, else by the hours the log shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from mining.calendars import Calendar

Ints = npt.NDArray[np.int64]
_HOUR_US = 3_600_000_000
_WEEK_H = 168
_SELDOM = 0.002
_ENOUGH = 40


@dataclass(frozen=True)
class DutyRosters:
    """Off-duty spans of every resource over the span of a log.

    Parameters
    ----------
    rosters : dict
        Roster name to its off-duty spans, sorted: array of shape (n, 2), microseconds.
    roster_of : dict
        Resource to roster name; a resource without one is always on duty.
    """

    rosters: Mapping[str, Ints] = field(repr=False)
    roster_of: Mapping[str, str] = field(repr=False)

    def off_duty(self, resource: str, begins: int, ends: int) -> Ints:
        """When a resource was off duty between two moments."""
        spans = self.rosters.get(self.roster_of.get(resource, ""))
        if spans is None:
            return np.empty((0, 2), np.int64)
        low = int(np.searchsorted(spans[:, 1], begins, side="right"))
        high = int(np.searchsorted(spans[:, 0], ends, side="left"))
        return np.clip(spans[low:high], begins, ends)


def duty_rosters(instances: pd.DataFrame, calendars: Mapping[str, Calendar]) -> DutyRosters:
    """Rosters of the people in a frame of instances (columns site, owner, resource, human, ...).

    Warehouse people keep their site's calendar; offices that serve all sites, and sites without a
    calendar, the hours of the week in which the log shows them at work.
    """
    first, last = int(instances["start_us"].min()), int(instances["end_us"].max())
    people = instances[instances["human"]]
    rosters: dict[str, Ints] = {}
    roster_of: dict[str, str] = {}
    for (owner, site), work in people.groupby(["owner", "site"], dropna=False):
        calendar = calendars.get(str(site)) if owner == "site" else None
        name = str(site) if calendar else str(owner)
        if name not in rosters:
            known = people if calendar else people[people["owner"] == owner]
            rosters[name] = (
                _closed(calendar, first, last) if calendar else _unseen(known, first, last)
            )
        roster_of.update(dict.fromkeys(work["resource"], name))
    return DutyRosters(rosters, roster_of)


def _closed(calendar: Calendar, first: int, last: int) -> Ints:
    spells = calendar.over(first, last).spells
    edges = np.concatenate([[min(first, last)], spells.ravel(), [last]])
    return _positive(np.clip(edges.reshape(-1, 2), first, last))


def _unseen(work: pd.DataFrame, first: int, last: int) -> Ints:
    """Hours of the week (UTC) in which almost nothing was finished; none if little is known."""
    if len(work) < _ENOUGH:
        return np.empty((0, 2), np.int64)
    hour_of_week = work["end_us"].to_numpy(np.int64) // _HOUR_US % _WEEK_H
    counts = np.bincount(hour_of_week, minlength=_WEEK_H)
    seldom = counts <= _SELDOM * counts.sum()
    hours = np.arange(first // _HOUR_US, last // _HOUR_US + 1)
    off = hours[seldom[hours % _WEEK_H]]
    return np.stack([off, off + 1], axis=1) * _HOUR_US


def _positive(spans: Ints) -> Ints:
    return spans[spans[:, 1] > spans[:, 0]]
