"""Available-to-promise gap: units the warehouse could sell that the ERP does not show yet."""

from collections.abc import Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from mining.calendars import Calendar
from mining.reconciliation.findings import Reconciliation
from mining.reconciliation.movements import DAY_US, Ints

SELLABLE = frozenset({"AVAILABLE", "B_STOCK"})


def promise_gap(
    found: Reconciliation,
    *,
    sellable: frozenset[str] = SELLABLE,
    calendars: Sequence[Calendar] = (),
) -> pd.DataFrame:
    """Units put away for sale and not yet posted, at the end of each day.

    A unit counts from the day it was put away until the day before its posting was recorded; one
    never posted counts until now. Days end at midnight of the site (UTC where no calendar is
    given); the last day is the one of ``as_of``.

    Parameters
    ----------
    sellable : set of str
        Stock statuses that can be promised to a customer.
    calendars : sequence of Calendar
        For the sites' time zones.

    Returns
    -------
    frame: site, sku, day, units, value; only days with a gap
    """
    rows = found.movements
    posted = rows[(rows["side"] == "right") & (rows["quantity"] > 0)]
    first_posted = posted.sort_values("recorded_at").drop_duplicates("group")
    seen = first_posted.set_index("group")["recorded_at"]
    left = rows[
        (rows["side"] == "left") & (rows["kind"] == "transfer") & rows["status"].isin(sellable)
    ]
    until = seen.reindex(left["group"]).set_axis(left.index).where(left["type"] != "B14")
    zones = {one.site: one.zone for one in calendars}
    first = _local_days(left["occurred_at"], left["site"], zones)
    now = pd.Series(pd.Timestamp(found.as_of), left.index)
    last = _local_days(until.fillna(now), left["site"], zones) - until.notna().to_numpy()
    count = np.maximum(last - first + 1, 0)
    which = np.repeat(np.arange(len(left)), count)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    days = (first[which] + offset).astype("datetime64[D]").astype("datetime64[s]")
    spread = pd.DataFrame(
        {
            "site": left["site"].fillna("").to_numpy()[which],
            "sku": left["sku"].to_numpy()[which],
            "day": days,
            "units": left["quantity"].to_numpy()[which],
            "value": left["worth"].to_numpy()[which],
        }
    )
    return spread.groupby(["site", "sku", "day"], as_index=False, sort=True).sum()


def _local_days(
    moments: "pd.Series[pd.Timestamp]", sites: "pd.Series[str]", zones: dict[str, ZoneInfo]
) -> Ints:
    """Days since 1970 on the clock of each row's site."""
    days = np.zeros(len(moments), np.int64)
    for site in sites.fillna("").unique():
        mine = (sites.fillna("") == site).to_numpy()
        wall = moments[mine].dt.tz_convert(zones.get(site, UTC)).dt.tz_localize(None)
        days[mine] = wall.to_numpy().astype("datetime64[us]").view(np.int64) // DAY_US
    return days
