"""What smaller batches would save: the log's own steps, regrouped."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mining.calendars import DAY_US

_HOUR_US = 3_600e6
_KEYS = ["site", "activity", "owner"]
ASSUMPTION = (
    "each batch seen is cut in the order its steps became ready; no time to set up again, "
    "no queue behind it"
)
COLUMNS = [*_KEYS, "batches", "steps", "size", "wait_h", "wait_h_then", "money_per_day",
           "saved_per_day"]  # fmt: skip


def smaller_batches(
    batched: pd.DataFrame,
    *,
    money_of_value_day: float,
    size: int | Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Wait until the batch is complete, now and if each batch were cut to ``size`` steps.

    Every batch seen is cut, in the order its steps became ready, into groups of ``size``; a group
    is begun when its last step is ready, and what is left over keeps waiting as it did. Nothing
    else changes: time to set up once more, or a queue that forms behind it, is not counted.

    Parameters
    ----------
    batched : frame with columns site, activity, owner, batch, enabled_us, batching_us, value
        Steps that were worked in batches.
    money_of_value_day : float
        Share of a line's value a day of waiting costs, per calendar day of the log.
    size : int or mapping of activity to int, optional
        At least 1; default: two fifths of the median size (20 becomes 8).

    Returns
    -------
    frame with columns site, activity, owner, batches, steps, size, wait_h, wait_h_then,
    money_per_day, saved_per_day
        ``size`` the median now; ``wait_h`` hours per step; the most saved first.
    """
    rows: list[dict[str, Any]] = []
    for (site, activity, owner), steps in batched.groupby(_KEYS, dropna=False):
        sizes = steps.groupby("batch")["batch"].transform("size")
        usual = float(sizes.groupby(steps["batch"]).first().median())
        cut = size.get(str(activity)) if isinstance(size, Mapping) else size
        now = steps["batching_us"].to_numpy(float)
        then = waits_then(steps, max(cut or round(usual * 0.4), 1))
        worth = steps["value"].to_numpy(float) * money_of_value_day / DAY_US
        rows.append(
            {
                "site": site if isinstance(site, str) else None,
                "activity": activity,
                "owner": owner,
                "batches": int(steps["batch"].nunique()),
                "steps": len(steps),
                "size": usual,
                "wait_h": round(float(now.mean()) / _HOUR_US, 3),
                "wait_h_then": round(float(then.mean()) / _HOUR_US, 3),
                "money_per_day": round(float((now * worth).sum()), 2),
                "saved_per_day": round(float(((now - then) * worth).sum()), 2),
            }
        )
    found = pd.DataFrame(rows, columns=COLUMNS)
    order = ["saved_per_day", "activity"]
    return found.sort_values(order, ascending=[False, True], ignore_index=True)


def waits_then(steps: pd.DataFrame, size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Wait of each step until its group is complete, batches cut to ``size``, microseconds."""
    ready = steps.sort_values(["batch", "enabled_us"], kind="stable")
    group = ready.groupby("batch").cumcount() // size
    groups = ready.groupby([ready["batch"], group])["enabled_us"]
    full = groups.transform("size") == size
    until = groups.transform("max").where(full, ready["enabled_us"] + ready["batching_us"])
    waits = (until - ready["enabled_us"]).clip(upper=ready["batching_us"].astype("float64"))
    return np.asarray(waits.reindex(steps.index), float)
