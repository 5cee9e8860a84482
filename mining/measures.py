"""Measured lines behind each indicator: one row per line (or movement), with what is still open."""

from collections.abc import Callable
from typing import NewType

import numpy as np
import pandas as pd

from ingestion.vocabulary import Activity
from mining.engine import fetch_frame
from mining.log import EventLog

Slice = dict[str, int]
Durations = NewType("Durations", pd.DataFrame)
"""Columns case_id, site, opened_us, duration_us, finished, open; neither: ended otherwise."""
Shares = NewType("Shares", pd.DataFrame)
"""Columns site, opened_us, part, whole, open (bool)."""
Measure = Callable[[EventLog, Slice], pd.DataFrame]

_STAGES = {
    "requested": Activity.A01,
    "arrived": Activity.A08,
    "received": Activity.A09,
    "inspected": Activity.A13,
    "decided": Activity.A16,
    "overridden": Activity.A17,
    "transferred": Activity.E02,
    "credited": Activity.E05,
    "reopened": Activity.X04,
}


_MOMENTS = (
    "requested",
    "arrived",
    "received",
    "inspected",
    "decided",
    "transferred",
    "credited",
    "last_credited",
    "reopened",
)


def milestones(log: EventLog, where: Slice) -> pd.DataFrame:
    """When each line of the slice reached its stages: float64 microseconds, NaN if it did not."""
    by_name = {name: number for number, name in log.activities.items()}
    numbers = {stage: by_name.get(activity.value, -1) for stage, activity in _STAGES.items()}
    lines = fetch_frame(log.engine, "milestones", **where, **numbers)
    moments = [f"{stage}_us" for stage in (*_MOMENTS, "closed", "ended")]
    lines[moments] = lines[moments].astype("float64")
    lines["site"] = _site_names(log, lines.pop("site_no"))
    return lines


def _site_names(log: EventLog, numbers: pd.Series) -> pd.Series:
    names = {number: site for site, number in log.sites.items()}
    return numbers.map(names).astype(object)


def _durations(
    log: EventLog, lines: pd.DataFrame, begins: pd.Series, ends: pd.Series, stops: pd.Series
) -> Durations:
    """Clock from ``begins`` to ``ends``; it stops without an end at ``stops``, else it runs on."""
    started = begins.notna()
    finished = ends.notna() & started
    stopped = ~finished & stops.notna()
    until = ends.where(finished, stops.where(stopped, float(log.as_of_us)))
    frame = pd.DataFrame(
        {
            "case_id": lines.get("case_id", ""),
            "site": lines["site"],
            "opened_us": lines["opened_us"],
            "duration_us": until - begins,
            "finished": finished,
            "open": ~finished & ~stopped,
        }
    )
    return Durations(frame[started & (finished | (frame["duration_us"] >= 0))])


def _finish(lines: pd.DataFrame) -> pd.Series:
    """When stock, credit and decision were all final: NaN unless closed and not ended otherwise."""
    stages = lines[["decided_us", "transferred_us", "last_credited_us"]].max(axis=1)
    final = stages.where(stages.notna() & lines["reopened_us"].isna(), lines["closed_us"])
    return final.where(lines["closed_us"].notna() & lines["ended_us"].isna())


def return_cycle(log: EventLog, where: Slice) -> Durations:
    """From the request (a blind line: its arrival) until everything about the line is final."""
    lines = milestones(log, where)
    begins = lines[["requested_us", "arrived_us"]].min(axis=1)
    return _durations(log, lines, begins, _finish(lines), lines["ended_us"])


def controllable_cycle(log: EventLog, where: Slice) -> Durations:
    """The part of the cycle a warehouse controls: from arrival on."""
    lines = milestones(log, where)
    begins = lines["arrived_us"].fillna(lines["received_us"])
    return _durations(log, lines, begins, _finish(lines), lines["ended_us"])


def credit_issuance(anchor: str) -> Measure:
    """From an anchor (``requested_us``, ``received_us``, ``inspected_us``) to the first credit."""

    def measure(log: EventLog, where: Slice) -> Durations:
        lines = milestones(log, where)
        refused = fetch_frame(log.engine, "refusals").set_index("case_id")["refused_us"]
        stops = pd.concat(
            [
                lines["case_id"].map(refused).astype("float64"),
                lines["ended_us"],
                lines["closed_us"],
            ],
            axis=1,
        ).min(axis=1)
        later = ~(lines["credited_us"] < lines[anchor])
        lines, stops = lines[later], stops[later]
        return _durations(log, lines, lines[anchor], lines["credited_us"], stops)

    return measure


def credit_before_receipt(log: EventLog, where: Slice) -> Shares:
    """Credited lines whose credit came before any receipt (waivers and breaches alike)."""
    lines = milestones(log, where)
    lines = lines[lines["credited_us"].notna()]
    early = lines["received_us"].isna() | (lines["credited_us"] < lines["received_us"])
    return _shares(lines, early.astype(float), pd.Series(1.0, lines.index), False)


def _shares(
    lines: pd.DataFrame, part: pd.Series, whole: pd.Series, still_open: pd.Series | bool
) -> Shares:
    frame = pd.DataFrame({"site": lines["site"], "opened_us": lines["opened_us"]})
    return Shares(frame.assign(part=part, whole=whole, open=still_open))


def disposition_accuracy(log: EventLog, where: Slice) -> Shares:
    """Lines whose first terminal decision is the disposition finally executed."""
    lines = fetch_frame(log.engine, "decisions", **where)
    lines["site"] = _site_names(log, lines.pop("site_no"))
    executed = lines["last_executed"].notna()
    right = executed & (lines["first_decided"] == lines["last_executed"])
    return _shares(lines, right.astype(float), executed.astype(float), ~executed)


def write_off(*, net: bool) -> Measure:
    """Value written off over value received; net of what suppliers credited for those lines."""

    def measure(log: EventLog, where: Slice) -> Shares:
        lines = fetch_frame(log.engine, "write_offs", **where)
        lines["site"] = _site_names(log, lines.pop("site_no"))
        lost = lines["written_off"]
        if net:
            lost = (lost - lines["vendor_credit"]).clip(lower=0.0)
        return _shares(lines, lost, lines["received"], lines["transfers"] == 0)

    return measure


def posting_lag(log: EventLog, where: Slice) -> Durations:
    """From a movement in the warehouse to its entry in the ERP, matched by exact key."""
    log.engine.create("postings", "postings")
    rows = fetch_frame(log.engine, "posting_lags", **where)
    log.engine.drop("postings")
    rows[["occurred_us", "entered_us"]] = rows[["occurred_us", "entered_us"]].astype("float64")
    never = pd.Series(np.nan, rows.index)
    return _durations(log, rows, rows["occurred_us"], rows["entered_us"], never)
