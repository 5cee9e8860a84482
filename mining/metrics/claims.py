"""What suppliers owe for, are asked for, grant and pay."""

import pandas as pd

from mining.metrics.metric import Metric, Observations, clock, shares
from mining.metrics.money import until_us
from mining.milestones import Milestones

_LAG = (
    "Credits arrive 30 to 120 days after the claim, so young periods understate it; the open share "
    "is of lines still to be claimed, answered or paid."
)


def _eligible(facts: Milestones) -> pd.DataFrame:
    lines = facts.lines[facts.lines["eligible_value"] > 0]
    return lines.assign(
        filed=lines["filed_us"].notna(),
        paid=lines["vendor_credited_us"].notna(),
        settled=lines["vendor_credited_us"].notna() | lines["claim_closed_us"].notna(),
        in_time=until_us(lines).isna() | (until_us(lines) >= facts.as_of_us),
        until_us=until_us(lines),
    )


def _recovered(facts: Milestones) -> Observations:
    lines = _eligible(facts)
    waiting = (lines["filed"] & ~lines["settled"]) | (~lines["filed"] & lines["in_time"])
    part = lines["vendor_credit"].fillna(0.0)
    return shares(lines, part, of=lines["eligible_value"], still_open=waiting)


def _filed(facts: Milestones) -> Observations:
    lines = _eligible(facts)
    part = lines["eligible_value"].where(lines["filed"], 0.0)
    waiting = ~lines["filed"] & lines["in_time"]
    return shares(lines, part, of=lines["eligible_value"], still_open=waiting)


def _in_window(facts: Milestones) -> Observations:
    lines = _eligible(facts)
    over = lines["filed"] | ~lines["in_time"]
    good = lines["filed"] & ~(lines["filed_us"] > lines["until_us"])
    return shares(lines, good, of=over, still_open=~over)


def _approved(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["filed_us"].notna()]
    answered = lines["answer"].notna()
    granted = lines["answer"] == "AUTHORISED"
    return shares(lines, granted, of=answered, still_open=~answered)


def _paid(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["answer"] == "AUTHORISED"]
    paid = lines["vendor_credited_us"].notna()
    waiting = ~paid & lines["claim_closed_us"].isna()
    return shares(lines, paid, of=~waiting, still_open=waiting)


def _days_to_credit(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["filed_us"].notna()]
    return clock(facts, lines, "filed_us", "vendor_credited_us", lines["claim_closed_us"])


METRICS = (
    Metric(
        id="supplier_recovery_share",
        name="Supplier recovery",
        formula="Supplier credits received over the supplier-caused cost found eligible.",
        unit="share",
        grain="supplier-eligible return line, weighted by eligible cost",
        censoring=_LAG,
        owner="purchasing",
        better="more",
        measure=_recovered,
    ),
    Metric(
        id="supplier_claims_filed_share",
        name="Eligible cost claimed",
        formula="Eligible cost of lines with a filed claim over all eligible cost.",
        unit="share",
        grain="supplier-eligible return line, weighted by eligible cost",
        censoring="Lines whose claim window is still running without a claim are open.",
        owner="purchasing",
        better="more",
        measure=_filed,
    ),
    Metric(
        id="supplier_claims_in_window_share",
        name="Claimed within the window",
        formula="Share of eligible lines claimed before the supplier's window ended.",
        unit="share",
        grain="supplier-eligible return line",
        censoring="Lines whose window is still running without a claim are open and do not count.",
        owner="purchasing",
        better="more",
        measure=_in_window,
    ),
    Metric(
        id="supplier_claims_approved_share",
        name="Claims approved",
        formula="Share of answered claims the supplier authorised.",
        unit="share",
        grain="filed supplier claim",
        censoring="Claims without an answer are open and do not count.",
        owner="purchasing",
        better="more",
        measure=_approved,
    ),
    Metric(
        id="supplier_claims_paid_share",
        name="Approved claims paid",
        formula="Share of authorised claims that ended with a supplier credit.",
        unit="share",
        grain="authorised supplier claim",
        censoring="Claims neither paid nor closed are open and do not count.",
        owner="purchasing",
        better="more",
        measure=_paid,
    ),
    Metric(
        id="supplier_credit_time",
        name="Claim to supplier credit",
        formula="Days from filing the claim to the supplier's credit.",
        unit="days",
        grain="filed supplier claim",
        censoring="Claims under way are censored at the as-of moment; claims closed without a "
        "credit compete (Aalen-Johansen).",
        owner="purchasing",
        kind="clock",
        measure=_days_to_credit,
    ),
)
