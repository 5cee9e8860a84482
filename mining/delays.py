"""Where lines wait, why, whose it is, and what it costs a day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ingestion.vocabulary import Activity
from mining.batching import ASSUMPTION, smaller_batches
from mining.calendars import DAY_US
from mining.engine import fetch_frame
from mining.instances import activity_instances
from mining.log import EventLog, Moment, calendars_of
from mining.offduty import DutyRosters, duty_rosters
from mining.policy import Policy, shipped_policy
from mining.waiting import CAUSES, split_waits

_HOUR_US = 3_600e6
RUN_GAP_US = 3_600_000_000
_A = Activity
_OWNERS: dict[str, tuple[Activity, ...]] = {
    "customer": (_A.A06, _A.A01, _A.X04, _A.X05, _A.X06),
    "carrier": (_A.A07, _A.A08),
    "customer service": (_A.A02, _A.A03Q, _A.A03, _A.A03R, _A.A04, _A.A05, _A.A11),
    "integration": (_A.A04S, _A.E01, _A.E02),
    "finance": (_A.E03, _A.E04, _A.E05, _A.E06, _A.E07, _A.E08, _A.X03),
    "supplier": (_A.S03, _A.S05, _A.S06),
    "purchasing": (_A.S01, _A.S02, _A.S04, _A.S07),
}
OWNERS = {activity.value: owner for owner, many in _OWNERS.items() for activity in many}
_PAPERWORK = frozenset(
    activity for activity, owner in OWNERS.items() if owner in {"finance", "supplier", "purchasing"}
)
GOODS_MOVE_ON = {
    activity.value: _PAPERWORK
    for activity in (
        *_OWNERS["carrier"],
        *_OWNERS["integration"],
        *(_A.A09, _A.A10, _A.A11),
        *(_A.A13, _A.A14, _A.A15, _A.A16, _A.A17, _A.A19, _A.A20),
    )
}
"""No step with the goods waits for a credit or a claim; those run beside it."""
SHARED = frozenset({"customer service", "finance", "supplier", "purchasing"})
EXTERNAL = frozenset({"customer", "carrier", "supplier"})


@dataclass(frozen=True, slots=True)
class Bottlenecks:
    """Waits, the dearest first.

    Parameters
    ----------
    frame : frame with columns site, activity, cause, owner, steps, wait_h, total_h, money_per_day
        ``site`` is null for services all sites share; ``cause`` is the part of the wait named, or
        ``external`` for what customers, carriers and suppliers take; ``steps`` is how often the
        step was taken, ``wait_h`` the mean wait per step for this cause in hours.
    batched : frame with columns site, activity, owner, batch, enabled_us, batching_us, value
        The steps worked in batches, for ``what_if``.
    money_of_value_day : float
        Share of a line's value that a day of waiting costs, per calendar day of the slice.
    """

    frame: pd.DataFrame = field(repr=False)
    batched: pd.DataFrame = field(repr=False)
    money_of_value_day: float

    def what_if(self, batch_size: int | Mapping[str, int] | None = None) -> pd.DataFrame:
        """What smaller batches would save; see ``mining.batching.smaller_batches``."""
        return smaller_batches(
            self.batched, money_of_value_day=self.money_of_value_day, size=batch_size
        )

    def to_dict(self, *, what_if: int | None = None) -> dict[str, Any]:
        """The JSON of ``retrace mine bottlenecks``; with a batch size, what that would save."""
        columns = ["site", "activity", "cause", "owner", "wait_h", "money_per_day"]
        answer: dict[str, Any] = {"bottlenecks": _records(self.frame[columns])}
        if what_if is not None:
            answer["what_if"] = _records(self.what_if(what_if))
            answer["assumption"] = ASSUMPTION
        return answer


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype(object)
    return [
        {str(name): value for name, value in row.items()}
        for row in rows.where(rows.notna(), None).to_dict("records")
    ]


def bottlenecks(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    policy: Policy | None = None,
) -> Bottlenecks:
    """Split every wait of the lines of a site opened in [start, end) and rank by money per day.

    Money: value of the line x days waited x (cost of capital + ageing), per calendar day of the
    slice.
    """
    waits, _ = measured_waits(log, site=site, start=start, end=end)
    if waits.empty:
        return Bottlenecks(pd.DataFrame(columns=_COLUMNS), pd.DataFrame(columns=_BATCHED), 0.0)
    per_day = (policy or shipped_policy()).ageing_per_day
    days = max((waits["end_us"].max() - waits["enabled_us"].min()) / DAY_US, 1.0)
    waits["site"] = waits["site"].where(~waits["owner"].isin(SHARED), None)
    batched = waits[(waits["batch"] >= 0) & ~waits["owner"].isin(EXTERNAL)]
    return Bottlenecks(_ranked(waits, per_day / days), batched[_BATCHED], per_day / days)


def measured_waits(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> tuple[pd.DataFrame, DutyRosters]:
    """Every wait of a slice split by cause, with owner and value of the line; and who is on duty.

    Returns
    -------
    frame as of ``split_waits``, more columns site, owner, queues, human, batch, value
    DutyRosters
    """
    where = log.slice(site=site, start=start, end=end)
    only = {name: where[name] for name in ("site", "from_us", "to_us")}
    instances = activity_instances(log, only)
    if instances.empty:
        return instances, DutyRosters({}, {})
    instances["owner"] = instances["activity"].map(OWNERS).astype(object)
    instances["owner"] = instances["owner"].where(instances["owner"].notna(), "site")
    rosters = duty_rosters(instances, {c.site: c for c in calendars_of(log.engine)})
    waits = split_waits(_who_queues(instances), off_duty=rosters.off_duty, beside=GOODS_MOVE_ON)
    waits = _runs_are_batches(waits)
    values = fetch_frame(log.engine, "line_values").set_index("case_id")["value"]
    waits["value"] = waits["case_id"].map(values).astype("float64").fillna(0.0)
    return waits, rosters


_BATCHED = ["site", "activity", "owner", "batch", "enabled_us", "batching_us", "value"]
_COLUMNS = ["site", "activity", "cause", "owner", "steps", "wait_h", "total_h", "money_per_day"]


def _who_queues(instances: pd.DataFrame) -> pd.DataFrame:
    """Work queues for our people; systems and outsiders have no queue of ours."""
    alone = ~instances["human"] | instances["owner"].isin(EXTERNAL)
    return instances.assign(queues=~alone)


def _runs_are_batches(waits: pd.DataFrame) -> pd.DataFrame:
    """Steps a system takes in runs some hours apart wait for the run: batching, not chance."""
    number = int(waits["batch"].max()) + 1 if len(waits) else 0
    system = waits[~waits["queues"] & ~waits["owner"].isin(EXTERNAL)]
    for _, steps in system.groupby(["site", "activity"], dropna=False):
        ends = np.sort(steps["end_us"].to_numpy(np.int64))
        begins = np.flatnonzero(np.concatenate([[True], np.diff(ends) > RUN_GAP_US]))
        if len(begins) < 3 or len(ends) < 3 * len(begins):
            continue
        if np.median(np.diff(ends[begins])) > 6 * RUN_GAP_US:
            waits.loc[steps.index, "batching_us"] += steps["extraneous_us"]
            waits.loc[steps.index, "extraneous_us"] = 0
            run = np.searchsorted(ends[begins], steps["end_us"].to_numpy(np.int64), side="right")
            waits.loc[steps.index, "batch"] = number + run
            number += len(begins) + 1
    return waits


def _ranked(waits: pd.DataFrame, money_of_value_day: float) -> pd.DataFrame:
    external = waits["owner"].isin(EXTERNAL)
    keys = ["site", "activity", "owner"]
    steps = waits.groupby(keys, dropna=False)["case_id"].count().rename("steps").reset_index()
    found = []
    for cause in CAUSES:
        spent = waits[f"{cause}_us"]
        said = pd.Series(cause, waits.index).where(~external, "external")
        part = waits[keys].assign(
            cause=said, hours=spent / _HOUR_US, money=spent / DAY_US * waits["value"]
        )
        found.append(part[spent > 0])
    spans = pd.concat(found)
    sums = spans.groupby([*keys, "cause"], dropna=False)[["hours", "money"]].sum().reset_index()
    table = sums.merge(steps, on=keys, how="left")
    table["wait_h"] = (table["hours"] / table["steps"]).round(3)
    table["total_h"] = table["hours"].round(2)
    table["money_per_day"] = (table["money"] * money_of_value_day).round(2)
    order = ["money_per_day", "total_h", "activity", "cause"]
    table = table.sort_values(order, ascending=[False, False, True, True], ignore_index=True)
    table["site"] = table["site"].astype(object).where(table["site"].notna(), None)
    return table[_COLUMNS]
