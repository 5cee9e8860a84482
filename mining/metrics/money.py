"""What comes back as value, what is written off, and what is lost on the way and why.

Value is carrying value received: quantity x standard cost, the posted amount where the item is
unknown. Expected proceeds are the policy's recovery shares (``mining/policy.yaml``).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from mining.metrics.metric import HOUR_US, Metric, Observations, shares
from mining.milestones import Milestones
from mining.policy import shipped_policy

_SCRAPPED = ("SCRAP", "RECYCLE", "DONATE")
_TO_SUPPLIER = ("SUPPLIER_RETURN", "FIELD_DESTROY_FOR_CREDIT")
_GRAIN = "received return line, weighted by value"
_NOT_TRANSFERRED = "Lines without a final stock transfer count as received and are open."
_NOT_EXECUTED = "Lines without an executed terminal disposition are open and do not count."


def _received(facts: Milestones) -> pd.DataFrame:
    lines = facts.lines[facts.lines["received_value"] > 0]
    filled = ["written_off_value", "vendor_credit", "transfers"]
    return lines.assign(**{name: lines[name].fillna(0.0) for name in filled})


def money_of_lines(facts: Milestones) -> pd.DataFrame:
    """Carrying value of the received lines of a slice, in the currency of the items.

    Returns
    -------
    frame of one row: received, written_off (net of supplier credits), waiting (in open lines)
    """
    lines = _received(facts)
    under_way = lines["closed_us"].isna() & lines["ended_us"].isna()
    lost = (lines["written_off_value"] - lines["vendor_credit"]).clip(lower=0.0)
    value = lines["received_value"]
    sums = {"received": value, "written_off": lost, "waiting": value[under_way]}
    return pd.DataFrame({name: [float(amounts.sum())] for name, amounts in sums.items()})


def _write_off(facts: Milestones, *, net: bool) -> Observations:
    lines = _received(facts)
    lost = lines["written_off_value"]
    if net:
        lost = (lost - lines["vendor_credit"]).clip(lower=0.0)
    return shares(lines, lost, of=lines["received_value"], still_open=lines["transfers"] == 0)


def _proceeds(facts: Milestones) -> Observations:
    lines = _received(facts)
    money = shipped_policy().money
    executed = lines["last_executed"].notna()
    expected = lines["last_executed"].map(money["recovery"]).astype(float)
    back = lines["received_value"] * expected
    back = back.where(~lines["last_executed"].isin(_TO_SUPPLIER), lines["vendor_credit"])
    net = back - money["handling_per_unit"] * lines["touches"]
    owed = lines["last_executed"].isin(_TO_SUPPLIER) & lines["vendor_credited_us"].isna()
    waiting = ~executed | (owed & lines["claim_closed_us"].isna())
    return shares(
        lines, net.where(executed, 0.0), of=lines["received_value"].where(executed, 0.0),
        still_open=waiting,
    )  # fmt: skip


def leakage(facts: Milestones) -> pd.DataFrame:
    """Value lost per received line by cause: one column per cause, rows as ``facts.lines``."""
    lines = _received(facts)
    policy = shipped_policy()
    recovery = policy.money["recovery"]
    value, done = lines["received_value"], lines["last_executed"]
    begins = lines["arrived_us"].fillna(lines["received_us"])
    days = (lines["executed_us"].fillna(facts.as_of_us) - begins) / HOUR_US / 24
    advised = lines["recommended"].map(recovery).astype(float)
    chosen = done.map(recovery).astype(float)
    eligible, filed = lines["eligible_value"].fillna(0.0), lines["filed_us"].notna()
    missed = until_us(lines) < facts.as_of_us
    scrapped = done.isin(_SCRAPPED)
    settled = lines["claim_closed_us"].notna() | lines["vendor_credited_us"].notna()
    fair = lines["unit_price"] * lines["received_quantity"]
    return lines[["site", "opened_us", "received_value"]].assign(
        delay=(value * policy.ageing_per_day * days).clip(lower=0.0).fillna(0.0),
        wrong_disposition=(value * (advised - chosen)).clip(lower=0.0).fillna(0.0),
        unclaimed=np.where(~filed & missed & ~scrapped, eligible, 0.0),
        scrapped_unclaimed=np.where(~filed & scrapped, eligible, 0.0),
        short_paid=(lines["filed_value"] - lines["vendor_credit"])
        .where(settled)
        .clip(lower=0.0)
        .fillna(0.0),
        over_credited=(lines["credited_amount"] - fair).clip(lower=0.0).round(2).fillna(0.0),
        open=done.isna(),
    )


CAUSES = {
    "delay": "ageing and capital cost of the days from arrival to execution",
    "wrong_disposition": "recovery share of the recommended over that of the executed disposition",
    "unclaimed": "supplier-eligible cost whose claim window passed without a claim",
    "scrapped_unclaimed": "supplier-eligible cost of goods scrapped without a claim",
    "short_paid": "claims settled for less than claimed",
    "over_credited": "customer credits above unit price x received quantity",
}


def until_us(lines: pd.DataFrame) -> pd.Series:
    """End of the supplier's claim window, float microseconds; NaN where none is stated."""
    until = pd.to_datetime(lines["eligible_until"], utc=True, errors="coerce", format="ISO8601")
    return until.dt.as_unit("us").astype("int64").astype("float64").where(until.notna())


def _leaked(*causes: str) -> Callable[[Milestones], Observations]:
    def measure(facts: Milestones) -> Observations:
        lost = leakage(facts)
        part = lost[list(causes)].sum(axis=1)
        return shares(lost, part, of=lost["received_value"], still_open=lost["open"])

    return measure


def _leak(cause: str, words: str) -> Metric:
    return Metric(
        id=f"recovery_leakage_{cause}",
        name=f"Leakage: {cause.replace('_', ' ')}",
        formula=f"Value lost by cause over carrying value received: {words}.",
        unit="share",
        grain=_GRAIN,
        censoring="Lines not yet executed count with what they have lost so far and are open.",
        owner="finance",
        measure=_leaked(cause),
    )


METRICS = (
    Metric(
        id="write_off_share",
        name="Write-off share (net)",
        formula="Carrying value transferred to scrap, donation, recycling, liquidation, field "
        "destruction or loss, less supplier credits for those lines, over carrying value received "
        "(quantity x standard cost; the posted amount where the item is unknown).",
        unit="share",
        grain=_GRAIN,
        censoring=_NOT_TRANSFERRED,
        owner="finance",
        measure=lambda facts: _write_off(facts, net=True),
    ),
    Metric(
        id="write_off_share_gross",
        name="Write-off share (gross)",
        formula="As write_off_share, without deducting supplier credits.",
        unit="share",
        grain=_GRAIN,
        censoring=_NOT_TRANSFERRED,
        owner="finance",
        measure=lambda facts: _write_off(facts, net=False),
    ),
    Metric(
        id="recovery_value_share",
        name="Recovery value",
        formula="Expected proceeds of the executed disposition (the policy's recovery share x "
        "value; goods for the supplier: the credit received), less handling per touch, over "
        "carrying value received.",
        unit="share",
        grain=_GRAIN,
        censoring=f"{_NOT_EXECUTED} Goods whose supplier has not paid count as nothing yet and "
        "are open.",
        owner="finance",
        better="more",
        measure=_proceeds,
    ),
    Metric(
        id="recovery_leakage",
        name="Recovery leakage",
        formula="Value lost over carrying value received, the sum of: "
        + "; ".join(f"{name.replace('_', ' ')} ({words})" for name, words in CAUSES.items())
        + ".",
        unit="share",
        grain=_GRAIN,
        censoring="Lines not yet executed count with what they have lost so far and are open.",
        owner="finance",
        measure=_leaked(*CAUSES),
    ),
    *(_leak(cause, words) for cause, words in CAUSES.items()),
)
