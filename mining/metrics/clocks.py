"""How long things take: from request to close, to credit, to stock, to the books."""

import pandas as pd

from mining.metrics.metric import HOUR_US, Metric, Observations, clock
from mining.milestones import Milestones

_OPEN_LINES = (
    "Lines still open are censored at the as-of moment; cancelled, expired and rejected lines "
    "compete (Aalen-Johansen): they neither finish nor stay open."
)
_NO_CREDIT = (
    "Lines not yet credited are censored at the as-of moment; lines that were refused a credit, "
    "cancelled, expired, rejected or closed without one compete (Aalen-Johansen)."
)
_WAIVED = "Credits before it are left out; see credit_before_receipt_share."
_POSTING = (
    "a warehouse movement (Receive, Execute disposition) to the entry of its ERP posting (Post "
    "goods receipt, Post stock transfer), matched by exact key: the warehouse document the posting "
    "names, else the message that carried it, else (postings that name neither) the same line, "
    "movement, stock status and place in their order."
)
_NOT_POSTED = "Movements without a posting are censored at the as-of moment."


def finish(lines: pd.DataFrame) -> pd.Series:
    """When stock, credit and decision were all final: NaN unless closed and not ended otherwise."""
    stages = lines[["decided_us", "transferred_us", "last_credited_us"]].max(axis=1)
    final = stages.where(stages.notna() & lines["reopened_us"].isna(), lines["closed_us"])
    return final.where(lines["closed_us"].notna() & lines["ended_us"].isna())


def _stops(lines: pd.DataFrame, *columns: str) -> pd.Series:
    return lines[list(columns)].min(axis=1)


def _cycle(facts: Milestones) -> Observations:
    lines = facts.lines
    begins = lines[["requested_us", "arrived_us"]].min(axis=1)
    return clock(facts, lines.assign(begun=begins), "begun", finish(lines), lines["ended_us"])


def _arrived(facts: Milestones) -> pd.DataFrame:
    lines = facts.lines
    return lines.assign(arrived_us=lines["arrived_us"].fillna(lines["received_us"]))


def controllable_cycle(facts: Milestones) -> Observations:
    """The part of the cycle a warehouse controls: from arrival on (index case_no)."""
    lines = _arrived(facts)
    return clock(facts, lines, "arrived_us", finish(lines), lines["ended_us"])


def _in_working_hours(
    facts: Milestones, lines: pd.DataFrame, begins: str, ends: pd.Series, stops: pd.Series | None
) -> Observations:
    """The same clock, running only while the site works."""
    seen = clock(facts, lines, begins, ends, stops)
    lines = lines.loc[seen.index]
    until = ends.loc[seen.index].fillna(facts.as_of_us)
    if stops is not None:
        until = until.where(ends.loc[seen.index].notna() | stops.loc[seen.index].isna(), stops)
    low, high = facts.bounds(lines, begins)
    worked = {
        name: facts.hours.between(lines["site"], moment, until)
        for name, moment in (("duration", lines[begins]), ("shortest", high), ("longest", low))
    }
    return seen.assign(**worked)


def _controllable_working(facts: Milestones) -> Observations:
    lines = _arrived(facts)
    return _in_working_hours(facts, lines, "arrived_us", finish(lines), lines["ended_us"])


def _authorisation(facts: Milestones) -> Observations:
    lines = facts.lines
    return clock(facts, lines, "requested_us", "authorised_us", lines["ended_us"])


def _customer(facts: Milestones) -> Observations:
    lines = facts.lines
    begins = lines[["authorised_us", "requested_us"]].max(axis=1)
    announced = lines[lines["authorised_us"].notna() & lines["requested_us"].notna()]
    return clock(
        facts, announced.assign(begun=begins), "begun", "arrived_us", announced["ended_us"]
    )


def _dock_to_stock(facts: Milestones) -> Observations:
    lines = _arrived(facts)
    stock = lines[(lines["last_decided"] == "RESTOCK") | (lines["last_executed"] == "RESTOCK")]
    return clock(facts, stock, "arrived_us", "available_us", stock["ended_us"])


def _disposition_cycle(facts: Milestones) -> Observations:
    lines = facts.lines
    return clock(facts, lines, "received_us", "executed_us", lines["ended_us"])


def _credit(facts: Milestones, anchor: str, ends: str = "credited_us") -> Observations:
    lines = facts.lines
    lines = lines[~(lines["credited_us"] < lines[anchor])]
    stops = _stops(lines, "refused_us", "ended_us", "closed_us")
    return clock(facts, lines, anchor, ends, stops)


def _posting(facts: Milestones) -> Observations:
    return clock(facts, facts.movements, "moved_us", "entered_us")


def _posting_working(facts: Milestones) -> Observations:
    rows = facts.movements
    return _in_working_hours(facts, rows, "moved_us", rows["entered_us"], None)


def _posting_by_value(facts: Milestones) -> Observations:
    rows = facts.movements[facts.movements["value"].notna()]
    until = rows["entered_us"].fillna(facts.as_of_us)
    return pd.DataFrame(
        {
            "site": rows["site"],
            "opened_us": rows["opened_us"],
            "open": rows["entered_us"].isna(),
            "duration": ((until - rows["moved_us"]) / HOUR_US).clip(lower=0.0),
            "weight": rows["value"],
        }
    )


def _credit_metric(anchor: str, words: str, column: str, note: str) -> Metric:
    return Metric(
        id=f"credit_issuance_time_from_{anchor}",
        name=f"Credit issuance time from {anchor}",
        formula=f"Days from {words} to the first credit memo (Post credit memo). {note}".strip(),
        unit="days",
        grain="return line",
        censoring=_NO_CREDIT,
        owner="finance",
        kind="clock",
        measure=lambda facts: _credit(facts, column),
    )


METRICS = (
    Metric(
        id="return_cycle_time",
        name="Return cycle time",
        formula="Days from the request (a blind line: its arrival) until decision, stock transfer "
        "and credit memo are all final, which the closing of the line certifies; a reopened line "
        "counts until it is closed again.",
        unit="days",
        grain="return line",
        censoring=_OPEN_LINES,
        owner="returns operations",
        kind="clock",
        measure=_cycle,
    ),
    Metric(
        id="return_cycle_time_controllable",
        name="Controllable cycle time",
        formula="As return_cycle_time, but from arrival at the warehouse: without the customer's "
        "and the carrier's time. Lines that never arrived have none.",
        unit="days",
        grain="return line",
        censoring=_OPEN_LINES,
        owner="site lead",
        kind="clock",
        measure=controllable_cycle,
    ),
    Metric(
        id="return_cycle_time_controllable_working",
        name="Controllable cycle time in working hours",
        formula="As return_cycle_time_controllable, counting only the hours the site works by its "
        "own calendar and time zone (all hours where it states none).",
        unit="hours",
        grain="return line",
        censoring=_OPEN_LINES,
        owner="site lead",
        kind="clock",
        measure=_controllable_working,
    ),
    Metric(
        id="request_to_authorisation",
        name="Request to authorisation",
        formula="Hours from the request to its approval or the creation of the RMA.",
        unit="hours",
        grain="requested return line",
        censoring=_OPEN_LINES,
        owner="customer service",
        kind="clock",
        measure=_authorisation,
    ),
    Metric(
        id="authorisation_to_arrival",
        name="Authorisation to arrival",
        formula="Days from authorisation to arrival at the warehouse: the customer's and the "
        "carrier's time.",
        unit="days",
        grain="requested and authorised return line",
        censoring=_OPEN_LINES,
        owner="customer and carrier",
        kind="clock",
        better="less",
        measure=_customer,
    ),
    Metric(
        id="dock_to_stock",
        name="Dock to stock",
        formula="Hours from arrival to the ERP transfer that makes the goods AVAILABLE.",
        unit="hours",
        grain="return line decided or executed as RESTOCK",
        censoring="Lines not yet available are censored at the as-of moment.",
        owner="site lead",
        kind="clock",
        measure=_dock_to_stock,
    ),
    Metric(
        id="disposition_cycle_time",
        name="Disposition cycle time",
        formula="Days from receipt to the first execution of a terminal disposition.",
        unit="days",
        grain="received return line",
        censoring=_OPEN_LINES,
        owner="site lead",
        kind="clock",
        measure=_disposition_cycle,
    ),
    _credit_metric("request", "the request", "requested_us", ""),
    _credit_metric("receipt", "the receipt", "received_us", _WAIVED),
    _credit_metric("inspection", "the end of inspection", "inspected_us", _WAIVED),
    Metric(
        id="credit_completion_time_from_receipt",
        name="Receipt to last credit",
        formula="Days from the receipt to the last credit memo, which differs from the first where "
        f"a line is credited in parts. {_WAIVED}",
        unit="days",
        grain="return line",
        censoring=_NO_CREDIT,
        owner="finance",
        kind="clock",
        measure=lambda facts: _credit(facts, "received_us", "last_credited_us"),
    ),
    Metric(
        id="posting_lag",
        name="Posting lag",
        formula=f"Hours from {_POSTING}",
        unit="hours",
        grain="warehouse movement",
        censoring=_NOT_POSTED,
        owner="integration",
        kind="clock",
        measure=_posting,
    ),
    Metric(
        id="posting_lag_working",
        name="Posting lag in working hours",
        formula=f"As posting_lag, in the working hours of the site: from {_POSTING}",
        unit="hours",
        grain="warehouse movement",
        censoring=_NOT_POSTED,
        owner="integration",
        kind="clock",
        measure=_posting_working,
    ),
    Metric(
        id="posting_lag_by_value",
        name="Posting lag weighted by value",
        formula="Value-days waiting for the books over value moved (Little's law): hours from "
        "movement to posting, weighted by quantity x standard cost.",
        unit="hours",
        grain="warehouse movement of a known item, weighted by value",
        censoring="Movements without a posting count with the time they have waited so far; the "
        "open share is of value.",
        owner="integration",
        kind="weighted",
        measure=_posting_by_value,
    ),
)
