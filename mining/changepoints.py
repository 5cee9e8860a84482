"""When each site changed, and what: durations of its stages, its mix of goods, its exceptions.

Every measure of every site is a daily series. Shifts of its level are found among all series
together at a stated false-discovery rate, so a hundred series without any shift stay silent; codes
too rare for a series are watched for appearing or vanishing (``mining.codes``). Shifts of a site
within a few days of each other are told as one change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from mining.calendars import DAY_US
from mining.codes import Turn, turns
from mining.effects import discovery_limit
from mining.lines import return_lines
from mining.log import EventLog, Moment
from mining.policy import shipped_policy
from mining.shifts import Shift, find_shift, find_shifts

STAGES = {
    "arrival to receipt": ("arrived_us", "received_us"),
    "receipt to inspection": ("received_us", "inspected_us"),
    "inspection to decision": ("inspected_us", "decided_us"),
    "decision to posting": ("decided_us", "transferred_us"),
    "receipt to credit": ("received_us", "credited_us"),
}
"""Median hours of the lines that entered the stage on that day, open ones as long as they last."""
MIXES = {
    "reason": ("declared_reason", "requested_us"),
    "carrier": ("carrier", "arrived_us"),
    "family": ("family", "requested_us"),
    "disposition": ("last_decided", "decided_us"),
    "condition": ("condition", "inspected_us"),
}
"""Share of each frequent value among the lines of that day."""
TOGETHER_DAYS = 4
_LEAST_SHARE = 0.03
_LEAST_PER_DAY = 4
_FULL_FLOW = 0.75
_HOUR_US = 3_600e6


@dataclass(frozen=True, slots=True)
class Changes:
    """What shifted where and when.

    Parameters
    ----------
    frame : frame with columns site, day, change, measure, unit, before, after, money_per_day,
        p_value
        ``day`` is the first of the new level; ``change`` numbers what came together at a site.
        ``unit`` is hours, share or lines per day; ``money_per_day`` of a duration: the difference
        x value of the lines of a day x (cost of capital + ageing), else null.
    tried : int
        Series looked at.
    """

    frame: pd.DataFrame = field(repr=False)
    tried: int
    false_discovery_rate: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine changes``: one entry per change, its measures inside."""
        found = []
        for _, rows in self.frame.groupby(["site", "change"], sort=False):
            site, number = rows["site"].iloc[0], int(rows["change"].iloc[0])
            said = rows.drop(columns=["site", "change"]).astype(object)
            said = said.where(said.notna(), None).assign(day=said["day"].map(str))
            found.append(
                {
                    "site": site,
                    "change": number,
                    "day": str(rows["day"].iloc[0]),
                    "measures": said.to_dict("records"),
                }
            )
        return {
            "changes": found,
            "tried": self.tried,
            "false_discovery_rate": self.false_discovery_rate,
        }


@dataclass(frozen=True, slots=True)
class Series:
    """One measure of one site by day.

    Parameters
    ----------
    frame : frame indexed by day with columns value and n (the lines it rests on)
    worth : float
        Value of the lines of a day, for the money of a duration.
    """

    site: str
    measure: str
    unit: str
    frame: pd.DataFrame = field(repr=False)
    worth: float = 0.0


def changes(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    false_discovery_rate: float = 0.05,
) -> Changes:
    """Find the change points of each site among the lines opened in [start, end)."""
    lines = return_lines(log, site=site, start=start, end=end)
    return find_changes(
        list(daily_series(lines, as_of_us=float(log.as_of_us))),
        codes=list(code_turns(lines)),
        false_discovery_rate=false_discovery_rate,
    )


def find_changes(
    series: list[Series],
    *,
    codes: Sequence[Turn] = (),
    false_discovery_rate: float = 0.05,
    seed: int = 1,
) -> Changes:
    """The search itself; ``seed`` drives the simulated noise."""

    def noise() -> np.random.Generator:
        return np.random.default_rng(seed)

    tests = [(one, find_shift(*_arrays(one), random=noise())) for one in series]
    tried = [(one, shift.p_value) for one, shift in tests if shift is not None]
    p_values = [p_value for _, p_value in tried] + [turn.p_value for turn in codes]
    limit = discovery_limit(np.array(p_values), false_discovery_rate)
    rows = [
        _row(one, shift)
        for one, p_value in tried
        if p_value <= limit
        for shift in find_shifts(*_arrays(one), p_limit=limit, random=noise())
    ]
    rows += [_code_row(turn) for turn in codes if turn.p_value <= limit]
    frame = pd.DataFrame(rows, columns=[name for name in _COLUMNS if name != "change"])
    frame = frame.sort_values(["site", "day", "p_value", "measure"], ignore_index=True)
    frame.insert(2, "change", _numbered(frame))
    return Changes(frame, len(p_values), false_discovery_rate)


_COLUMNS = ["site", "day", "change", "measure", "unit", "before", "after", "money_per_day",
            "p_value"]  # fmt: skip


def _arrays(one: Series) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Values less the rhythm of the week, and weights that let no busy day dominate."""
    frame = one.frame
    values = frame["value"].to_numpy(float)
    weekday = pd.DatetimeIndex(frame.index).day_of_week.to_numpy()
    if len(frame) >= 4 * len(np.unique(weekday)):
        local = frame["value"].rolling(7, center=True, min_periods=3).median().to_numpy(float)
        away = pd.Series(values - local)
        usual = away.groupby(weekday).transform("median")
        values = values - (usual - usual.mean()).to_numpy(float)
    weights = frame["n"].to_numpy(float)
    return values, np.minimum(weights, np.median(weights) * 2) / max(weights.mean(), 1e-9)


def _row(one: Series, shift: Shift) -> dict[str, Any]:
    day = pd.Timestamp(one.frame.index[shift.place]).date()
    hours = one.unit == "hours"
    money = (shift.after - shift.before) / 24 * one.worth * shipped_policy().ageing_per_day
    return {
        "site": one.site,
        "day": day,
        "measure": one.measure,
        "unit": one.unit,
        "before": round(shift.before, 4),
        "after": round(shift.after, 4),
        "money_per_day": round(money, 2) if hours else None,
        "p_value": shift.p_value,
    }


def _code_row(turn: Turn) -> dict[str, Any]:
    return {
        "site": turn.site,
        "day": turn.day,
        "measure": turn.measure,
        "unit": "share",
        "before": round(turn.before, 4),
        "after": round(turn.after, 4),
        "money_per_day": None,
        "p_value": turn.p_value,
    }


def _numbered(frame: pd.DataFrame) -> list[int]:
    """Number the changes of each site: shifts close to the one before belong together."""
    numbers: list[int] = []
    before: tuple[str, date] | None = None
    for site, day in zip(frame["site"], frame["day"], strict=True):
        if before is None or before[0] != site:
            numbers.append(1)
        else:
            near = day - before[1] <= timedelta(days=TOGETHER_DAYS)
            numbers.append(numbers[-1] + (0 if near else 1))
        before = (site, day)
    return numbers


def daily_series(lines: pd.DataFrame, *, as_of_us: float) -> Iterator[Series]:
    """Every measure of every site (frame of ``mining.lines``) by day, UTC."""
    for site, mine in lines.groupby("site"):
        worth = float(mine["value"].mean())
        yield _volume(str(site), mine)
        for measure, (begin, end) in STAGES.items():
            over = mine[["closed_us", "ended_us"]].notna().any(axis=1)
            until = mine[end].where(mine[end].notna() | over, as_of_us)
            hours = (until - mine[begin]) / _HOUR_US
            frame = _by_day(mine[begin], hours.where(hours >= 0), "median")
            yield Series(str(site), measure, "hours", frame, worth * float(frame["n"].mean()))
        for dimension, (column, moment) in MIXES.items():
            known = mine[mine[column].notna() & mine[moment].notna()]
            shares = known[column].value_counts(normalize=True)
            for value in shares[shares.between(_LEAST_SHARE, 1 - _LEAST_SHARE)].index:
                frame = _by_day(known[moment], known[column].eq(value).astype(float), "mean")
                yield Series(str(site), f"{dimension} {value}", "share", frame)


def code_turns(lines: pd.DataFrame) -> Iterator[Turn]:
    """Values too rare for a daily series, at each site, that appear late or vanish early.

    Dispositions are left out: the latest of a young line is another than it will be.
    """
    for site, mine in lines.groupby("site"):
        for dimension in ("reason", "carrier", "family", "condition"):
            column, moment = MIXES[dimension]
            known = mine[mine[column].notna() & mine[moment].notna()]
            shares = known[column].value_counts(normalize=True)
            for value in sorted(shares[shares < _LEAST_SHARE].index):
                days = _by_day(known[moment], known[column].eq(value).astype(float), "mean")
                yield from turns(str(site), f"{dimension} {value}", days)


def _volume(site: str, mine: pd.DataFrame) -> Series:
    frame = _by_day(mine["requested_us"], pd.Series(1.0, mine.index), "count")
    return Series(site, "lines requested", "lines per day", frame.assign(n=1.0))


def _by_day(moments: pd.Series, values: pd.Series, how: str) -> pd.DataFrame:
    """One value per day that has enough lines."""
    known = moments.notna() & values.notna()
    days = pd.to_datetime((moments[known] // DAY_US * DAY_US).astype("int64"), unit="us")
    frame = values[known].groupby(days.to_numpy()).agg([how, "count"]).astype(float)
    frame.columns = pd.Index(["value", "n"])
    steady = _steady(frame)
    return steady.loc[steady["n"] >= _LEAST_PER_DAY]


def _steady(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the ends of the log: who gets there first is fast, who comes last is slow."""
    flow = frame["n"].rolling(7, center=True, min_periods=1).mean()
    full = np.flatnonzero(flow >= _FULL_FLOW * flow.median())
    return frame.iloc[full[0] + 1 : full[-1]] if len(full) > 1 else frame.iloc[:0]
