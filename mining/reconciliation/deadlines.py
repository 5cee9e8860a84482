"""Until when a posting may take: service levels counted on the days a site works."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mining.calendars import Calendar
from mining.reconciliation.movements import DAY_US, HOUR_US, Ints, Side
from mining.reconciliation.policy import Policy


def deadlines(
    side: Side,
    *,
    policy: Policy,
    calendars: Sequence[Calendar] = (),
    site_sla_h: Mapping[str, float] | None = None,
) -> Ints:
    """Moment by which each movement should have been posted, microseconds.

    Counted from when the source had recorded it. A site with a calendar is given whole working
    days (24 hours each): a file of Friday may be posted on Monday.

    Parameters
    ----------
    site_sla_h : mapping of site to hours, optional
    """
    start = np.maximum(side.time, side.recorded)
    due = start + int(policy.sla_default_h * HOUR_US)
    by_site = {one.site: _whole_days(one) for one in calendars}
    if not len(side):
        return due
    pairs = side.codes["site"].astype(np.int64) * 2**31 + side.codes["kind"]
    _, first, group = np.unique(pairs, return_index=True, return_inverse=True)
    for number, row in enumerate(first.tolist()):
        site = side.table["site"][row].as_py() or ""
        hours = _hours(policy, site, side.table["kind"][row].as_py() or "", site_sla_h or {})
        mine = group == number
        due[mine] = _later(start[mine], hours, by_site.get(site))
    return due


def _hours(policy: Policy, site: str, kind: str, site_sla_h: Mapping[str, float]) -> float:
    own = policy.sla_sites.get(site, {})
    return float(own.get(kind, own.get("any", site_sla_h.get(site, policy.sla_default_h))))


def _whole_days(calendar: Calendar) -> Calendar:
    """The same working days, open around the clock."""
    return replace(calendar, shifts=tuple(((0, 1440),) if day else () for day in calendar.shifts))


def _later(start: Ints, hours: float, calendar: Calendar | None) -> Ints:
    plain = start + int(hours * HOUR_US)
    if calendar is None or not any(calendar.shifts):
        return plain
    spare = int((3 * hours / 24 + 14) * DAY_US)
    spells = calendar.over(int(start.min()), int(start.max()) + spare).spells
    before = np.concatenate([[0], np.cumsum(spells[:, 1] - spells[:, 0])])
    i = np.maximum(np.searchsorted(spells[:, 0], start, side="right") - 1, 0)
    inside = np.clip(start - spells[i, 0], 0, spells[i, 1] - spells[i, 0])
    target = before[i] + inside + int(hours * HOUR_US)
    k = np.clip(np.searchsorted(before, target, side="left") - 1, 0, len(spells) - 1)
    due: Ints = np.minimum(spells[k, 0] + (target - before[k]), start + spare)
    return np.maximum(due, plain)
