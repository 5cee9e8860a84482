"""Working hours of many lines at their sites at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mining.calendars import Calendar, WorkingTime

_HOUR_US = 3_600e6


@dataclass(frozen=True)
class SiteHours:
    """Working time by site; a site without a calendar is open round the clock, in UTC."""

    calendars: Mapping[str, Calendar] = field(default_factory=dict)

    def between(self, sites: pd.Series, begins: pd.Series, ends: pd.Series) -> pd.Series:
        """Working hours between two moments (float microseconds), NaN where one is missing.

        An end before its beginning counts as zero.
        """
        hours = (ends - begins).clip(lower=0) / _HOUR_US
        known = begins.notna() & ends.notna()
        for site, calendar in self.calendars.items():
            mine = known & (sites == site)
            if mine.any():
                hours = hours.where(~mine, self._worked(calendar, begins[mine], ends[mine]))
        return hours

    def _worked(self, calendar: Calendar, begins: pd.Series, ends: pd.Series) -> pd.Series:
        a, b = begins.to_numpy("int64"), ends.to_numpy("int64")
        time: WorkingTime = calendar.over(int(min(a.min(), b.min())), int(max(a.max(), b.max())))
        return pd.Series(np.maximum(time.between(a, b), 0) / _HOUR_US, begins.index)

    def local_month(self, sites: pd.Series, moments: pd.Series) -> pd.Series:
        """Months since year 0 on the site's wall clock; NaN where there is no moment."""
        found = pd.Series(np.nan, moments.index)
        for site, part in moments.dropna().groupby(sites[moments.notna()].fillna("")):
            when = pd.to_datetime(part.astype("int64"), unit="us", utc=True)
            calendar = self.calendars.get(str(site))
            local = when if calendar is None else when.dt.tz_convert(calendar.zone)
            found[part.index] = (local.dt.year * 12 + local.dt.month).astype("float64")
        return found
