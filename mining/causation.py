"""What explains delay: which carrier, family, site, supplier, queue or message error, and how much.

Every value of every dimension is a candidate. Its effect is adjusted for all other dimensions at
once (least squares on indicator columns, errors robust to unequal variance), measured against the
average line. Candidates are found on the earlier weeks with the false-discovery rate held at
``false_discovery_rate`` (Benjamini-Hochberg), and reported only if the later weeks, which took no
part in finding them, confirm sign and significance. The interval is that of the later weeks. These
are associations after adjustment, not proofs: what no column records cannot be adjusted for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import erfc, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mining.calendars import DAY_US
from mining.engine import fetch_frame
from mining.lines import return_lines
from mining.log import EventLog, Moment
from mining.measures import controllable_cycle
from mining.policy import shipped_policy

Floats = npt.NDArray[np.float64]
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


@dataclass(frozen=True, slots=True)
class Causes:
    """Confirmed differences in delay, the dearest first.

    Parameters
    ----------
    frame : frame with columns dimension, value, effect_days, low, high, money, lines, p_found,
        p_confirmed
        Effect on the controllable cycle time of a line against the average line, with a 95 %
        interval; ``money``: effect x value of those lines x (cost of capital + ageing).
    candidates : int
        How many values were tried.
    """

    frame: pd.DataFrame = field(repr=False)
    candidates: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine causes``."""
        columns = ["dimension", "value", "effect_days", "low", "high", "money"]
        return {"causes": self.frame[columns].to_dict("records")}


def causes(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    false_discovery_rate: float = 0.05,
) -> Causes:
    """Find what explains delay among the finished lines of a site opened in [start, end)."""
    where = log.slice(site=site, start=start, end=end)
    lines = return_lines(log, site=site, start=start, end=end)
    troubles = fetch_frame(log.engine, "line_troubles")
    cycle = controllable_cycle(log, where)
    done = cycle[cycle["finished"]][["case_id", "duration_us"]]
    table = lines.merge(done, on="case_id").merge(troubles, on="case_id", how="left")
    days = table["duration_us"] / DAY_US
    table["days"] = days.clip(upper=float(days.quantile(_LONGEST_QUANTILE)))
    return find_causes(
        table.rename(columns={column: name for name, column in DIMENSIONS.items()}),
        dimensions=list(DIMENSIONS),
        false_discovery_rate=false_discovery_rate,
    )


def find_causes(
    table: pd.DataFrame, *, dimensions: Sequence[str], false_discovery_rate: float = 0.05
) -> Causes:
    """The search itself, on a frame with columns days, opened_us, value and the dimensions."""
    ordered = table.sort_values("opened_us", kind="stable", ignore_index=True)
    later = ordered.index >= len(ordered) * (1 - LATER_SHARE)
    design, names = _indicators(ordered, dimensions, later)
    if not names:
        return Causes(pd.DataFrame(columns=_COLUMNS), 0)
    days = ordered["days"].to_numpy(float)
    of_dimension = np.array([dimension for dimension, _ in names])
    found = _effects(design[~later], days[~later], of_dimension)
    p_found = _p_values(found)
    chosen = _benjamini_hochberg(p_found, false_discovery_rate)
    checked = _effects(design[later], days[later], of_dimension)
    p_confirmed = _p_values(checked)
    same_sign = np.sign(found.effect) == np.sign(checked.effect)
    kept = np.flatnonzero(chosen & same_sign & (p_confirmed < false_discovery_rate))
    per_day = shipped_policy().ageing_per_day
    rows = []
    for j in kept:
        members = design[:, j] > 0
        half = 1.96 * checked.error[j]
        effect = float(checked.effect[j])
        worth = float(ordered["value"].fillna(0.0).to_numpy()[members].sum())
        rows.append(
            {
                "dimension": names[j][0],
                "value": names[j][1],
                "effect_days": round(effect, 3),
                "low": round(effect - half, 3),
                "high": round(effect + half, 3),
                "money": round(effect * worth * per_day, 2),
                "lines": int(members.sum()),
                "p_found": float(p_found[j]),
                "p_confirmed": float(p_confirmed[j]),
            }
        )
    frame = pd.DataFrame(rows, columns=_COLUMNS).sort_values(
        ["money", "dimension", "value"], ascending=[False, True, True], ignore_index=True
    )
    return Causes(frame, len(names))


_COLUMNS = ["dimension", "value", "effect_days", "low", "high", "money", "lines", "p_found",
            "p_confirmed"]  # fmt: skip


def _indicators(
    table: pd.DataFrame, dimensions: Sequence[str], later: npt.NDArray[np.bool_]
) -> tuple[Floats, list[tuple[str, str]]]:
    """A column per value that is frequent enough in both periods, and not everywhere."""
    columns, names = [], []
    for dimension in dimensions:
        values = table[dimension].astype(object).where(table[dimension].notna(), None)
        for value in sorted({str(v) for v in values if v is not None}):
            member = (values.astype(str) == value).to_numpy()
            if all(
                SMALLEST_GROUP <= int(member[part].sum()) <= int(part.sum()) - SMALLEST_GROUP
                for part in (later, ~later)
            ):
                columns.append(member.astype(float))
                names.append((dimension, value))
    return (np.stack(columns, axis=1) if columns else np.empty((len(table), 0))), names


@dataclass(frozen=True, slots=True)
class _Fit:
    effect: Floats
    error: Floats


def _effects(design: Floats, days: Floats, dimensions: npt.NDArray[np.str_]) -> _Fit:
    """Effect of each indicator against the average line, adjusted for all others, robust errors.

    Within a dimension the indicators are collinear with the constant; the solution of least norm is
    taken and each effect then measured against the mean of its dimension, which is the same in all
    solutions.
    """
    x = np.column_stack([np.ones(len(design)), design - design.mean(axis=0)])
    inverse = np.linalg.pinv(x.T @ x, rcond=1e-10, hermitian=True)
    beta = inverse @ (x.T @ days)
    residual = days - x @ beta
    scale = len(x) / max(len(x) - x.shape[1], 1)
    meat = (x * (residual**2)[:, None]).T @ x * scale
    spread = (inverse @ meat @ inverse)[1:, 1:]
    same = np.equal.outer(dimensions, dimensions)
    against_mean = np.eye(len(dimensions)) - same * design.mean(axis=0)[None, :]
    variance = np.diag(against_mean @ spread @ against_mean.T)
    return _Fit(against_mean @ beta[1:], np.sqrt(np.maximum(variance, 1e-18)))


def _p_values(fit: _Fit) -> Floats:
    z = np.abs(fit.effect / fit.error)
    tails: Floats = np.array([erfc(one / sqrt(2)) for one in np.ravel(z)]).reshape(np.shape(z))
    return tails


def _benjamini_hochberg(p_values: Floats, rate: float) -> npt.NDArray[np.bool_]:
    order = np.argsort(p_values)
    limits = rate * np.arange(1, len(p_values) + 1) / len(p_values)
    passing = np.flatnonzero(p_values[order] <= limits)
    chosen = np.zeros(len(p_values), bool)
    if len(passing):
        chosen[order[: passing[-1] + 1]] = True
    return chosen
