"""Rules about goods and their postings: announced, seen, decided, executed and booked alike."""

import pandas as pd

from mining.rules.registry import Bench, rule


def _blocked(bench: Bench, days: pd.Series) -> pd.Series:
    """Cost of value standing still for some days, and of looking for it."""
    lines, policy = bench.lines, bench.policy
    standing = lines["value"] * days.clip(lower=0) * policy.ageing_per_day
    return standing + lines["quantity"] * bench.money("search_per_unit")


@rule(
    "C03",
    "Receipt without an RMA, not matched in time",
    stake="value blocked x days x (capital + ageing) + search",
    group="stock",
    evidence=("received_id", "rma_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    blind = lines["received_us"].notna() & ~(lines["rma_us"] <= lines["received_us"])
    days = bench.days(lines["received_us"], bench.until_now(lines["matched_us"]))
    return blind & (days > bench.limit("blind_match_days")), _blocked(bench, days)


@rule(
    "C04",
    "RMA not synchronised to the warehouse before arrival",
    stake="value blocked x days to the receipt x (capital + ageing) + search",
    group="stock",
    evidence=("rma_id", "synced_id", "arrived_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    announced = lines["rma_us"] < lines["arrived_us"]
    late = announced & ~(lines["synced_us"] <= lines["arrived_us"])
    return late, _blocked(
        bench, bench.days(lines["arrived_us"], bench.until_now(lines["received_us"]))
    )


@rule(
    "C07",
    "Restocked without inspection",
    stake="quantity x (cost + share that comes back x cost of a second return); the full value "
    "of regulated goods",
    group="stock",
    evidence=("restocked_id", "inspected_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    unseen = lines["inspected_us"].isna() | (lines["inspected_place"] > lines["restocked_place"])
    again = bench.money("return_again_share") * bench.money("cost_of_second_return")
    stake = lines["quantity"] * again + lines["value"] * bench.money("return_again_share")
    return lines["restocked_us"].notna() & unseen, stake.where(~lines["regulated"], lines["value"])


@rule(
    "C08",
    "The books say another fate than was decided",
    stake="|value x (recovery decided - recovery posted)|; phantom stock: the value",
    group="stock",
    evidence=("last_decided_id", "transferred_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines, policy = bench.lines, bench.policy
    allowed = lines["last_decided"].map(policy.posted_status)
    known = allowed.notna() & lines["posted_status"].notna()
    fits = [
        status in statuses if ok else True
        for status, statuses, ok in zip(lines["posted_status"], allowed, known, strict=True)
    ]
    settled = lines["transferred_us"] > lines["last_decided_us"]
    of_status = {s: d for d, many in reversed(list(policy.posted_status.items())) for s in many}
    share = policy.money["recovery"]
    decided = lines["last_decided"].map(share).astype("float64").fillna(0.0)
    posted = lines["posted_status"].map(of_status).map(share).astype("float64").fillna(0.0)
    phantom = lines["posted_status"] == "AVAILABLE"
    stake = (lines["value"] * (decided - posted)).abs().where(~phantom, lines["value"])
    return settled & ~pd.Series(fits, lines.index), stake


@rule(
    "C09",
    "Decided, but not posted in time",
    stake="value x ageing x days late",
    group="stock",
    evidence=("last_decided_id", "transferred_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    after = lines["transferred_us"].where(lines["transferred_us"] >= lines["last_decided_us"])
    late = bench.days(lines["last_decided_us"], bench.until_now(after)) - bench.limit(
        "decide_to_post_days"
    )
    stake = lines["value"] * bench.money("ageing_month") / 30 * late
    return (late > 0) & lines["received_us"].notna(), stake


@rule(
    "C10",
    "ERP posting without any warehouse event",
    stake="value",
    group="stock",
    evidence=("receipt_posted_id", "transferred_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    receipt = lines["receipt_posted_us"].notna() & lines["received_us"].isna()
    transfer = lines["transferred_us"].notna() & lines["executed_us"].isna()
    return receipt | transfer, lines["value"]


@rule(
    "C11",
    "Serialised item received without its serial",
    stake="value x probability that the unit was switched",
    group="stock",
    evidence=("received_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    missing = lines["serialised"] & (lines["serial_missing"] == 1) & lines["received_us"].notna()
    return missing, lines["value"] * bench.money("switched_serial_share")


@rule(
    "C14",
    "Lot missing on a lot-controlled item, or expired goods restocked",
    stake="value",
    group="stock",
    evidence=("received_id", "restocked_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    missing = lines["lot_controlled"] & (lines["lot_missing"] == 1) & lines["received_us"].notna()
    expired = (lines["condition"] == "EXPIRED") & lines["restocked_us"].notna()
    return missing | expired, lines["value"]


@rule(
    "C24",
    "Quarantine overstay",
    stake="value x ageing x days too long",
    group="stock",
    evidence=("quarantined_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    left = lines["left_quarantine_us"].where(lines["left_quarantine_us"] > lines["quarantined_us"])
    over = bench.days(lines["quarantined_us"], bench.until_now(left)) - bench.limit(
        "quarantine_days"
    )
    reason = lines["inspected_reason"].fillna(lines["declared_reason"])
    stake = lines["value"] * bench.money("ageing_month") / 30 * over
    return (over > 0) & (reason != "QUALITY.RECALL"), stake


@rule(
    "C25",
    "Cold chain: not put away in time",
    stake="value",
    group="stock",
    evidence=("arrived_id", "executed_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    minutes = (bench.until_now(lines["executed_us"]) - lines["arrived_us"]) / 60e6
    timed = lines["temp_sensitive"] & (lines["dated_only"] != 1)
    return timed & (minutes > bench.limit("cold_chain_minutes")), lines["value"]
