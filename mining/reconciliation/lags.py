"""Reconciliation lag, four ways: posting, match and resolution lag, and value-days.

What is still open has lasted at least until now: quantiles are Kaplan-Meier, and the open share
stands beside every figure.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mining.calendars import Calendar
from mining.reconciliation.findings import AGES, Reconciliation
from mining.reconciliation.refused import QUARANTINE
from mining.survival import kaplan_meier
from mining.worktime import SiteHours

_TIMING: Final = ("", "B03", "B10", "B12")


def lags(found: Reconciliation, *, calendars: Sequence[Calendar] = ()) -> pd.DataFrame:
    """The four lags by site, and for all sites ("").

    Parameters
    ----------
    calendars : sequence of Calendar
        Working hours of the sites, for the posting lag in business hours.

    Returns
    -------
    frame: lag, site, n, open_share, p50_h, p90_h, business_p50_h, business_p90_h, value_days,
    equivalent_lag_days. Posting lag is from the movement to its entry in the ERP; match lag to
    when both sides were recorded and nothing but timing differed; resolution lag from when an
    error could first be seen to when it was gone; value-days integrate the value not yet
    reconciled over time, and the equivalent lag divides them by the value moved (Little's law).
    Hours are calendar hours where nothing else is said; in business hours a site without a
    calendar is open round the clock.
    """
    groups = movement_lags(found)
    ends = groups["posted_at"].where(groups["posted"], pd.Timestamp(found.as_of))
    hours = SiteHours({one.site: one for one in calendars})
    begun, over = (_microseconds(moments) for moments in (groups["occurred_at"], ends))
    groups["business_h"] = hours.between(groups["site"], begun, over)
    rows = []
    for site, part in _by_site(groups):
        business = _quantiles("", "", part["business_h"], part["posted"])
        rows += [
            _quantiles("posting_lag", site, part["lag_h"], part["posted"])
            | {f"business_{name}": business[name] for name in ("p50_h", "p90_h")}
        ]
        rows += [_quantiles("match_lag", site, part["match_h"], part["matched"])]
        late = part[part["late_h"] > 0]
        rows += [_quantiles("resolution_lag", site, late["late_h"], late["matched"])]
        rows += [_value_days(site, part)]
    return pd.DataFrame(rows)


def _by_site(groups: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    yield "", groups
    for site, part in groups.groupby("site", sort=True):
        yield str(site), part


def movement_lags(found: Reconciliation) -> pd.DataFrame:
    """One row per movement: when it was posted and matched, and how long each took (hours)."""
    rows = found.movements
    right = rows[(rows["side"] == "right") & (rows["quantity"] > 0)]
    posted = right.groupby("group")["recorded_at"].min()
    left = rows[rows["side"] == "left"].copy()
    left["posted_at"] = posted.reindex(left["group"].to_numpy()).array
    as_of = pd.Timestamp(found.as_of)
    left["posted"] = left["posted_at"].notna() & (left["type"] != "B14")
    end = left["posted_at"].where(left["posted"], as_of)
    left["lag_h"] = _hours(end - left["occurred_at"]).clip(lower=0)
    left["matched"] = left["posted"] & left["type"].isin(_TIMING)
    known = left[["posted_at", "recorded_at"]].max(axis=1).where(left["matched"], as_of)
    left["match_h"] = _hours(known - left["occurred_at"]).clip(lower=0)
    seen = left["due_at"].where(~left["posted"] | (left["posted_at"] > left["due_at"]), pd.NaT)
    wrong = left["posted_at"].where(left["posted"] & ~left["matched"])
    left["late_h"] = _hours(known - seen.fillna(wrong))
    return left


def _microseconds(moments: Any) -> "pd.Series[float]":
    counted: pd.Series[float] = moments.astype("datetime64[us, UTC]").astype("int64").astype(float)
    return counted


def _hours(gaps: Any) -> "pd.Series[float]":
    hours: pd.Series[float] = gaps.dt.total_seconds() / 3600
    return hours


def _quantiles(
    lag: str, site: str, hours: "pd.Series[float]", ended: "pd.Series[bool]"
) -> dict[str, object]:
    curve = kaplan_meier(hours.to_numpy(), ended.to_numpy())
    return {
        "lag": lag,
        "site": site,
        "n": len(hours),
        "open_share": float(1 - ended.mean()) if len(hours) else 0.0,
        "p50_h": curve.quantile(0.5),
        "p90_h": curve.quantile(0.9),
        "business_p50_h": None,
        "business_p90_h": None,
        "value_days": None,
        "equivalent_lag_days": None,
    }


def _value_days(site: str, part: pd.DataFrame) -> dict[str, object]:
    value = part["worth"]
    days = float((value * part["match_h"] / 24).sum())
    moved = float(value.sum())
    return {
        "lag": "value_days",
        "site": site,
        "n": len(part),
        "open_share": float(1 - part["matched"].mean()) if len(part) else 0.0,
        "p50_h": None,
        "p90_h": None,
        "business_p50_h": None,
        "business_p90_h": None,
        "value_days": days,
        "equivalent_lag_days": days / moved if moved else None,
    }


def ageing(found: Reconciliation) -> pd.DataFrame:
    """Open breaks by age bucket and type: breaks, value at risk, oldest age in days."""
    return ages_of(found.frame)


def ages_of(breaks: pd.DataFrame) -> pd.DataFrame:
    """The same of a frame of breaks."""
    order = [name for _, name in AGES] + [">30"]
    frame = breaks.assign(age_bucket=pd.Categorical(breaks["age_bucket"], order, ordered=True))
    grouped = frame.groupby(["type", "age_bucket"], observed=True)
    return grouped.agg(
        breaks=("break_id", "size"),
        value_at_risk=("value_at_risk", "sum"),
        oldest_days=("age_days", "max"),
    ).reset_index()


def close_out(found: Reconciliation) -> pd.DataFrame:
    """Proof per site and day that every movement is accounted for.

    Returns
    -------
    frame: site, day (of the record), moved, posted, moved_matched, posted_matched, moved_in_breaks,
    posted_in_breaks, posted_refused (numbers of records; the last rest on a record in quarantine),
    quantity_moved, quantity_posted, quantity_in_breaks (posted minus moved inside breaks),
    quantity_refused, unexplained (what matches, breaks and quarantine leave: nothing)
    """
    rows = found.movements
    left = (rows["side"] == "left").to_numpy()
    refused = (rows["key"] == QUARANTINE).to_numpy()
    clean = (rows["type"] == "").to_numpy() & ~refused
    quantity = rows["quantity"].to_numpy()
    day = rows.groupby("group")["occurred_at"].transform("min").dt.floor("D").dt.tz_localize(None)
    site = rows["site"].fillna("").where(left).groupby(rows["group"]).transform("first")
    counts: dict[str, npt.NDArray[np.bool_]] = {
        "moved": left,
        "posted": ~left,
        "moved_matched": left & (clean | refused),
        "posted_matched": ~left & clean,
        "moved_in_breaks": left & ~clean & ~refused,
        "posted_in_breaks": ~left & ~clean & ~refused,
        "posted_refused": ~left & refused,
    }
    frame = pd.DataFrame({name: flags.astype(np.int64) for name, flags in counts.items()})
    frame["quantity_moved"] = np.where(left, quantity, 0.0)
    frame["quantity_posted"] = np.where(left, 0.0, quantity)
    signed = np.where(left, -quantity, quantity)
    frame["quantity_in_breaks"] = np.where(clean | refused, 0.0, signed)
    frame["quantity_refused"] = np.where(refused, signed, 0.0)
    frame["unexplained"] = np.where(clean, signed, 0.0)
    frame["site"] = site.fillna(rows["site"]).fillna("").to_numpy()
    frame["day"] = day.to_numpy()
    return frame.groupby(["site", "day"], sort=True).sum().reset_index()
