"""Rules about credits: too early, too much, twice, for the wrong unit, by one person alone."""

import numpy as np
import pandas as pd

from mining.rules.registry import Bench, rule


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
    # the report of an inspection may be lost: who decides about goods has seen them
    seen = lines["inspected_us"].fillna(lines["decided_us"])
    unseen = seen.isna() | (lines["credited_us"] < seen)
    broken = (lines["credited_us"] >= lines["received_us"]) & unseen
    return broken, lines["credit"] * bench.money("partial_credit_share")


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
