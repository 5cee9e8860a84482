"""Reserve roll-forward: refund liability and return asset by month, and write-offs by class.

IFRS 15 recognises both at the sale. Retrace does not see the sale, so a line enters the reserves
when its return is authorised: what is expected but not yet authorised is the estimate of the
finance department and has to be added to it. Replacements are no returns in this sense
(IFRS 15.B26) and stay out of the refund liability.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from mining.log import EventLog
from mining.reconciliation.lakes import open_facts, to_moment
from mining.reconciliation.policy import Policy
from mining.reconciliation.records import Records
from mining.reconciliation.settlement import claims, three_way

Moment = datetime | date | str
CLASSES: Final = {
    "QUALITY": "defect",
    "TRANSIT": "transit damage",
    "FULFIL": "our error",
    "COMMERCIAL": "commercial",
    "CHOICE": "customer's choice",
}
"""Family of the reason a unit came back for, and the class its write-off is booked under."""


@dataclass(frozen=True)
class Reserves:
    """Both accounts by month, and what was written off.

    Parameters
    ----------
    roll_forward : frame
        account (refund liability, return asset), month, opening, recognised, used (credited, or
        received), released (lines that will not come: denied, cancelled, expired; and what was
        recognised but not needed), closing. opening + recognised - used - released = closing.
    open_lines : frame
        What stands in the accounts now: account, line, site, sku, amount. Its sum per account is
        the last closing balance.
    write_offs : frame
        month, site, class, documents, units, amount (cost of units scrapped or disposed of).
    """

    as_of: datetime
    roll_forward: pd.DataFrame
    open_lines: pd.DataFrame
    write_offs: pd.DataFrame

    @property
    def ties(self) -> bool:
        """Whether the last closing balances are the sums of the open lines, to the cent."""
        last = self.roll_forward.groupby("account")["closing"].last()
        standing = self.open_lines.groupby("account")["amount"].sum()
        gaps = last.sub(standing, fill_value=0.0).abs()
        return bool((gaps < 0.005).all())


def reserves(
    home_or_log: str | Path | EventLog | None = None,
    *,
    as_of: Moment | None = None,
    policy: Policy | None = None,
) -> Reserves:
    """Roll the refund liability and the return asset forward, and classify write-offs.

    Raises
    ------
    EmptyLake, BadMoment, BadPolicy
    """
    engine, known_us, _ = open_facts(home_or_log, as_of)
    records = Records(engine, known_us)
    lines = _accounts(records, policy or Policy.load())
    standing = lines[lines["ended_at"].isna() & (lines["recognised"].abs() >= 0.005)]
    columns = ["account", "line", "site", "sku", "recognised"]
    return Reserves(
        as_of=to_moment(known_us),
        roll_forward=_rolled(lines, to_moment(known_us)),
        open_lines=standing[columns]
        .rename(columns={"recognised": "amount"})
        .sort_values(["account", "line"])
        .reset_index(drop=True),
        write_offs=_write_offs(records),
    )


def _accounts(records: Records, policy: Policy) -> pd.DataFrame:
    """One row per line and account: recognised when and how much, used when and how much."""
    lines: pd.DataFrame = records.obligations().to_pandas().set_index("line")
    told: pd.DataFrame = records.lines().to_pandas().set_index("line")
    money = three_way(records, policy=policy).reindex(lines.index)
    price = told["unit_price"].reindex(lines.index).fillna(money["unit_price"]).astype(float)
    units = told["authorised"].reindex(lines.index).fillna(lines["received"]).astype(float)
    replaced = money["outcome"].fillna("").str.startswith("REPLACE")
    common = {"line": lines.index, "site": lines["site"], "sku": lines["sku"]}
    liability = pd.DataFrame(
        common
        | {
            "account": "refund liability",
            "recognised": (units * price).fillna(0.0).where(~replaced, 0.0),
            "recognised_at": lines["authorised_at"],
            "used": money["credited_amount"].fillna(0.0).where(~replaced, 0.0),
            "used_at": money["credited_at"],
            "dropped_at": lines["dropped_at"],
        }
    )
    asset = pd.DataFrame(
        common
        | {
            "account": "return asset",
            "recognised": (units * lines["unit_cost"].astype(float)).fillna(0.0),
            "recognised_at": lines["authorised_at"],
            "used": (lines["received"] * lines["unit_cost"]).astype(float).fillna(0.0),
            "used_at": lines["received_at"],
            "dropped_at": lines["dropped_at"],
        }
    )
    frame = pd.concat([liability, asset], ignore_index=True)
    for column in ("recognised_at", "used_at", "dropped_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    frame["ended_at"] = frame["used_at"].fillna(frame["dropped_at"])
    begun = frame[["recognised_at", "ended_at"]].min(axis=1)
    frame["recognised_at"] = begun  # paid before it was authorised: recognised then
    return frame[frame["recognised_at"].notna()]


def _rolled(lines: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Movements of each account by month, from the first to the month of ``as_of``."""
    begun, ended = _months(lines["recognised_at"]), _months(lines["ended_at"])
    spent = lines["used"].where(lines["used_at"].notna(), 0.0)
    released = (lines["recognised"] - spent).where(lines["ended_at"].notna(), 0.0)
    flows = pd.concat(
        [
            pd.DataFrame(
                {"account": lines["account"], "month": begun, "recognised": lines["recognised"]}
            ),
            pd.DataFrame(
                {"account": lines["account"], "month": ended, "used": spent, "released": released}
            ).dropna(subset="month"),
        ]
    )
    sums = flows.groupby(["account", "month"])[["recognised", "used", "released"]].sum()
    parts = []
    for account, part in sums.groupby(level="account"):
        months = part.index.get_level_values("month")
        last = max(months.max(), pd.Period(pd.Timestamp(as_of).tz_localize(None), "M"))
        every = pd.period_range(months.min(), last, freq="M")
        rows = part.droplevel("account").reindex(every, fill_value=0.0)
        rows["closing"] = (rows["recognised"] - rows["used"] - rows["released"]).cumsum()
        rows.insert(0, "opening", rows["closing"].shift(fill_value=0.0))
        rows.insert(0, "month", every.astype(str))
        rows.insert(0, "account", account)
        parts.append(rows)
    columns = ["account", "month", "opening", "recognised", "used", "released", "closing"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _months(moments: "pd.Series[pd.Timestamp]") -> Any:
    return moments.dt.tz_localize(None).dt.to_period("M")


def _write_offs(records: Records) -> pd.DataFrame:
    """Units scrapped or disposed of, by why they had come back."""
    rows: pd.DataFrame = records.write_offs().to_pandas()
    family = rows["reason"].fillna("").astype("str").str.split(".").str[0]
    refused = claims(records)
    denied = set(refused.loc[refused["state"] == "denied", "line"])
    rows["class"] = np.where(
        rows["line"].isin(denied),
        "supplier refused",
        family.map(CLASSES).fillna("unclassified"),
    )
    rows["month"] = _months(pd.to_datetime(rows["occurred_at"], utc=True)).astype(str)
    grouped = rows.groupby(["month", "site", "class"], as_index=False)
    return grouped.agg(
        documents=("document_id", "size"), units=("quantity", "sum"), amount=("amount", "sum")
    )
