"""Lines that needed somebody's attention, and how long the books disagreed about them.

These rest on the rules (``mining.conformance``) and on the reconciliation (``mining.reconcile``),
which run on DuckDB alone.
"""

import numpy as np
import pandas as pd

from mining.metrics.metric import Metric, Observations, amounts, shares
from mining.milestones import Milestones
from mining.survival import FINISHED, OPEN

_TIMING = "B03"
_SO_FAR = "Lines under way count with their exceptions so far and are open."
_KINDS = (
    "a rule broken (C01 to C32), a break between the books (timing left out), a review, an "
    "override, an escalation, a message whose retries were exhausted"
)


def exceptions(facts: Milestones) -> pd.DataFrame:
    """Each exception of each line once: columns case_id, kind."""
    lines = facts.lines
    counted = {
        "review": "reviews",
        "override": "overrides",
        "escalation": "escalations",
        "retries exhausted": "dead_letters",
    }
    found = [
        pd.DataFrame({"case_id": lines.loc[lines[column] > 0, "case_id"], "kind": kind})
        for kind, column in counted.items()
    ]
    broken, breaks = facts.findings.violations, facts.findings.reconciliation.frame
    breaks = breaks[(breaks["type"] != _TIMING) & (breaks["line"] != "")]
    found.append(pd.DataFrame({"case_id": broken["case_id"], "kind": broken["rule"]}))
    found.append(pd.DataFrame({"case_id": breaks["line"], "kind": breaks["type"]}))
    every = pd.concat(found, ignore_index=True).drop_duplicates()
    return every[every["case_id"].isin(lines["case_id"])]


def _counts(facts: Milestones) -> pd.Series:
    """How many exceptions each line has: counted for the first metric that asks."""
    return facts.log.share(("exceptions", *facts.where.values()), lambda: _counted(facts))


def _counted(facts: Milestones) -> pd.Series:
    lines = facts.lines
    per_line = exceptions(facts).groupby("case_id").size()
    return lines["case_id"].map(per_line).fillna(0.0).astype(float)


def _under_way(lines: pd.DataFrame) -> pd.Series:
    return lines["closed_us"].isna() & lines["ended_us"].isna()


def _share(facts: Milestones) -> Observations:
    lines = facts.lines
    return shares(lines, _counts(facts) > 0, still_open=_under_way(lines))


def _per_100(facts: Milestones) -> Observations:
    lines = facts.lines
    return amounts(lines, 100 * _counts(facts), still_open=_under_way(lines))


def _repeated(facts: Milestones) -> Observations:
    counts = _counts(facts)
    lines = facts.lines[counts > 0]
    return shares(lines, counts[counts > 0] > 1, still_open=_under_way(lines))


def _lag(facts: Milestones, hours: str) -> Observations:
    """Movements of the slice with one of the reconciliation's lags."""
    rows = facts.reconciled_movements
    rows = rows[rows[hours] >= 0]
    seen = rows[["site", "opened_us"]].assign(
        open=~rows["matched"],
        duration=rows[hours],
        outcome=np.where(rows["matched"], FINISHED, OPEN),
        dated=False,
    )
    return seen.assign(shortest=seen["duration"], longest=seen["duration"])


def _match_lag(facts: Milestones) -> Observations:
    return _lag(facts, "match_h")


def _resolution_lag(facts: Milestones) -> Observations:
    found = _lag(facts, "late_h")
    return found[found["duration"] > 0]


def _match_by_value(facts: Milestones) -> Observations:
    rows = facts.reconciled_movements
    return rows[["site", "opened_us"]].assign(
        open=~rows["matched"], duration=rows["match_h"], weight=rows["worth"].fillna(0.0)
    )


METRICS = (
    Metric(
        id="exception_share",
        name="Lines with an exception",
        formula=f"Share of lines with at least one exception: {_KINDS}.",
        unit="share",
        grain="return line",
        censoring=_SO_FAR,
        owner="returns operations",
        everywhere=False,
        measure=_share,
    ),
    Metric(
        id="exceptions_per_100_lines",
        name="Exceptions per 100 lines",
        formula=f"Exceptions, each kind once per line, per 100 lines: {_KINDS}.",
        unit="exceptions",
        grain="return line",
        censoring=_SO_FAR,
        owner="returns operations",
        kind="mean",
        everywhere=False,
        measure=_per_100,
    ),
    Metric(
        id="repeat_exception_share",
        name="Exceptions that come together",
        formula="Share of the lines with an exception that have two or more kinds of them.",
        unit="share",
        grain="return line with an exception",
        censoring=_SO_FAR,
        owner="returns operations",
        everywhere=False,
        measure=_repeated,
    ),
    Metric(
        id="match_lag",
        name="Match lag",
        formula="Hours from a warehouse movement until both sides were recorded and nothing but "
        "timing differed between them.",
        unit="hours",
        grain="warehouse movement",
        censoring="Movements not matched yet are censored at the as-of moment.",
        owner="integration",
        kind="clock",
        everywhere=False,
        measure=_match_lag,
    ),
    Metric(
        id="match_lag_by_value",
        name="Match lag weighted by value",
        formula="Value-days not reconciled over value moved (Little's law): hours from movement "
        "to match, weighted by the movement's value.",
        unit="hours",
        grain="warehouse movement, weighted by value",
        censoring="Movements not matched yet count with the time so far; the open share is of "
        "value.",
        owner="integration",
        kind="weighted",
        everywhere=False,
        measure=_match_by_value,
    ),
    Metric(
        id="resolution_lag",
        name="Resolution lag",
        formula="Hours from the moment an error between the books could first be seen (the "
        "posting was due, or was wrong) until it was gone.",
        unit="hours",
        grain="warehouse movement in error",
        censoring="Errors not resolved yet are censored at the as-of moment.",
        owner="integration",
        kind="clock",
        everywhere=False,
        measure=_resolution_lag,
    ),
)
