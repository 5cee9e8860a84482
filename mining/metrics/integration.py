"""Whether messages between the systems arrive, once, in time, and how failures are repaired."""

import pandas as pd

from mining.metrics.metric import HOUR_US, Metric, Observations, clock, shares
from mining.milestones import Milestones

LATE_H = 4.0
_ALL = "Every message counts from the moment it was produced."


def _produced(facts: Milestones) -> pd.DataFrame:
    messages = facts.messages
    failed, repaired = messages["failed_us"].notna(), messages["replayed_us"].notna()
    again = messages["last_failed_us"] > messages["replayed_us"]
    return messages.assign(failed=failed, repaired=repaired & ~again)


def _failed_for_good(facts: Milestones) -> Observations:
    messages = _produced(facts)
    return shares(messages, messages["failed"] & ~messages["repaired"])


def _ever_failed(facts: Milestones) -> Observations:
    messages = _produced(facts)
    return shares(messages, messages["failed"])


def _doubled(facts: Milestones) -> Observations:
    messages = facts.messages
    return shares(messages, messages["duplicates"] > 0)


def _late(facts: Milestones) -> Observations:
    messages = facts.messages[facts.messages["produced_us"].notna()]
    ends = messages[["received_us", "replayed_us"]].min(axis=1)
    waited = (ends.fillna(facts.as_of_us) - messages["produced_us"]) / HOUR_US
    return shares(messages, waited > LATE_H, still_open=ends.isna())


def _repair(facts: Milestones) -> Observations:
    messages = _produced(facts)
    return clock(facts, messages[messages["failed"]], "failed_us", "replayed_us")


def _replay_success(facts: Milestones) -> Observations:
    messages = _produced(facts)
    replayed = messages[messages["replayed_us"].notna()]
    return shares(replayed, replayed["repaired"])


def _lines_touched(facts: Milestones) -> Observations:
    messages = _produced(facts)
    lines = messages.groupby("case_id", sort=True).agg(
        site=("site", "first"), opened_us=("opened_us", "first"), failed=("failed", "max")
    )
    return shares(lines, lines["failed"])


METRICS = (
    Metric(
        id="integration_failure_share",
        name="Integration failures",
        formula="Share of messages that failed or were dead-lettered and have not been replayed "
        "since with success.",
        unit="share",
        grain="middleware message",
        censoring=f"{_ALL} A failure repaired later no longer counts.",
        owner="integration",
        measure=_failed_for_good,
    ),
    Metric(
        id="message_failure_share",
        name="Messages that ever failed",
        formula="Share of messages that failed or were dead-lettered at least once, repaired or "
        "not.",
        unit="share",
        grain="middleware message",
        censoring=_ALL,
        owner="integration",
        measure=_ever_failed,
    ),
    Metric(
        id="business_failure_share",
        name="Lines touched by a failure",
        formula="Share of lines with messages of which at least one failed. A message that "
        "arrives but says something wrong is found by reconciliation, not here.",
        unit="share",
        grain="return line with messages",
        censoring=_ALL,
        owner="integration",
        measure=_lines_touched,
    ),
    Metric(
        id="message_duplicate_share",
        name="Messages received twice",
        formula="Share of messages of which a duplicate arrived (and was ignored).",
        unit="share",
        grain="middleware message",
        censoring=_ALL,
        owner="integration",
        measure=_doubled,
    ),
    Metric(
        id="message_late_share",
        name="Late messages",
        formula=f"Share of messages that took more than {LATE_H:g} hours from production to "
        "reception (or to the replay that repaired them).",
        unit="share",
        grain="middleware message",
        censoring="Messages never received count by the time they have waited and are open.",
        owner="integration",
        measure=_late,
    ),
    Metric(
        id="message_repair_time",
        name="Time to repair a message",
        formula="Hours from the first failure of a message to its last replay.",
        unit="hours",
        grain="failed message",
        censoring="Failures without a replay are censored at the as-of moment.",
        owner="integration",
        kind="clock",
        measure=_repair,
    ),
    Metric(
        id="replay_success_share",
        name="Replays that worked",
        formula="Share of replayed messages that did not fail again.",
        unit="share",
        grain="replayed message",
        censoring="Only replayed messages count.",
        owner="integration",
        better="more",
        measure=_replay_success,
    ),
)
