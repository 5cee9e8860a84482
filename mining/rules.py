"""The 32 conformance rules as named predicates over return lines, each with its stake.

A predicate says which lines break the rule; the stake says what that costs, by the formula in the
rule's text; the evidence names the events to look at. Exemptions by policy variant and site are
applied by ``judgement``. Money is in the currency of the log.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from mining.lines import Lines
from mining.policy import Policy
from mining.worktime import SiteHours

DAY_US = 86_400e6
HOUR_US = 3_600e6
Group = Literal["credit", "stock", "supplier", "evidence"]


@dataclass(frozen=True, slots=True)
class Bench:
    """What a rule is judged with.

    Parameters
    ----------
    now_us : float
        The as-of moment, microseconds.
    hours : SiteHours
        Working time between two moments at each line's site.
    """

    lines: Lines
    policy: Policy
    now_us: float
    hours: SiteHours

    def until_now(self, ends: pd.Series) -> pd.Series:
        """A moment, or now where it has not come."""
        return ends.fillna(self.now_us)

    def days(self, begins: pd.Series, ends: pd.Series) -> pd.Series:
        """Calendar days between two moments."""
        return (ends - begins) / DAY_US

    def limit(self, name: str) -> float:
        return float(self.policy.limits[name])

    def money(self, name: str) -> float:
        return float(self.policy.money[name])


Judge = Callable[[Bench], tuple[pd.Series, pd.Series | float]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Parameters
    ----------
    id : str
        C01 to C32.
    text : str
        What a violation is.
    stake : str
        The money formula in words.
    group : "credit", "stock", "supplier" or "evidence"
        Exposure group: inside one, a line's stakes are not added, the largest counts.
    evidence : tuple of str
        Columns of ``Lines`` with the ids of the events to look at.
    judge : callable
        Which lines break it, and what is at stake for each.
    """

    id: str
    text: str
    stake: str
    group: Group
    evidence: tuple[str, ...]
    judge: Judge = field(repr=False)


RULES: list[Rule] = []


def rule(
    id: str, text: str, *, stake: str, group: Group, evidence: tuple[str, ...]
) -> Callable[[Judge], Judge]:
    """Register a judge as a rule."""

    def register(judge: Judge) -> Judge:
        RULES.append(Rule(id, text, stake, group, evidence, judge))
        return judge

    return register


def _blocked(bench: Bench, days: pd.Series) -> pd.Series:
    """Cost of value standing still for some days, and of looking for it."""
    lines, policy = bench.lines, bench.policy
    standing = lines["value"] * days.clip(lower=0) * policy.ageing_per_day
    return standing + lines["quantity"] * bench.money("search_per_unit")


@rule(
    "C01",
    "Credit posted before any receipt",
    stake="credit x probability that the goods never come",
    group="credit",
    evidence=("credited_id", "received_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    there = lines[["received_us", "inspected_us", "executed_us"]].min(axis=1)
    early = there.isna() | (lines["credited_us"] < there)
    return lines["credited_us"].notna() & early, lines["credit"] * bench.money(
        "never_received_share"
    )


@rule(
    "C02",
    "Credit before the inspection the policy asks for",
    stake="credit x share an inspection withholds on average",
    group="credit",
    evidence=("credited_id", "inspected_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    unseen = lines["inspected_us"].isna() | (lines["credited_us"] < lines["inspected_us"])
    broken = (lines["credited_us"] >= lines["received_us"]) & unseen
    return broken, lines["credit"] * bench.money("partial_credit_share")


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
    "C05",
    "More received than authorised",
    stake="(received - authorised) x price where credited",
    group="credit",
    evidence=("rma_id", "received_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    over = lines["received"] - lines["authorised"] * (1 + bench.limit("over_receipt_share"))
    paid = np.minimum(lines["credited_quantity"].fillna(0), lines["received"])
    beyond = (paid - lines["authorised"]).clip(lower=0)
    return over > 1e-9, beyond * lines["price"]


@rule(
    "C06",
    "Short receipt credited at the authorised quantity",
    stake="(credited - received) x price",
    group="credit",
    evidence=("received_id", "credited_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    gap = lines["largest_credited_quantity"] - lines["received"]
    return gap > 1e-9, gap * lines["price"]


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


def _shipped_serials(lines: pd.DataFrame) -> list[frozenset[str]]:
    said = lines["shipped_serials"].fillna("")
    return [frozenset(part for part in text.replace(",", ";").split(";") if part) for text in said]


@rule(
    "C12",
    "Serial is not among those shipped",
    stake="credit",
    group="credit",
    evidence=("received_id", "inspected_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    strange = [
        bool(shipped) and isinstance(serial, str) and serial not in shipped
        for serial, shipped in zip(lines["serial"], _shipped_serials(lines), strict=True)
    ]
    return pd.Series(strange, lines.index), lines["credit"]


@rule(
    "C13", "Serial was already returned", stake="credit", group="credit", evidence=("received_id",)
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    known = lines[lines["serial"].notna() & lines["received_us"].notna()]
    own = [
        serial in shipped
        for serial, shipped in zip(known["serial"], _shipped_serials(known), strict=True)
    ]
    ordered = known.assign(own=own).sort_values(["serial", "received_us"])
    again = ordered["serial"].duplicated(keep="first")
    other = ordered["serial"].duplicated(keep=False) & ~ordered["own"]
    # Shipped again in between, the serial is the line's own; a stranger with a serial that belongs
    # to another line is suspect even if that line's own goods arrive later.
    broken = (again & ~ordered["own"]) | other
    return broken.reindex(lines.index, fill_value=False), lines["credit"]


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
    "C15",
    "Credited twice",
    stake="sum of credits - the largest one",
    group="credit",
    evidence=("credited_id", "last_credited_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    due = lines["received"].fillna(lines["authorised"])
    same = lines["credit_amounts"] < lines["credits"]
    beyond = lines["credited_quantity"] > due + 1e-9
    return (lines["credits"] >= 2) & (same | beyond), lines["credited"] - lines["largest_credit"]


@rule(
    "C16",
    "Credited at a higher price than was paid",
    stake="(price credited - paid) x quantity",
    group="credit",
    evidence=("credited_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    limit = lines["price"] * (1 + bench.limit("price_tolerance_share"))
    over = lines["credited_price"] - lines["price"]
    return lines["credited_price"] > limit, over * lines["largest_credited_quantity"]


@rule(
    "C17",
    "More returned than was shipped on the order line",
    stake="excess x price",
    group="credit",
    evidence=("received_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    live = lines[lines["ended_us"].isna() & lines["shipped"].notna()].sort_values("opened_us")
    quantity = live["received"].fillna(live["authorised"]).fillna(0.0)
    so_far = quantity.groupby([live["order_id"], live["order_line"]]).cumsum()
    beyond = so_far - live["shipped"]
    excess = beyond.where(beyond < quantity, quantity).reindex(lines.index).fillna(0.0)
    return excess > 1e-9, excess * lines["price"]


@rule(
    "C18",
    "Accepted outside the return window without an approval",
    stake="credit",
    group="credit",
    evidence=("requested_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    reason = lines["declared_reason"].fillna("").astype(str)
    warranty = lines["warranty_months"].fillna(0) * 30.4
    window = pd.Series(bench.limit("return_window_days"), lines.index)
    longer = reason.str.startswith("QUALITY") & (warranty > window)
    window = window.where(~longer, warranty)
    late = bench.days(lines["delivered_us"], lines["requested_us"]) > window
    accepted = lines["rma_us"].notna() & lines["approved_us"].isna()
    return late & accepted, lines["credit"]


@rule(
    "C19",
    "Restocking fee not applied",
    stake="fee share x quantity x price",
    group="credit",
    evidence=("credited_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines, limits = bench.lines, bench.policy.limits
    reason = lines["inspected_reason"].fillna(lines["declared_reason"]).fillna("").astype(str)
    due = reason.str.split(".").str[0].isin(limits["fee_reasons"])
    due &= lines["segment"].isin(limits["fee_segments"])
    fee = float(limits["restocking_fee_share"])
    full = (
        lines["largest_credit"]
        > (1 - fee / 2) * lines["largest_credited_quantity"] * (lines["price"])
    )
    whole = ~lines["financial_outcome"].isin(["CREDIT_PARTIAL", "CREDIT_LESS_FEE"])
    return due & full & whole, fee * lines["largest_credited_quantity"] * lines["price"]


@rule(
    "C20",
    "Duties not separate: one person did two of approve, inspect, decide and credit",
    stake="credit x fraud weight",
    group="credit",
    evidence=("inspected_id", "decided_id", "credited_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    duties = (
        ("approver",),
        ("receiver", "inspector"),
        ("decider", "last_decider"),
        ("credit_approver", "credit_poster"),
    )
    broken = pd.Series(False, lines.index)
    for n, mine in enumerate(duties):
        for theirs in duties[n + 1 :]:
            for one in mine:
                for other in theirs:
                    broken |= lines[one].notna() & (lines[one] == lines[other])
    return broken, lines["credit"] * bench.money("fraud_weight")


@rule(
    "C21",
    "Credit above the limit without a person's approval",
    stake="credit",
    group="credit",
    evidence=("credited_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    above = lines["largest_credit"] > bench.limit("approval_limit")
    return above & lines["credit_approver"].isna(), lines["credit"]


@rule(
    "C22",
    "Credit-only decided after the goods had arrived",
    stake="credit",
    group="credit",
    evidence=("credit_only_id", "arrived_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    arrived = lines["arrived_us"].fillna(lines["received_us"])
    return lines["credit_only_us"] > arrived, lines["credit"]


@rule(
    "C23",
    "Replacement and full credit for the same line",
    stake="the smaller of credit and value of the replacement",
    group="credit",
    evidence=("credited_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    replaced = lines["policy"].eq("P4") | lines["financial_outcome"].isin(
        ["REPLACE", "REPLACE_ADVANCE"]
    )
    worth = lines["quantity"] * lines["price"]
    return replaced & (lines["credited"] > 0.5 * worth), lines["credit"].clip(upper=worth)


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


def _claim_value(bench: Bench) -> pd.Series:
    lines = bench.lines
    share = lines["credit_pct"].fillna(1.0)
    return lines["value"] * share - lines["quantity"] * bench.money("handling_per_unit")


@rule(
    "C27",
    "Supplier claim window missed",
    stake="value x credit share - handling",
    group="supplier",
    evidence=("eligible_id",),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    worth = lines["value"] * lines["credit_pct"].fillna(1.0) >= lines["min_claim"].fillna(0)
    missed = bench.until_now(lines["filed_us"]) > lines["eligible_until_us"]
    return lines["eligible_us"].notna() & missed & worth, _claim_value(bench)


@rule(
    "C28",
    "Scrapped before the supplier decided",
    stake="value x credit share - handling",
    group="supplier",
    evidence=("scrapped_id", "filed_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    claimed = lines["filed_us"].notna() & ~lines["field_destroy"]
    early = ~(lines["answered_us"] <= lines["scrapped_us"])
    chosen = lines["last_decided"] == "FIELD_DESTROY_FOR_CREDIT"
    return claimed & lines["scrapped_us"].notna() & early & ~chosen, _claim_value(bench)


@rule(
    "C29",
    "Supplier credit short or missing",
    stake="claimed less agreed deduction - credited",
    group="supplier",
    evidence=("delivered_id", "supplier_credited_id"),
)
def _(bench: Bench) -> tuple[pd.Series, pd.Series]:
    lines = bench.lines
    agreed = lines["claimed"] * (1 - lines["restock_pct"].fillna(0.0))
    paid = lines["supplier_credit"]
    short = paid < agreed * (1 - bench.limit("short_payment_share"))
    waited = bench.days(lines["delivered_us_claim"], pd.Series(bench.now_us, lines.index))
    missing = paid.isna() & (waited > bench.limit("supplier_credit_days"))
    return short | missing, agreed - paid.fillna(0.0)


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
