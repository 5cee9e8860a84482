"""A metric: what it means, how it is observed, and how observations become one honest figure."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import pandas as pd

from mining.milestones import Milestones
from mining.survival import ENDED, FINISHED, OPEN, aalen_johansen

Unit = Literal["days", "hours", "share", "touches", "lines", "exceptions"]
Kind = Literal["clock", "weighted", "share", "mean", "count"]
Observations = pd.DataFrame
"""One row per thing observed, with columns site, opened_us, open and what its kind needs:

- clock: duration, shortest, longest (hours), outcome (``mining.survival``), dated
- weighted: duration (hours), weight
- share: part, whole
- mean, count: amount
"""
Measure = Callable[[Milestones], Observations]
HOUR_US = 3_600e6
_HOURS = {"days": 24.0, "hours": 1.0}
_Z = NormalDist().inv_cdf(0.975)
FIGURES = (
    *("value", "unit", "n", "open_share", "p50", "p90"),
    *("low", "high", "p90_low", "p90_high", "ended_share", "dated_share"),
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the metric registry.

    Parameters
    ----------
    id, name : str
    formula : str
        In words a controller can check.
    unit : str
        Shares are 0-1.
    grain : str
        What one observation is.
    censoring : str
        What happens to observations that are not complete.
    owner : str
        The role that answers for it.
    measure : callable
        The observations behind it.
    kind : str
        How they become a figure: quantiles of a clock, a value-weighted mean of durations, a
        share, a mean, a count.
    better : "less", "more" or "neither"
        The good direction.
    everywhere : bool
        False for what needs the rules or the reconciliation, which run on DuckDB alone.
    """

    id: str
    name: str
    formula: str
    unit: Unit
    grain: str
    censoring: str
    owner: str
    measure: Measure = field(repr=False)
    kind: Kind = "share"
    better: Literal["less", "more", "neither"] = "less"
    everywhere: bool = True

    def to_dict(self) -> dict[str, str]:
        """What it means, as JSON."""
        names = ("id", "name", "formula", "unit", "grain", "censoring", "owner", "better")
        return {name: getattr(self, name) for name in names}

    def figure(self, seen: Observations) -> dict[str, Any]:
        """Value with sample size, open share, quantiles and 95 % band (``FIGURES``).

        ``value`` is the median of a clock; ``low`` and ``high`` bound it. Quantiles that the data
        do not reach, and bounds they do not give, are None.
        """
        found: dict[str, Any] = dict.fromkeys(FIGURES)
        found |= {"unit": self.unit, "n": len(seen)}
        if len(seen):
            found["open_share"] = float(seen["open"].mean())
            found |= _FIGURES[self.kind](seen, _HOURS.get(self.unit, 1.0))
        return found


def clock(
    facts: Milestones,
    lines: pd.DataFrame,
    begins: str,
    ends: str | pd.Series,
    stops: pd.Series | None = None,
) -> Observations:
    """Time from one stage to another; it stops without an end at ``stops``, else it runs on."""
    began = lines[begins]
    ended = lines[ends] if isinstance(ends, str) else ends
    started = began.notna()
    finished = ended.notna() & started
    stopped = ~finished & (stops.notna() if stops is not None else False)
    until = ended.where(finished, facts.as_of_us)
    if stops is not None:
        until = until.where(~stopped, stops)
    begin_low, begin_high = facts.bounds(lines, begins)
    end_low, end_high = facts.bounds(lines, ends) if isinstance(ends, str) else (until, until)
    hours = (until - began) / HOUR_US
    shortest = (end_low.where(finished, until) - begin_high) / HOUR_US
    longest = (end_high.where(finished, until) - begin_low) / HOUR_US
    outcome = np.select([finished, stopped], [FINISHED, ENDED], OPEN)
    seen = pd.DataFrame(
        {
            "site": lines["site"],
            "opened_us": lines["opened_us"],
            "open": started & ~finished & ~stopped,
            "duration": hours,
            "shortest": np.minimum(shortest.where(hours < 0, shortest.clip(lower=0.0)), hours),
            "longest": np.maximum(longest, hours),
            "outcome": outcome,
            "dated": (longest - shortest) > 1e-9,
        }
    )
    return seen[started & (finished | (hours >= 0))]


def shares(
    lines: pd.DataFrame,
    part: pd.Series,
    *,
    of: pd.Series | None = None,
    still_open: pd.Series | None = None,
) -> Observations:
    """Share of lines (or of ``of``, such as their value) with a property."""
    whole = pd.Series(1.0, lines.index) if of is None else of.astype(float)
    return pd.DataFrame(
        {
            "site": lines["site"],
            "opened_us": lines["opened_us"],
            "open": False if still_open is None else still_open,
            "part": part.astype(float),
            "whole": whole,
        }
    )


def amounts(
    lines: pd.DataFrame, amount: pd.Series, *, still_open: pd.Series | None = None
) -> Observations:
    """A number per line."""
    return pd.DataFrame(
        {
            "site": lines["site"],
            "opened_us": lines["opened_us"],
            "open": False if still_open is None else still_open,
            "amount": amount.astype(float),
        }
    )


def _of_clock(seen: Observations, unit_hours: float) -> dict[str, Any]:
    outcome = seen["outcome"].to_numpy()
    curve = aalen_johansen(seen["duration"].to_numpy() / unit_hours, outcome)
    dated = float(seen["dated"].mean())
    soonest = latest = curve
    if dated:
        # the figure lies between those of the shortest and the longest possible durations
        soonest, latest = (
            aalen_johansen(seen[name].to_numpy() / unit_hours, outcome)
            for name in ("shortest", "longest")
        )
    p50, p90 = curve.quantile(0.5), curve.quantile(0.9)
    return {
        "value": p50,
        "p50": p50,
        "p90": p90,
        "low": soonest.band(0.5)[0],
        "high": latest.band(0.5)[1],
        "p90_low": soonest.band(0.9)[0],
        "p90_high": latest.band(0.9)[1],
        "ended_share": curve.ended,
        "dated_share": dated,
    }


def _of_weighted(seen: Observations, unit_hours: float) -> dict[str, Any]:
    whole = float(seen["weight"].sum())
    if not whole:
        return {}
    running = float(seen["weight"].where(seen["open"], 0.0).sum())
    spent = float((seen["weight"] * seen["duration"]).sum())
    return {"value": spent / whole / unit_hours, "open_share": running / whole}


def _of_share(seen: Observations, _: float) -> dict[str, Any]:
    """Ratio of sums; Wilson's interval for counts, the ratio estimator's for values."""
    part, whole = seen["part"].to_numpy(), seen["whole"].to_numpy()
    total = float(whole.sum())
    if not total:
        return {}
    share = float(part.sum()) / total
    if set(np.unique(whole)) <= {0.0, 1.0}:
        low, high = wilson(share, total)
    else:
        error = math.sqrt(float(((part - share * whole) ** 2).sum())) / total
        low, high = share - _Z * error, share + _Z * error
    return {"value": share, "low": max(low, 0.0), "high": high}


def _of_mean(seen: Observations, _: float) -> dict[str, Any]:
    amount = seen["amount"].to_numpy()
    mean = float(amount.mean())
    error = _Z * float(amount.std(ddof=1)) / math.sqrt(len(amount)) if len(amount) > 1 else None
    p50, p90 = (float(q) for q in np.quantile(amount, [0.5, 0.9]))
    found: dict[str, Any] = {"value": mean, "p50": p50, "p90": p90}
    if error is not None:
        found |= {"low": mean - error, "high": mean + error}
    return found


def _of_count(seen: Observations, _: float) -> dict[str, Any]:
    return {"value": float(seen["amount"].sum())}


_FIGURES: dict[str, Callable[[Observations, float], dict[str, Any]]] = {
    "clock": _of_clock,
    "weighted": _of_weighted,
    "share": _of_share,
    "mean": _of_mean,
    "count": _of_count,
}


def wilson(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share. Source: Wilson (1927), JASA 22(158).

    >>> [round(end, 3) for end in wilson(0.5, 10)]
    [0.237, 0.763]
    """
    centre = share + _Z**2 / (2 * n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return (centre - half) / (1 + _Z**2 / n), (centre + half) / (1 + _Z**2 / n)
