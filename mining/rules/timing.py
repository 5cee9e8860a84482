"""Rules about time: service levels, cut-off, impossible times, closed or stuck."""

import pandas as pd

from mining.rules.registry import Bench, rule

STAGES = {
    "request_to_rma": ("requested_us", "rma_us"),
    "arrival_to_receipt": ("arrived_us", "received_us"),
    "receipt_to_inspection": ("received_us", "inspected_us"),
    "inspection_to_decision": ("inspected_us", "decided_us"),
    "decision_to_posting": ("decided_us", "first_transferred_us"),
    "posting_to_credit": ("first_transferred_us", "credited_us"),
}


@rule(
    "C26",
    "Service level of a stage missed (working hours of the site)",
    stake="value x (capital + ageing) x days over, all stages",
    group="stock",
    evidence=("received_id", "inspected_id", "decided_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    over = pd.Series(0.0, lines.index)
    stopped = lines["ended_us"].notna() | (lines["refused"] == 1) | lines["closed_us"].notna()
    for stage, (begins, ends) in STAGES.items():
        allowed = bench.policy.service_levels_business_hours[stage]
        open_ = lines[begins].notna() & lines[ends].isna() & ~stopped
        until = lines[ends].where(~open_, bench.now_us)
        hours = bench.hours.between(lines["site"], lines[begins], until)
        over += (hours - allowed).clip(lower=0).fillna(0.0)
    return over > 0, lines["value"] * bench.policy.ageing_per_day * over / 24


@rule(
    "C30",
    "Cut-off: received in one period, posted in another",
    stake="value",
    group="stock",
    evidence=("received_id", "receipt_posted_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    received = bench.hours.local_month(lines["site"], lines["received_us"])
    posted = pd.to_datetime(lines["receipt_posting_day"], unit="D", errors="coerce")
    month = posted.dt.year * 12 + posted.dt.month
    return received.notna() & month.notna() & (received != month), lines["value"]


@rule(
    "C31",
    "Back-dated or impossible times",
    stake="none: the evidence is weak",
    group="evidence",
    evidence=("least_delay_id", "most_backdated_id"),
)
def _(bench: Bench) -> tuple[pd.Series, float]:
    lines = bench.lines
    early = lines["least_delay_us"] < -bench.limit("clock_skew_minutes") * 60e6
    backdated = lines["most_backdated_days"] > bench.limit("backdated_days")
    return early | backdated, 0.0


@rule(
    "C32",
    "Closed with an open obligation, or stuck",
    stake="credit + value still open",
    group="stock",
    evidence=("close_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    closed = lines["closed_us"].notna() & lines["ended_us"].isna()
    there = lines["received_us"].notna()
    due = lines["refused"] != 1
    unpaid = closed & there & due & ~(lines["credited_us"] <= lines["close_us"])
    unposted = closed & there & ~(lines["first_transferred_us"] <= lines["close_us"])
    idle = bench.days(lines["last_us"], pd.Series(bench.now_us, lines.index))
    live = lines["closed_us"].isna() & lines["ended_us"].isna()
    stuck = live & there & (idle > bench.limit("stuck_days"))
    owed = lines["credit"].where(unpaid | (stuck & lines["credited_us"].isna()), 0.0)
    lying = lines["value"].where(unposted | (stuck & lines["transferred_us"].isna()), 0.0)
    return unpaid | unposted | stuck, owed + lying
