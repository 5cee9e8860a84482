"""Whether lines were handled right, at once, and without people having to step in."""

import pandas as pd

from mining.metrics.metric import Metric, Observations, amounts, shares
from mining.milestones import Milestones

_DEFECT_CLAIMS = ("QUALITY.DOA", "QUALITY.DEFECTIVE")
_WORKING = ("NEW_SEALED", "NEW_OPENED", "USED_GOOD")
_CLOSED_ONLY = "Closed lines only: a line under way may still need rework."


def _credit_before_receipt(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["credited_us"].notna()]
    return shares(
        lines, lines["received_us"].isna() | (lines["credited_us"] < lines["received_us"])
    )


def _disposition_accuracy(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["first_decided"].notna()]
    executed = lines["last_executed"].notna()
    right = executed & (lines["first_decided"] == lines["last_executed"])
    return shares(lines, right, of=executed, still_open=~executed)


def _advice_followed(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["recommended"].notna()]
    executed = lines["last_executed"].notna()
    followed = executed & (lines["recommended"] == lines["last_executed"])
    return shares(lines, followed, of=executed, still_open=~executed)


def _reason_agreement(facts: Milestones) -> Observations:
    lines = facts.lines
    lines = lines[lines["declared_reason"].notna() & lines["inspected_reason"].notna()]
    return shares(lines, lines["declared_reason"] == lines["inspected_reason"])


def _no_fault_found(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["declared_reason"].isin(_DEFECT_CLAIMS)]
    lines = lines[lines["received_us"].notna() | lines["inspected_us"].notna()]
    inspected = lines["first_condition"].notna()
    works = lines["first_condition"].isin(_WORKING)
    return shares(lines, works, of=inspected, still_open=~inspected & lines["closed_us"].isna())


def reworked(lines: pd.DataFrame) -> pd.Series:
    """Lines that went back: inspected or decided again, reversed or reopened."""
    again = lines["inspections"] > 1 + lines["refurbishments"]
    changed = lines["decisions"] > 1 + lines["detours"]
    return again | changed | (lines["reversals"] > 0) | (lines["reopenings"] > 0)


def _closed(facts: Milestones) -> pd.DataFrame:
    lines = facts.lines
    arrived = lines["received_us"].notna()
    return lines[arrived & lines["closed_us"].notna() & lines["ended_us"].isna()]


def _first_time_right(facts: Milestones) -> Observations:
    lines = _closed(facts)
    return shares(lines, ~reworked(lines))


def _straight_through(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["received_us"].notna()]
    credited = lines["credited_us"].notna()
    alone = (lines["other_human_events"] == 0) & ~reworked(lines) & (lines["dead_letters"] == 0)
    waiting = ~credited & lines["closed_us"].isna() & lines["refused_us"].isna()
    return shares(lines, credited & alone, of=credited, still_open=waiting)


def _first_touch(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["inspected_us"].notna()]
    settled = lines["last_executed"].notna()
    once = (lines["inspections"] == 1) & (lines["decisions"] == 1) & (lines["detours"] == 0)
    return shares(lines, settled & once, of=settled, still_open=~settled)


def _ended_otherwise(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["requested_us"].notna()]
    ended = lines["ended_us"].notna()
    return shares(lines, ended, still_open=~ended & lines["closed_us"].isna())


def _touches(facts: Milestones) -> Observations:
    lines = facts.lines[facts.lines["received_us"].notna()]
    return amounts(lines, lines["touches"], still_open=lines["closed_us"].isna())


METRICS = (
    Metric(
        id="credit_before_receipt_share",
        name="Credited before receipt",
        formula="Share of credited lines whose first credit memo precedes the receipt or that were "
        "never received (waivers of policies P3 to P7 and breaches alike).",
        unit="share",
        grain="credited return line",
        censoring="Only credited lines count.",
        owner="finance",
        measure=_credit_before_receipt,
    ),
    Metric(
        id="disposition_accuracy",
        name="Disposition accuracy",
        formula="Share of executed lines whose first terminal decision is the terminal "
        "disposition last executed (interim fates, such as quarantine, are no decision).",
        unit="share",
        grain="return line with a terminal decision",
        censoring="Lines decided but not executed are open and do not count.",
        owner="returns operations",
        better="more",
        measure=_disposition_accuracy,
    ),
    Metric(
        id="advice_followed_share",
        name="Recommendation followed",
        formula="Share of executed lines whose terminal disposition is the one last recommended. "
        "It says what people do with advice, not whether the advice was right: a decision the "
        "advice caused proves nothing about it.",
        unit="share",
        grain="return line with a recommendation",
        censoring="Lines not yet executed are open and do not count.",
        owner="returns operations",
        better="neither",
        measure=_advice_followed,
    ),
    Metric(
        id="reason_agreement_share",
        name="Reason confirmed by inspection",
        formula="Share of lines with both reasons where the inspector's equals the declared one.",
        unit="share",
        grain="inspected return line with a declared reason",
        censoring="Lines not yet inspected do not count.",
        owner="customer service",
        better="more",
        measure=_reason_agreement,
    ),
    Metric(
        id="no_fault_found_share",
        name="No fault found",
        formula="Share of lines declared dead on arrival or defective whose first inspection found "
        f"the goods working ({', '.join(_WORKING)}).",
        unit="share",
        grain="received return line claimed defective",
        censoring="Lines not yet inspected are open and do not count.",
        owner="quality",
        measure=_no_fault_found,
    ),
    Metric(
        id="first_time_right_share",
        name="First time right",
        formula="Share of closed lines without rework: no further inspection or decision than the "
        "first (beyond those that refurbishment and interim fates call for), no reversed posting, "
        "no reopening.",
        unit="share",
        grain="received and closed return line",
        censoring=_CLOSED_ONLY,
        owner="returns operations",
        better="more",
        measure=_first_time_right,
    ),
    Metric(
        id="straight_through_share",
        name="Straight through",
        formula="Share of credited lines on which, after the receipt, people only received, "
        "inspected and moved: no human decision, review or approval, no rework, no dead-lettered "
        "message.",
        unit="share",
        grain="received return line",
        censoring="Lines that still await their credit are open and do not count.",
        owner="returns operations",
        better="more",
        measure=_straight_through,
    ),
    Metric(
        id="first_touch_resolution_share",
        name="First-touch resolution",
        formula="Share of executed lines inspected once and decided once, without an interim fate.",
        unit="share",
        grain="inspected return line",
        censoring="Lines without a final disposition are open and do not count.",
        owner="site lead",
        better="more",
        measure=_first_touch,
    ),
    Metric(
        id="ended_otherwise_share",
        name="Ended otherwise",
        formula="Share of requested lines that were cancelled, expired or rejected.",
        unit="share",
        grain="requested return line",
        censoring="Lines under way count as not ended, so a young period understates it; they are "
        "open.",
        owner="customer service",
        better="neither",
        measure=_ended_otherwise,
    ),
    Metric(
        id="touches",
        name="Touches",
        formula="Distinct activities done by people per line, from request to close (mean).",
        unit="touches",
        grain="received return line",
        censoring="Lines under way count with the touches so far and are open.",
        owner="site lead",
        kind="mean",
        measure=_touches,
    ),
)
