"""Money against goods: authorised, received and credited per return line, and supplier claims.

A credit memo that agrees with what was received (at the price of the order, less what the outcome
withholds) is right; so is a supplier's credit that pays the claim less the agreed restocking share.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from mining.reconciliation.findings import Break, age_bucket, break_id
from mining.reconciliation.movements import rows_of
from mining.reconciliation.policy import Policy
from mining.reconciliation.records import Records
from mining.reconciliation.sentences import money, number

IN_FULL: Final = frozenset({"CREDIT_FULL", "REFUND_CASH", "STORE_CREDIT", "CREDIT_ONLY"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def three_way(records: Records, *, policy: Policy) -> pd.DataFrame:
    """Authorised, received and credited per return line that has a receipt or a credit.

    Returns
    -------
    frame indexed by line: site, sku, policy, requested, authorised, received, unit_price,
    credited (quantity), credited_amount, outcome, memos (open credit memos), entitled (quantity),
    share of the price, entitled_amount, least_amount (what is due at least: no more than was
    authorised), over_quantity, over_amount, under_amount, credited_at
    """
    lines: pd.DataFrame = records.lines().to_pandas().set_index("line")
    received = _received(records)
    memos = _open_memos(records)
    frame = memos.join(lines.drop(columns=["site", "sku"]), how="outer")
    frame["received"] = received.reindex(frame.index).astype(float)
    frame = frame[frame["received"].notna() | frame["credited"].notna()].copy()
    frame["site"] = frame["site"].fillna(lines["site"].reindex(frame.index))
    frame["sku"] = frame["sku"].fillna(lines["sku"].reindex(frame.index))
    waived = frame["policy"].isin(policy.credit_without_receipt) & frame["received"].isna()
    asked = frame["authorised"].fillna(frame["requested"])
    frame["entitled"] = frame["received"].where(~waived, asked).fillna(0.0)
    frame["share"] = _shares(frame, policy)
    implied = frame["credited_amount"] / frame["credited"] / frame["share"]
    frame["unit_price"] = frame["unit_price"].fillna(implied)
    frame["entitled_amount"] = frame["entitled"] * frame["unit_price"] * frame["share"]
    least = np.minimum(frame["entitled"], asked.fillna(np.inf))
    frame["least_amount"] = least * frame["unit_price"] * frame["share"]
    return _with_gaps(frame, policy)


def _received(records: Records) -> "pd.Series[float]":
    """Quantity received per line: by the warehouse, else (its record is missing) by the ERP."""
    moved: pd.DataFrame = records.moved.to_pandas()
    receipts = moved[moved["kind"] == "receipt"]
    receipts = receipts.drop_duplicates(["movement_id", "line", "sku", "serial", "quantity"])
    posted: pd.DataFrame = records.posted.to_pandas()
    posted = posted[posted["kind"] == "receipt"]
    by_erp = posted.groupby("line")["quantity"].sum()
    received: pd.Series[float] = receipts.groupby("line")["quantity"].sum()
    return received.combine_first(by_erp[by_erp > 0])


def _shares(frame: pd.DataFrame, policy: Policy) -> pd.Series:
    """Share of the price each line's outcome pays."""
    share = frame["outcome"].map(dict(policy.outcome_share)).astype(float).fillna(1.0)
    partial = frame["condition"].map(dict(policy.condition_share)).astype(float).fillna(1.0)
    return share.where(frame["outcome"] != "CREDIT_PARTIAL", partial)


def _with_gaps(frame: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    allowed = policy.tolerances
    credited = frame["credited"].notna()
    limit = np.maximum(allowed.value, allowed.value_share * frame["entitled_amount"].abs())
    gap = frame["credited_amount"] - frame["entitled_amount"]
    over = frame["credited"] - frame["entitled"]
    frame["over_quantity"] = over.where(credited & (over > allowed.quantity), 0.0)
    frame["over_amount"] = gap.where(credited & (gap > limit), 0.0)
    full = frame["outcome"].isin(IN_FULL) & credited
    less = frame["least_amount"] - frame["credited_amount"]
    frame["under_amount"] = less.where(full & (less > limit), 0.0)
    return frame


def _open_memos(records: Records) -> pd.DataFrame:
    """Credits of each line net of their reversals."""
    rows: pd.DataFrame = records.credits().to_pandas()
    reversed_ids = set(rows.loc[rows["reversal"], "reversal_of"].dropna())
    open_ones = rows[~rows["reversal"] & ~rows["document_id"].isin(reversed_ids)]
    open_ones = open_ones.sort_values(["occurred_at", "document_id"])
    by_line = open_ones.groupby("line")
    frame = by_line.agg(
        site=("site", "first"),
        sku=("sku", "first"),
        credited=("quantity", "sum"),
        credited_amount=("amount", "sum"),
        outcome=("outcome", "first"),
        credited_at=("occurred_at", "min"),
    )
    grouped = open_ones.assign(place=by_line.ngroup()).sort_values("place", kind="stable")
    documents: list[str] = grouped["document_id"].tolist()
    sizes = by_line.size().to_numpy()
    ends = np.cumsum(sizes)
    frame["memos"] = [
        tuple(documents[start:end])
        for start, end in zip((ends - sizes).tolist(), ends.tolist(), strict=True)
    ]
    return frame


def credit_breaks(records: Records, *, policy: Policy, as_of_us: int) -> list[Break]:
    """B15: credits that goods and price do not support."""
    frame = three_way(records, policy=policy)
    off = (frame["over_quantity"] > 0) | (frame["over_amount"] > 0) | (frame["under_amount"] > 0)
    rows = rows_of(frame[off].reset_index())
    return [_credit_break(row, policy, as_of_us) for row in rows]


def _credit_break(row: dict[str, Any], policy: Policy, as_of_us: int) -> Break:
    more = row["over_amount"] - row["under_amount"]
    if more == 0:
        more = row["over_quantity"] * row["unit_price"]
    received = 0.0 if pd.isna(row["received"]) else float(row["received"])
    text = (
        f"Credit {' and '.join(row['memos'])} of {row['line']} gave "
        f"{money(row['credited_amount'])} "
        f"for {number(row['credited'])} ({row['outcome']}) on {row['credited_at']:%Y-%m-%d}; "
        f"received {number(received)}, entitled to {_terms(row, more)}: {money(more)} "
        f"{'too much' if more > 0 else 'too little'}."
    )
    fix = (
        f"Issue a debit memo of {money(more)} referring to {row['memos'][-1]}."
        if more > 0
        else f"Credit another {money(more)} referring to {row['memos'][-1]}."
    )
    return _money_break(
        "B15",
        row["memos"],
        _Gap(row["over_quantity"], more, text, fix),
        row=row,
        opened=row["credited_at"],
        policy=policy,
        as_of_us=as_of_us,
    )


def _terms(row: dict[str, Any], more: float) -> str:
    """The multiplication behind what the customer is entitled to."""
    due = row["entitled_amount"] if more > 0 else row["least_amount"]
    units = row["entitled"] if more > 0 else due / (row["unit_price"] * row["share"])
    part = "" if row["share"] == 1 else f" x {row['share']:g}"
    return f"{number(round(units, 6))} x {row['unit_price']:.2f}{part} = {money(due)}"


@dataclass(frozen=True, slots=True)
class _Gap:
    quantity: float
    value: float
    explanation: str
    fix: str


def _money_break(
    code: str,
    members: tuple[str, ...],
    gap: _Gap,
    *,
    row: dict[str, Any],
    opened: datetime,
    policy: Policy,
    as_of_us: int,
) -> Break:
    age = round((_EPOCH + timedelta(microseconds=as_of_us) - opened) / timedelta(days=1), 3)
    return Break(
        break_id=break_id(members, rules=policy.version),
        type=code,
        members=members,
        delta_quantity=round(float(gap.quantity), 6) + 0.0,
        delta_value=round(float(gap.value), 2) + 0.0,
        value_at_risk=abs(round(float(gap.value), 2)),
        explanation=gap.explanation,
        suggested_fix=gap.fix,
        age_days=age,
        confidence="exact",
        site=row["site"],
        sku=row["sku"],
        line=row["line"],
        owner=policy.owners.get(code, "reconciliation"),
        root_cause=f"{row['site'] or '-'}|{code}|{row['sku'] or '-'}|-",
        age_bucket=age_bucket(age),
        opened_at=opened,
        found_by="three-way" if code == "B15" else "four-way",
    )


def claims(records: Records) -> pd.DataFrame:
    """One row per supplier claim: claimed, answered, shipped, credited, and where it stands.

    Returns
    -------
    frame indexed by claim_id: line, site, sku, supplier_id, quantity, claimed, filed_at, answer,
    denial_code, answered_at, shipped_at, delivered_at, expected, credited, credited_at, state
    (filed, authorised, denied, shipped, credited, short_paid, closed)
    """
    rows: pd.DataFrame = records.claims().to_pandas()
    rows = rows.sort_values(["occurred_at", "claim_id", "activity"])
    steps = {name: part.set_index("claim_id") for name, part in rows.groupby("activity")}
    first = rows.groupby("claim_id")[["line", "site", "sku", "supplier_id", "quantity"]].first()
    first["restock"] = rows.groupby("claim_id")["restock_pct"].first().fillna(0.0)

    def step(activity: str, column: str) -> Any:
        part = steps.get(activity)
        if part is None:
            return pd.Series(np.nan, first.index, dtype=object)
        return part[column].groupby(level=0).last().reindex(first.index)

    first["claimed"] = step("File supplier claim", "amount").astype(float)
    first["filed_at"] = step("File supplier claim", "occurred_at")
    first["answer"] = step("Receive supplier answer", "answer")
    first["denial_code"] = step("Receive supplier answer", "denial_code")
    first["answered_at"] = step("Receive supplier answer", "occurred_at")
    first["shipped_at"] = step("Ship to supplier", "occurred_at")
    first["delivered_at"] = step("Confirm supplier delivery", "occurred_at")
    first["credited"] = step("Receive supplier credit", "amount").astype(float)
    first["credited_at"] = step("Receive supplier credit", "occurred_at")
    answered = step("Receive supplier answer", "amount").astype(float)
    first["claimed"] = first["claimed"].fillna(answered)
    first["expected"] = first["claimed"] * (1 - first.pop("restock"))
    first["state"] = _states(first)
    return first


def _states(frame: pd.DataFrame) -> Any:
    short = frame["credited"] < frame["expected"] - np.maximum(0.02, 0.005 * frame["expected"])
    return np.select(
        [
            frame["answer"] == "DENIED",
            frame["credited"].notna() & short,
            frame["credited"].notna(),
            frame["shipped_at"].notna(),
            frame["answer"].notna(),
        ],
        ["denied", "short_paid", "credited", "shipped", "authorised"],
        default="filed",
    )


def supplier_breaks(records: Records, *, policy: Policy, as_of_us: int) -> list[Break]:
    """B17: claims a supplier denied or paid short."""
    frame = claims(records)
    off = frame[frame["state"].isin(["denied", "short_paid"])]
    return [_claim_break(row, policy, as_of_us) for row in rows_of(off.reset_index())]


def _claim_break(row: dict[str, Any], policy: Policy, as_of_us: int) -> Break:
    denied = row["state"] == "denied"
    paid = 0.0 if denied else float(row["credited"])
    gap = paid - float(row["expected"])
    opened = row["answered_at"] if denied else row["credited_at"]
    claim = (
        f"Claim {row['claim_id']} of {money(row['claimed'])} against supplier {row['supplier_id']} "
        f"for {number(row['quantity'])} of {row['sku']}"
    )
    if denied:
        code = f" ({row['denial_code']})" if isinstance(row["denial_code"], str) else ""
        text = f"{claim} was denied on {opened:%Y-%m-%d}{code}: {money(gap)} will not come back."
        fix = f"Dispute the denial of {row['claim_id']} with evidence, or re-route the units."
    else:
        text = (
            f"{claim}: {money(row['expected'])} expected, {money(paid)} credited on "
            f"{opened:%Y-%m-%d}, {money(gap)} short."
        )
        fix = f"Bill the supplier {money(gap)} as short payment of {row['claim_id']}."
    return _money_break(
        "B17",
        (row["claim_id"],),
        _Gap(0.0, gap, text, fix),
        row=row,
        opened=opened,
        policy=policy,
        as_of_us=as_of_us,
    )


__all__ = ["claims", "credit_breaks", "supplier_breaks", "three_way"]
