"""Other things an arrow can say: what came some time later, and the money that waited on it."""

import numpy as np
import pandas as pd

from mining.engine import fetch_frame
from mining.log import EventLog, Moment
from mining.objects import LINE, log_of_objects
from mining.policy import Policy, shipped_policy


def eventually_follows(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    object_type: str = LINE,
) -> pd.DataFrame:
    """Count how often an activity came some time after another in the same case.

    Returns
    -------
    frame with columns source, target, count, cases
        ``count``: pairs of events; ``cases``: cases with at least one. By count descending, then
        source and target.
    """
    log = log_of_objects(log, object_type)
    found = log.ask("eventually", **log.slice(site=site, start=start, end=end)).to_pandas()
    return _named(log, found.rename(columns={"n": "count"}), by="count")


def money_waiting(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Value the wait on every arrow: value of the line x days x (cost of capital + ageing).

    The arrows of a line follow each other, so no day of a line is counted twice. A line without a
    quantity or a standard cost has no value; ``valued_share`` says how many walks had one.

    Returns
    -------
    frame with columns source, target, count, valued_share, value_days, money
        By money descending, then source and target; money in the currency of the standard costs.
    """
    where = log.slice(site=site, start=start, end=end)
    found = fetch_frame(log.engine, "edge_value_days", **where)
    found["valued_share"] = found["valued"] / found["n"]
    found["money"] = found["value_days"] * (policy or shipped_policy()).ageing_per_day
    columns = ["source", "target", "count", "valued_share", "value_days", "money"]
    return _named(log, found.rename(columns={"n": "count"})[columns], by="money")


def _named(log: EventLog, edges: pd.DataFrame, *, by: str) -> pd.DataFrame:
    order = np.lexsort(
        (log.rank(edges["target"].to_numpy()), log.rank(edges["source"].to_numpy()), -edges[by])
    )
    edges = edges.iloc[order].reset_index(drop=True)
    ends = {end: log.names(edges[end].to_numpy()) for end in ("source", "target")}
    return edges.assign(**ends)
