"""What explains delay, leakage or late news: which carrier, family, site, supplier, queue, error.

Every value of every dimension is a candidate, and every pair of values of two dimensions (a
subgroup). The effect of a value is adjusted for all other dimensions and for the week at once and
measured against the average line; that of a subgroup is what it adds beyond its two values.
Candidates are found on the earlier weeks with the false-discovery rate held at
``false_discovery_rate`` (Benjamini-Yekutieli), and reported only if the later weeks, which took no
part in finding them, confirm the sign at the same rate. The interval is that of the later weeks.
These are associations after adjustment, not proofs: what no column records cannot be adjusted for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from mining.effects import Effects, Flags, Floats, Ints, discoveries, excess_effects, main_effects
from mining.engine import fetch_frame
from mining.judgement import conformance
from mining.lines import return_lines
from mining.log import EventLog, Moment
from mining.metrics.clocks import controllable_cycle
from mining.milestones import Milestones
from mining.policy import shipped_policy
from mining.survival import FINISHED

Outcome = Literal["delay", "leakage", "reporting"]
_EFFECTS = {"delay": "effect_days", "leakage": "effect_money", "reporting": "effect_hours"}
DIMENSIONS = {
    "site": "site",
    "family": "family",
    "carrier": "carrier",
    "supplier": "primary_supplier_id",
    "customer_segment": "segment",
    "channel": "channel",
    "policy": "policy",
    "queue": "queue",
    "message_error": "message_error",
}
SMALLEST_GROUP = 30
LATER_SHARE = 0.4
_LONGEST_QUANTILE = 0.99
_WEEK_US = 7 * 86_400_000_000
_ENOUGH_CLUSTERS = 20


@dataclass(frozen=True, slots=True)
class Causes:
    """Confirmed differences in delay, leakage or late news, the dearest first, then the largest.

    Parameters
    ----------
    frame : frame with columns dimension, value, effect, low, high, money, lines, p_found,
        p_confirmed
        ``effect`` with a 95 % interval: days of the controllable cycle time, money at stake per
        line, or hours until a step was recorded. ``money``: of delay, effect x value of those
        lines x (cost of capital + ageing); of leakage, effect x those lines; late news has no
        price of its own (0). A subgroup names both dimensions and both values, joined
        by ``" & "``.
    candidates : int
        How many values and subgroups were tried.
    """

    frame: pd.DataFrame = field(repr=False)
    candidates: int
    outcome: Outcome = "delay"
    false_discovery_rate: float = 0.05

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine causes``."""
        return {"causes": self._records()}

    def with_details(self) -> dict[str, Any]:
        """The same with the lines concerned and what was searched how strictly."""
        return {
            "causes": self._records("lines"),
            "of": self.outcome,
            "candidates": self.candidates,
            "false_discovery_rate": self.false_discovery_rate,
        }

    def _records(self, *more: str) -> list[dict[str, Any]]:
        name = _EFFECTS[self.outcome]
        columns = ["dimension", "value", name, "low", "high", "money", *more]
        rows: Any = self.frame.rename(columns={"effect": name})[columns].to_dict("records")
        return list(rows)


def causes(
    log: EventLog,
    *,
    of: Outcome = "delay",
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    false_discovery_rate: float = 0.05,
) -> Causes:
    """Find what explains delay, leakage or late news of the lines of a site opened in [start, end).

    Parameters
    ----------
    of : "delay", "leakage" or "reporting"
        Days from arrival to the end, of finished lines; the money at stake through broken rules, a
        line counted once per exposure group, of all lines; or the hours until its steps were
        recorded by their source.
    """
    lines = return_lines(log, site=site, start=start, end=end)
    troubles = fetch_frame(log.engine, "line_troubles")
    slice_ = {"site": site, "start": start, "end": end}
    explain = {"delay": _delay, "leakage": _leakage, "reporting": _reporting}[of]
    explained = explain(log, **slice_)
    table = lines.merge(explained, on="case_id").merge(troubles, on="case_id", how="left")
    return find_causes(
        table.rename(columns={column: name for name, column in DIMENSIONS.items()}),
        of=of,
        dimensions=list(DIMENSIONS),
        false_discovery_rate=false_discovery_rate,
    )


def _delay(log: EventLog, **slice_: Any) -> pd.DataFrame:
    facts = Milestones.of(log, log.return_slice(**slice_))
    cycle = controllable_cycle(facts)
    done = cycle[cycle["outcome"] == FINISHED].join(facts.lines["case_id"])
    days = done["duration"] / 24
    return pd.DataFrame(
        {
            "case_id": done["case_id"],
            "outcome": days.clip(upper=float(days.quantile(_LONGEST_QUANTILE))),
        }
    )


def _leakage(log: EventLog, **slice_: Any) -> pd.DataFrame:
    broken = conformance(log, **slice_).violations
    stake = broken.groupby(["case_id", "group"])["stake"].max().groupby("case_id").sum()
    every = fetch_frame(log.engine, "slice_cases", **log.return_slice(**slice_))["case_id"]
    lost = every.map(stake).fillna(0.0)
    return pd.DataFrame(
        {"case_id": every, "outcome": lost.clip(upper=float(lost.quantile(_LONGEST_QUANTILE)))}
    )


def _reporting(log: EventLog, **slice_: Any) -> pd.DataFrame:
    every = fetch_frame(log.engine, "slice_cases", **log.return_slice(**slice_))[["case_id"]]
    delays = every.merge(fetch_frame(log.engine, "report_delays"), on="case_id")
    hours = delays["hours"].clip(upper=float(delays["hours"].quantile(_LONGEST_QUANTILE)))
    return pd.DataFrame({"case_id": delays["case_id"], "outcome": hours})


def find_causes(
    table: pd.DataFrame,
    *,
    dimensions: Sequence[str],
    of: Outcome = "delay",
    false_discovery_rate: float = 0.05,
) -> Causes:
    """The search itself, on a frame with columns outcome, opened_us, value and the dimensions."""
    ordered = table.sort_values("opened_us", kind="stable", ignore_index=True)
    later = (ordered.index >= len(ordered) * (1 - LATER_SHARE)).astype(bool)
    candidates = _candidates(ordered, dimensions, later)
    if not candidates.names:
        return Causes(pd.DataFrame(columns=_COLUMNS), 0, of, false_discovery_rate)
    earlier = _effects(ordered, candidates, ~later)
    checked = _effects(ordered, candidates, later)
    p_found, p_confirmed = earlier.p_values, checked.p_values
    kept = np.flatnonzero(discoveries(p_found, false_discovery_rate))
    same_sign = np.sign(earlier.effect[kept]) == np.sign(checked.effect[kept])
    confirmed = discoveries(p_confirmed[kept], false_discovery_rate)
    kept = kept[same_sign & confirmed]
    half = checked.half_width()
    worth = ordered["value"].fillna(0.0).to_numpy(float) * shipped_policy().ageing_per_day
    rows = []
    for j in kept:
        members, effect = candidates.members(j), float(checked.effect[j])
        money = {"delay": worth[members].sum(), "leakage": members.sum(), "reporting": 0.0}[of]
        dimension, value = candidates.names[j]
        rows.append(
            {
                "dimension": dimension,
                "value": value,
                "effect": round(effect, 3),
                "low": round(effect - float(half[j]), 3),
                "high": round(effect + float(half[j]), 3),
                "money": round(effect * float(money), 2) + 0.0,  # no minus zero
                "lines": int(members.sum()),
                "p_found": float(p_found[j]),
                "p_confirmed": float(p_confirmed[j]),
            }
        )
    frame = pd.DataFrame(rows, columns=_COLUMNS).sort_values(
        ["money", "effect", "dimension", "value"],
        ascending=[False, False, True, True],
        ignore_index=True,
    )
    return Causes(frame, len(candidates.names), of, false_discovery_rate)


_COLUMNS = ["dimension", "value", "effect", "low", "high", "money", "lines", "p_found",
            "p_confirmed"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Values (a column of ``groups`` each), then subgroups (a pair of such columns each)."""

    groups: Floats
    names: list[tuple[str, str]]
    pairs: list[tuple[int, int]]

    def members(self, number: int) -> Flags:
        size = self.groups.shape[1]
        if number < size:
            return np.asarray(self.groups[:, number] > 0)
        one, other = self.pairs[number - size]
        return np.asarray(self.groups[:, one] * self.groups[:, other] > 0)


def _candidates(table: pd.DataFrame, dimensions: Sequence[str], later: Flags) -> _Candidates:
    """What is frequent enough in both periods, and not everywhere."""
    columns, names = [], []
    for dimension in dimensions:
        values = table[dimension].astype(object).where(table[dimension].notna(), None)
        for value in sorted({str(v) for v in values if v is not None}):
            member = (values.astype(str) == value).to_numpy(bool)
            if _often_enough(member, later):
                columns.append(member.astype(float))
                names.append((dimension, value))
    groups = np.stack(columns, axis=1) if columns else np.empty((len(table), 0))
    early, late = (groups[part].T @ groups[part] for part in (~later, later))
    together = np.minimum(early, late) >= SMALLEST_GROUP
    pairs = [
        (one, other)
        for one, other in combinations(range(len(names)), 2)
        if together[one, other]
        and names[one][0] != names[other][0]
        and _differs(early, one, other)
        and _differs(late, one, other)
    ]
    named = [
        (f"{names[one][0]} & {names[other][0]}", f"{names[one][1]} & {names[other][1]}")
        for one, other in pairs
    ]
    return _Candidates(groups, names + named, pairs)


def _often_enough(member: Flags, later: Flags) -> bool:
    sizes = ((int(member[part].sum()), int(part.sum())) for part in (later, ~later))
    return all(SMALLEST_GROUP <= size <= whole - SMALLEST_GROUP for size, whole in sizes)


def _differs(together: Floats, one: int, other: int) -> bool:
    """Whether enough lines have one of two values but not the other, either way."""
    least = min(together[one, one], together[other, other])
    return bool(least - together[one, other] >= SMALLEST_GROUP)


def _effects(table: pd.DataFrame, candidates: _Candidates, part: Flags) -> Effects:
    outcome = table["outcome"].to_numpy(float)[part]
    groups = candidates.groups[part]
    moments = table["opened_us"].to_numpy(np.int64)[part]
    sites = pd.factorize(table["site"])[0][part] if "site" in table else np.zeros(part.sum(), int)
    weeks = moments // _WEEK_US
    nuisance = np.equal.outer(weeks, np.unique(weeks)).astype(float)
    shared = {"nuisance": nuisance, "cluster": _clusters(moments, np.asarray(sites, np.int64))}
    of_dimension = np.array([name for name, _ in candidates.names[: groups.shape[1]]])
    mains = main_effects(groups, outcome, dimension=of_dimension, **shared)
    cuts = excess_effects(candidates.pairs, outcome, groups=groups, **shared)
    return Effects(
        np.concatenate([mains.effect, cuts.effect]),
        np.concatenate([mains.error, cuts.error]),
        mains.freedom,
    )


def _clusters(moments: Ints, sites: Ints) -> Ints:
    """Number of the site's week each line was opened in; of its day where weeks are too few."""
    for length in (_WEEK_US, _WEEK_US // 7):
        numbers: Ints = np.unique(
            np.stack([moments // length, sites], axis=1), axis=0, return_inverse=True
        )[1]
        if numbers.max(initial=-1) + 1 >= _ENOUGH_CLUSTERS:
            break
    return numbers.reshape(-1).astype(np.int64)
