"""What if: more people, smaller batches, a higher approval limit, simulated on the mined process.

The lines of the log go through their own steps again, queueing for the people the log shows. What
a queue does not explain of a step's mean wait is kept as a fixed wait (measured on the earlier
lines), so what more people save is a lower bound. Every replication draws the lengths of work anew
and resamples the lines by the day they came (by the week where there are eight or more); the same
draws serve the process as it is and as it would be, so chance does not blur the difference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ingestion.errors import RetraceError
from ingestion.vocabulary import Activity
from mining.batching import waits_then
from mining.log import EventLog, Moment
from mining.policy import shipped_policy
from mining.queueing import Queueing, run_queues
from mining.workload import Person, Workload, measure_work

Ints = npt.NDArray[np.int64]
ALL = "all"
EARLIER_SHARE = 0.6
_HOUR_US = 3_600e6
_DAY_US = 86_400_000_000
_ROUNDS = 4
_FEW_WEEKS = 8
_BEGINS = (Activity.A08.value, Activity.A09.value)
ASSUMPTION = (
    "lines, routes and hours of work as in the log; first come, first served; waits no queue "
    "explains stay as they are, so what more people save is a lower bound"
)


class UnknownPost(RetraceError):
    """Staff is to be added where nobody queues for anybody."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What is changed.

    Parameters
    ----------
    staff : mapping of (site or None for shared offices, activity) to people more
    batch_size : int, optional
        No batch is larger than this.
    approval_limit : float, optional
        Credits up to this amount need no person's approval.
    """

    staff: Mapping[tuple[str | None, str], int] = field(default_factory=dict)
    batch_size: int | None = None
    approval_limit: float | None = None


@dataclass(frozen=True, slots=True)
class Simulation:
    """Mean hours from arrival to close, now and then, by site and for all.

    Parameters
    ----------
    frame : frame with columns site, lines, observed_h, now_h, then_h, change_h, low_h, high_h,
        saved_per_day
        ``change_h`` = then - now with its 95 % interval; ``saved_per_day``: hours saved x value
        of the lines x (cost of capital + ageing), per calendar day.
    check : frame with columns site, lines, observed_h, simulated_h, low_h, high_h, inside
        The process as it is, on the later lines, which took no part in measuring fixed waits: does
        the 95 % interval of the simulation hold what was observed?
    """

    frame: pd.DataFrame = field(repr=False)
    check: pd.DataFrame = field(repr=False)
    replications: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine simulate``."""
        return {
            "sites": self.frame.to_dict("records"),
            "check": self.check.to_dict("records"),
            "replications": self.replications,
            "assumption": ASSUMPTION,
        }


def simulate_what_if(
    log: EventLog,
    what_if: WhatIf,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    replications: int = 10,
    seed: int = 1,
    told: Callable[[float], None] | None = None,
) -> Simulation:
    """Simulate the lines of a site opened in [start, end), as they are and as they would be.

    Parameters
    ----------
    replications : int, at least 2
    told : callable, optional
        Is told the share done, 0-1.

    Raises
    ------
    NoWork, UnknownPost, UnknownSite, BadMoment
    """
    work = measure_work(log, site=site, start=start, end=end)
    lines = _lines(work.steps)
    now = _with_fixed_waits(work, lines)
    then = _changed(now, what_if, _credits(log) if what_if.approval_limit is not None else None)
    random = np.random.default_rng(seed)
    means: list[pd.DataFrame] = []
    for number in range(replications):
        draw = _Draw.of(now.steps, lines, random)
        means.append(_means(lines, draw, _cycle(now, lines, draw), _cycle(then, lines, draw)))
        if told is not None:
            told((number + 1) / replications)
    return _summary(pd.concat(means, keys=range(replications)), lines, replications)


def _lines(steps: pd.DataFrame) -> pd.DataFrame:
    """One row per line that was closed: where its cycle begins and ends."""
    begins = steps[steps["activity"].isin(_BEGINS)].groupby("case_id").head(1)
    closing = steps["activity"] == Activity.X03.value
    if not closing.any():  # not a log of returns: up to the last step
        closing = ~steps["case_id"].duplicated(keep="last")
    ends = steps[closing].groupby("case_id").tail(1)
    lines = pd.DataFrame({"close": ends.index, "case_id": ends["case_id"]}).set_index("case_id")
    lines["site"] = ends.set_index("case_id")["line_site"].fillna("-")
    lines["value"] = ends.set_index("case_id")["value"]
    lines["begin"] = pd.Series(begins.index, index=begins["case_id"])
    lines["begin"] = lines["begin"].fillna(-1).astype("int64")
    lines["first_us"] = steps.groupby("case_id")["enabled_us"].min()
    end_us = steps["end_us"].to_numpy(np.int64)
    lines["observed_h"] = _hours(lines, end_us)
    days = lines["first_us"] // _DAY_US
    lines["spell"] = days if days.nunique() < _FEW_WEEKS * 7 else days // 7
    lines["later"] = lines["first_us"] >= lines["first_us"].quantile(EARLIER_SHARE)
    return lines.reset_index()


def _hours(lines: pd.DataFrame, done: Ints) -> pd.Series:
    begin = lines["begin"].to_numpy(np.int64)
    begun = np.where(begin >= 0, done[begin], lines["first_us"].to_numpy(np.int64))
    closed = done[lines["close"].to_numpy(np.int64)]
    return pd.Series(np.where((closed >= 0) & (begun >= 0), (closed - begun) / _HOUR_US, np.nan),
                     lines.index)  # fmt: skip


def _with_fixed_waits(work: Workload, lines: pd.DataFrame) -> Workload:
    """Give each kind of step the fixed wait that makes its mean wait that of the earlier lines."""
    steps = work.steps
    early = set(lines.loc[~lines["later"], "case_id"])
    measured = steps["case_id"].isin(early) & (steps["pool"] >= 0)
    kind = steps.groupby(["line_site", "activity"], dropna=False).ngroup()
    seen = steps["wait_us"][measured].groupby(kind[measured]).mean()
    for _ in range(_ROUNDS):
        done = _run(work, work.steps["work_us"].to_numpy(np.int64))
        ready = _ready(work.steps, done)
        waited = pd.Series(done - ready - work.steps["work_us"].to_numpy(np.int64), steps.index)
        ok = measured & (done >= 0) & (ready >= 0)
        gap = (seen - waited[ok].groupby(kind[ok]).mean()).fillna(0.0)
        more = kind.map(gap).fillna(0.0).where(steps["pool"] >= 0, 0.0)
        delay = (work.steps["delay_us"] + more).clip(lower=0).astype("int64")
        work = replace(work, steps=work.steps.assign(delay_us=delay))
    return work


def _ready(steps: pd.DataFrame, done: Ints) -> Ints:
    before = steps["before"].to_numpy(np.int64)
    return np.where(before >= 0, done[before], steps["enabled_us"].to_numpy(np.int64))


def _run(work: Workload, work_us: Ints) -> Ints:
    steps = work.steps
    return run_queues(
        Queueing(
            before=steps["before"].to_numpy(np.int64),
            ready_us=steps["enabled_us"].to_numpy(np.int64),
            delay_us=steps["delay_us"].to_numpy(np.int64),
            work_us=work_us,
            pool=steps["pool"].to_numpy(np.int64),
            spells=[person.spells for person in work.people],
            pool_of=np.array([person.pool for person in work.people], np.int64),
        )
    )


def _changed(work: Workload, what_if: WhatIf, credits: pd.Series | None) -> Workload:
    steps, people = work.steps.copy(), list(work.people)
    for (site, activity), more in what_if.staff.items():
        of_site = work.pools["site"].isna() if site is None else work.pools["site"] == site
        found = work.pools.loc[of_site & (work.pools["activity"] == activity), "pool"]
        found = found[found.isin(work.hours)]
        if found.empty:
            where = "a shared office" if site is None else site
            known = sorted(work.pools.loc[work.pools["pool"].isin(work.hours), "activity"].unique())
            raise UnknownPost(
                f"Nobody queues for {activity!r} at {where}. Known: {', '.join(known)}."
            )
        number = int(found.iloc[0])
        people += [Person(number, work.hours[number])] * more
    if what_if.batch_size is not None:
        batched = steps[steps["batch"] >= 0]
        then = pd.Series(waits_then(batched, what_if.batch_size), batched.index)
        saved = (batched["batching_us"] - then).clip(lower=0)
        less = (steps["delay_us"] - saved.reindex(steps.index, fill_value=0)).clip(lower=0)
        steps["delay_us"] = less.astype("int64")
    if credits is not None and what_if.approval_limit is not None:
        small = steps["case_id"].map(credits) <= what_if.approval_limit
        free = small & (steps["activity"] == Activity.E04.value)
        steps.loc[free, ["delay_us", "work_us"]] = 0
        steps.loc[free, "pool"] = -1
    return replace(work, steps=steps, people=people)


def _credits(log: EventLog) -> pd.Series:
    """Largest amount any credit event of a line states."""
    rows = log.engine.select(
        "select case_id, cast(max(amount) as double) as amount from log_events "
        "where activity in ('Request credit', 'Approve credit', 'Post credit memo') "
        "group by case_id"
    )
    amounts: pd.Series = rows.to_pandas().set_index("case_id")["amount"]
    return amounts


@dataclass(frozen=True, slots=True)
class _Draw:
    """Chance of one replication: work times by step, and how often each line counts."""

    work_us: Ints
    times: Ints

    @classmethod
    def of(cls, steps: pd.DataFrame, lines: pd.DataFrame, random: np.random.Generator) -> "_Draw":
        work = steps["work_us"].to_numpy(np.int64).copy()
        kinds = steps[steps["pool"] >= 0].groupby(["line_site", "activity"], dropna=False)
        for rows in kinds.indices.values():
            places = steps.index[steps["pool"] >= 0][rows]
            work[places] = random.choice(work[places], len(places))
        spells, of_line = np.unique(lines["spell"].to_numpy(), return_inverse=True)
        drawn = np.bincount(random.integers(0, len(spells), len(spells)), minlength=len(spells))
        return cls(work, drawn[of_line] if len(spells) > 1 else np.ones(len(lines), np.int64))


def _cycle(work: Workload, lines: pd.DataFrame, draw: _Draw) -> pd.Series:
    work_us = np.where(work.steps["pool"] >= 0, draw.work_us, work.steps["work_us"])
    return _hours(lines, _run(work, work_us.astype(np.int64)))


def _means(lines: pd.DataFrame, draw: _Draw, now: pd.Series, then: pd.Series) -> pd.DataFrame:
    """Weighted means of one replication by site, and for all."""
    table = lines[["site", "later", "value"]].assign(now=now, then=then, times=draw.times)
    table = table[now.notna() & then.notna() & (table["times"] > 0)]
    both = pd.concat([table, table.assign(site=ALL)])
    both["change"] = both["then"] - both["now"]
    both["saved"] = -both["change"] * both["value"]
    rows = {}
    for site, part in both.groupby("site"):
        late = part[part["later"]]
        rows[site] = {
            **{name: np.average(part[name], weights=part["times"])
               for name in ("now", "then", "change", "saved")},
            "later": np.average(late["now"], weights=late["times"]) if len(late) else np.nan,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def _summary(means: pd.DataFrame, lines: pd.DataFrame, replications: int) -> Simulation:
    from scipy.stats import t

    every = pd.concat([lines, lines.assign(site=ALL)])
    wide = float(t.ppf(0.975, replications - 1)) * np.sqrt(1 + 1 / replications)
    days = max((lines["first_us"].max() - lines["first_us"].min()) / _DAY_US, 1.0)
    per_hour = shipped_policy().ageing_per_day / 24 / days
    rows, checks = [], []
    for site, mean in means.groupby(level=1).mean().iterrows():
        spread = means[means.index.get_level_values(1) == site].std(ddof=1)
        mine = every[every["site"] == site]
        late = mine[mine["later"]]
        half, half_later = (wide * float(spread[name]) for name in ("change", "later"))
        rows.append(
            {
                "site": site,
                "lines": len(mine),
                "observed_h": round(float(mine["observed_h"].mean()), 2),
                "now_h": round(float(mean["now"]), 2),
                "then_h": round(float(mean["then"]), 2),
                "change_h": round(float(mean["change"]), 2),
                "low_h": round(float(mean["change"]) - half, 2),
                "high_h": round(float(mean["change"]) + half, 2),
                "saved_per_day": round(float(mean["saved"]) * len(mine) * per_hour, 2),
            }
        )
        if late.empty:
            continue
        low, high = float(mean["later"]) - half_later, float(mean["later"]) + half_later
        seen = float(late["observed_h"].mean())
        checks.append(
            {
                "site": site,
                "lines": len(late),
                "observed_h": round(seen, 2),
                "simulated_h": round(float(mean["later"]), 2),
                "low_h": round(low, 2),
                "high_h": round(high, 2),
                "inside": bool(low <= seen <= high),
            }
        )
    return Simulation(pd.DataFrame(rows), pd.DataFrame(checks), replications)
