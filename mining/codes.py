"""Rare codes that appear or vanish: a new reason list, a carrier that left.

The daily share of a rare code is too noisy for a level, but not the days on which it is seen at
all. If nothing changed, the days with it are any of the days looked at, so that it stays out of the
first (or last) m of D days with the probability C(D - m, d) / C(D, d), where d days have it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy.special import gammaln

ENOUGH_DAYS = 8


@dataclass(frozen=True, slots=True)
class Turn:
    """A code that came into use or went out of it at a site.

    Parameters
    ----------
    day : date
        The first with it, or the first without it.
    before, after : float
        Its share of the lines before and from that day on.
    """

    site: str
    measure: str
    day: date
    before: float
    after: float
    p_value: float


def turns(site: str, measure: str, days: pd.DataFrame) -> Iterator[Turn]:
    """How late a code first appears and how early it is last seen, as tests of no change.

    Parameters
    ----------
    days : frame indexed by day with columns value (share of the lines with the code) and n (lines)
    """
    seen = np.flatnonzero(days["value"].to_numpy() > 0)
    if len(seen) < ENOUGH_DAYS:
        return
    appears, vanishes = int(seen[0]), int(seen[-1]) + 1
    for without, place in ((appears, appears), (len(days) - vanishes, vanishes)):
        if without:
            before, after = (_share(part) for part in (days.iloc[:place], days.iloc[place:]))
            day = pd.Timestamp(days.index[place]).date()
            yield Turn(site, measure, day, before, after, _chance(len(days), len(seen), without))


def _share(days: pd.DataFrame) -> float:
    return float((days["value"] * days["n"]).sum() / days["n"].sum())


def _chance(days: int, with_code: int, without: int) -> float:
    """C(days - without, with_code) / C(days, with_code)."""
    left = days - without
    logs = gammaln(left + 1) - gammaln(left - with_code + 1)
    return float(np.exp(logs - gammaln(days + 1) + gammaln(days - with_code + 1)))
