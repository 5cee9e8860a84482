"""Where lines wait and where they are worked on, stage by stage, and how many are under way."""

import pandas as pd

from mining.metrics.metric import HOUR_US, Metric, Observations, amounts, clock
from mining.milestones import Milestones
from mining.survival import FINISHED

_OPEN = (
    "Lines still in the stage are censored at the as-of moment; cancelled, expired, rejected and "
    "closed lines compete (Aalen-Johansen)."
)


def _stage(facts: Milestones, begins: str, ends: str) -> Observations:
    lines = facts.lines
    later = ~(lines[ends] < lines[begins])  # done in another order: no dwell in this stage
    lines = lines[later]
    return clock(facts, lines, begins, ends, lines[["ended_us", "closed_us"]].min(axis=1))


def _arrived(facts: Milestones) -> pd.DataFrame:
    lines = facts.lines
    arrived = lines["arrived_us"].fillna(lines["received_us"])
    under_way = lines["closed_us"].isna() & lines["ended_us"].isna()
    return lines.assign(arrived_us=arrived, under_way=under_way)[arrived.notna()]


def _open_lines(facts: Milestones) -> Observations:
    lines = _arrived(facts)
    return amounts(lines, lines["under_way"].astype(float), still_open=lines["under_way"])


def _open_age(facts: Milestones) -> Observations:
    lines = _arrived(facts)
    lines = lines[lines["under_way"]]
    age = (facts.as_of_us - lines["arrived_us"]) / HOUR_US
    frame = lines[["site", "opened_us"]].assign(open=True, duration=age, outcome=FINISHED)
    return frame.assign(shortest=age, longest=age, dated=False)


def _before_inspection(facts: Milestones) -> Observations:
    seen = _stage(facts, "received_us", "begun_us")
    logging = facts.lines.loc[facts.lines["begun_us"].notna(), "site"].unique()
    return seen[seen["site"].isin(logging)]


def _dwell(id: str, name: str, words: str, stages: tuple[str, str], owner: str) -> Metric:
    return Metric(
        id=id,
        name=name,
        formula=f"Hours {words}.",
        unit="hours",
        grain="return line that reached the stage",
        censoring=_OPEN,
        owner=owner,
        kind="clock",
        measure=lambda facts: _stage(facts, *stages),
    )


METRICS = (
    _dwell(
        "dwell_dock",
        "Dwell at the dock",
        "from arrival to receipt (sojourn)",
        ("arrived_us", "received_us"),
        "site lead",
    ),
    Metric(
        id="dwell_before_inspection",
        name="Waiting for inspection",
        formula="Hours from receipt to the start of inspection (waiting; sites that log the "
        "start).",
        unit="hours",
        grain="return line that reached the stage",
        censoring=_OPEN,
        owner="site lead",
        kind="clock",
        measure=_before_inspection,
    ),
    _dwell(
        "inspection_time",
        "Inspection time",
        "from start to end of the first inspection (service; sites that log the start)",
        ("begun_us", "inspected_us"),
        "site lead",
    ),
    _dwell(
        "dwell_inspection",
        "Dwell in inspection",
        "from receipt to the end of the first inspection (sojourn: waiting and service)",
        ("received_us", "inspected_us"),
        "site lead",
    ),
    _dwell(
        "dwell_decision",
        "Dwell before the decision",
        "from the end of the first inspection to the first decision (sojourn)",
        ("inspected_us", "first_decided_us"),
        "returns operations",
    ),
    _dwell(
        "dwell_execution",
        "Dwell before execution",
        "from the first decision to the first execution of a terminal disposition (sojourn, "
        "refurbishment included)",
        ("first_decided_us", "executed_us"),
        "site lead",
    ),
    _dwell(
        "dwell_close",
        "Dwell before closing",
        "from the last ERP stock transfer to the closing of the line (sojourn)",
        ("transferred_us", "closed_us"),
        "finance",
    ),
    Metric(
        id="open_lines",
        name="Lines under way",
        formula="Lines that arrived and are neither closed nor ended otherwise at the as-of "
        "moment.",
        unit="lines",
        grain="return line that arrived",
        censoring="The open share is that of lines under way.",
        owner="site lead",
        kind="count",
        measure=_open_lines,
    ),
    Metric(
        id="open_line_age",
        name="Age of lines under way",
        formula="Days since arrival of the lines under way (quantiles of their age so far).",
        unit="days",
        grain="open return line",
        censoring="All are open; the age is that of now, not a forecast.",
        owner="site lead",
        kind="clock",
        measure=_open_age,
    ),
)
