"""P8: opening balance plus postings against the balance the ERP reports (B16)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from ingestion.errors import RetraceError
from mining.reconciliation.findings import Break, age_bucket, break_id
from mining.reconciliation.movements import rows_of, to_arrow
from mining.reconciliation.policy import Policy
from mining.reconciliation.sentences import number

KEYS = ["site", "sku", "status"]
Frame: TypeAlias = pd.DataFrame | pa.Table


class BadBalances(RetraceError):
    """A frame of balances cannot be rolled forward."""


def read_balances(path: Path) -> pd.DataFrame:
    """Read a stock report (CSV): site, sku, status, at, quantity; further columns are ignored.

    Times without an offset are UTC.

    Raises
    ------
    BadBalances
        Cannot be read, lacks a column, or a row has no readable time or quantity.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise BadBalances(f"{path} cannot be read as CSV: {error}") from error
    missing = [column for column in [*KEYS, "at", "quantity"] if column not in rows]
    if missing:
        raise BadBalances(f"{path} has no column {', '.join(missing)}.")
    at = pd.to_datetime(rows["at"], format="ISO8601", utc=True, errors="coerce")
    quantity = pd.to_numeric(rows["quantity"], errors="coerce").astype(float)
    for name, values in (("time (at)", at), ("quantity", quantity)):
        bad = rows.index[values.isna()]
        if len(bad):
            raise BadBalances(f"{path}, line {bad[0] + 2}: no readable {name}.")
    return rows[KEYS].assign(at=at, quantity=quantity)


@dataclass(frozen=True, slots=True)
class RollForward:
    """Balances rolled from each report to the next.

    ``frame`` has one row per site, SKU, status and period: opened_at, closed_at, opening, moved,
    expected, reported, drift.
    """

    frame: pd.DataFrame

    @property
    def ties(self) -> bool:
        """Whether every reported balance is what was expected."""
        return bool((self.frame["drift"].abs() < 1e-9).all())


def roll_forward(balances: Frame, postings: Frame) -> RollForward:
    """Opening balance plus the postings of a period against the closing balance.

    Parameters
    ----------
    balances : frame
        site, sku, status, at (when it was taken), quantity. Two or more moments per key.
    postings : frame
        site, sku, status, occurred_at, quantity (signed). Moves out of a status are rows of their
        own with a negative quantity, or a column ``from_status``.

    Raises
    ------
    BadBalances
    """
    stock = _frame(balances, [*KEYS, "at", "quantity"], "balances")
    moved = _frame(postings, [*KEYS, "occurred_at", "quantity"], "postings")
    if "from_status" in moved:
        out = moved[moved["from_status"].notna()].copy()
        out["status"], out["quantity"] = out["from_status"], -out["quantity"]
        moved = pd.concat([moved, out], ignore_index=True)
    stock = stock.sort_values([*KEYS, "at"]).reset_index(drop=True)
    same = stock[KEYS].eq(stock[KEYS].shift()).all(axis=1)
    rows = stock[same].rename(columns={"at": "closed_at", "quantity": "reported"})
    before = stock.loc[rows.index - 1]
    rows = rows.assign(
        opened_at=before["at"].to_numpy(), opening=before["quantity"].to_numpy().astype(float)
    )
    rows["moved"] = _moved_between(rows, moved)
    rows["expected"] = rows["opening"] + rows["moved"]
    rows["drift"] = rows["reported"] - rows["expected"]
    columns = ["opened_at", "closed_at", "opening", "moved", "expected", "reported", "drift"]
    return RollForward(rows[[*KEYS, *columns]].reset_index(drop=True))


def _frame(given: Frame, needed: list[str], name: str) -> pd.DataFrame:
    table = to_arrow(given)
    missing = [column for column in needed if column not in table.column_names]
    if missing:
        raise BadBalances(f"The frame of {name} has no column {', '.join(missing)}.")
    frame: pd.DataFrame = table.to_pandas()
    for column in ("at", "occurred_at"):
        if column in frame:
            frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _moved_between(rows: pd.DataFrame, moved: pd.DataFrame) -> Any:
    """Sum of postings after each opening and up to each closing."""
    moved = moved.sort_values("occurred_at")
    total = moved.assign(total=moved.groupby(KEYS)["quantity"].cumsum())
    sums = []
    for column in ("opened_at", "closed_at"):
        asked = rows[[*KEYS, column]].rename(columns={column: "occurred_at"})
        asked["occurred_at"] = pd.to_datetime(asked["occurred_at"], utc=True)
        asked = asked.assign(place=np.arange(len(asked))).sort_values("occurred_at")
        found = pd.merge_asof(
            asked, total[[*KEYS, "occurred_at", "total"]], on="occurred_at", by=KEYS
        )
        sums.append(found.sort_values("place")["total"].fillna(0.0).to_numpy())
    return sums[1] - sums[0]


def balance_breaks(
    rolled: RollForward,
    *,
    policy: Policy,
    as_of: datetime,
    unit_cost: dict[str, float] | None = None,
) -> list[Break]:
    """B16 for every period whose reported balance is not what the postings lead to."""
    off = rolled.frame[rolled.frame["drift"].abs() > policy.tolerances.quantity + 1e-9]
    latest = off.groupby(KEYS, as_index=False).last()
    total = off.groupby(KEYS)["drift"].sum()
    return [
        _break(row, float(total[row["site"], row["sku"], row["status"]]), policy, as_of, unit_cost)
        for row in rows_of(latest)
    ]


def _break(
    row: dict[str, Any],
    drift: float,
    policy: Policy,
    as_of: datetime,
    unit_cost: dict[str, float] | None,
) -> Break:
    member = "|".join(str(row[key]) for key in KEYS)
    value = drift * (unit_cost or {}).get(row["sku"], 0.0)
    opened = pd.Timestamp(row["closed_at"]).to_pydatetime().astimezone(UTC)
    age = round((as_of - opened).total_seconds() / 86_400, 3)
    return Break(
        break_id=break_id((member,), rules=policy.version),
        type="B16",
        members=(member,),
        delta_quantity=round(drift, 6) + 0.0,
        delta_value=round(value, 2) + 0.0,
        value_at_risk=abs(round(value, 2)),
        explanation=(
            f"{row['sku']} in {row['status']} at site {row['site']}: "
            f"opening {number(row['opening'])} "
            f"on {row['opened_at']:%Y-%m-%d} and postings of {number(row['moved'])} lead to "
            f"{number(row['expected'])}, but the ERP reports {number(row['reported'])} on "
            f"{row['closed_at']:%Y-%m-%d}: drift of {number(row['drift'])}."
        ),
        suggested_fix=f"Count {member} and look for edits without a document in that period.",
        age_days=age,
        confidence="exact",
        site=row["site"],
        sku=row["sku"],
        owner=policy.owners.get("B16", "inventory control"),
        root_cause=f"{row['site']}|balance|{row['status']}|-",
        age_bucket=age_bucket(age),
        opened_at=opened,
        found_by="P8",
    )
