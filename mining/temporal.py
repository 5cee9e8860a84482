"""Temporal profile of any log: how long one step usually is from another, and what strays from it.

Source: Stertz, Mangler, Rinderle-Ma (2020), Temporal conformance checking at runtime based on
time-infused process models, arXiv:2008.07262. Unlike there, a pair needs a number of occurrences
before it can judge, and a spread below a minute counts as a minute: pairs seen once or always at
the same second would otherwise condemn everything.
"""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from mining.engine import fetch_frame
from mining.log import EventLog, Moment

REACH = 50
ZETA = 6.0
ENOUGH = 30
LEAST_SPREAD_S = 60.0


@dataclass(frozen=True, slots=True)
class TemporalProfile:
    """Time between steps that follow each other, directly or not.

    Parameters
    ----------
    frame : frame with columns source, target, n, mean_s, stdev_s
        By ``n`` descending; sample standard deviation, 0 where a pair was seen once.
    """

    frame: pd.DataFrame = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The profile part of the JSON of ``retrace mine temporal-profile``."""
        return {"profile": self.frame.to_dict("records")}


def temporal_profile(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    reach: int = REACH,
) -> TemporalProfile:
    """Measure the profile of the cases of a site that began in [start, end).

    Parameters
    ----------
    reach : int
        Steps that are further apart in their case are not compared.
    """
    where = log.slice(site=site, start=start, end=end)
    frame = fetch_frame(log.engine, "temporal_profile", **where, reach=reach)
    for end_of in ("source", "target"):
        frame[end_of] = frame[end_of].map(log.activities).astype(object)
    frame["n"] = frame["n"].astype("int64")
    order = ["n", "source", "target"]
    return TemporalProfile(
        frame.sort_values(order, ascending=[False, True, True], ignore_index=True)
    )


def temporal_deviations(
    log: EventLog,
    profile: TemporalProfile,
    *,
    zeta: float = ZETA,
    enough: int = ENOUGH,
    least_spread_s: float = LEAST_SPREAD_S,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    reach: int = REACH,
) -> pd.DataFrame:
    """Pairs of steps more than ``zeta`` standard deviations from the mean of their pair.

    Parameters
    ----------
    profile : TemporalProfile
        Of this log, or of another slice that shall be the measure.
    enough : int
        Pairs the profile saw less often judge nothing.
    least_spread_s : float, seconds
        A smaller standard deviation counts as this.

    Returns
    -------
    frame with columns case_id, site, source, target, seconds, mean_s, zeta
        The furthest off first.
    """
    numbers = {name: number for number, name in log.activities.items()}
    known = profile.frame[
        (profile.frame["n"] >= enough)
        & profile.frame["source"].isin(numbers)
        & profile.frame["target"].isin(numbers)
    ]
    spread = known["stdev_s"].clip(lower=least_spread_s).astype("float64")
    limits = pa.table(
        {
            "source": pa.array(known["source"].map(numbers), pa.int32()),
            "target": pa.array(known["target"].map(numbers), pa.int32()),
            "mean_s": pa.array(known["mean_s"], pa.float64()),
            "spread_s": pa.array(spread, pa.float64()),
            "allowed_s": pa.array(spread * zeta, pa.float64()),
        }
    )
    where = log.slice(site=site, start=start, end=end)
    log.engine.register("temporal_limits", limits)
    found = fetch_frame(log.engine, "temporal_deviations", **where, reach=reach)
    log.engine.drop("temporal_limits")
    for end_of in ("source", "target"):
        found[end_of] = found[end_of].map(log.activities).astype(object)
    names = {number: name for name, number in log.sites.items()}
    found["site"] = found.pop("site_no").map(names).astype(object)
    return found[["case_id", "site", "source", "target", "seconds", "mean_s", "zeta"]]
