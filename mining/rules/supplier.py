"""Rules about what a supplier owes: claimed in time, with the evidence kept, and paid in full."""

import pandas as pd

from mining.rules.registry import Bench, rule


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
