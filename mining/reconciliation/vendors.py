"""Vendor returns: what was never claimed, and what was claimed and is not settled."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from mining.log import EventLog
from mining.reconciliation.lakes import open_facts, to_moment
from mining.reconciliation.records import Records
from mining.reconciliation.settlement import claims

Moment = datetime | date | str


@dataclass(frozen=True)
class VendorReturns:
    """The three control accounts of vendor returns, and what is in them.

    Parameters
    ----------
    unclaimed : frame
        Lines a supplier owes something for that nobody claimed: line, site, sku, amount,
        eligible_until, days_left (negative: the window has closed).
    open_claims : frame
        Claims neither credited nor denied.
    discrepancies : frame
        Claims denied or paid short, with the missing amount.
    control : frame
        Account, documents, amount: ties to the three frames and to what was ever claimed.
    """

    as_of: datetime
    unclaimed: pd.DataFrame
    open_claims: pd.DataFrame
    discrepancies: pd.DataFrame
    control: pd.DataFrame

    @property
    def ties(self) -> bool:
        """Whether claimed = open + credited + written down + discrepancies, to the cent."""
        amounts = self.control.set_index("account")["amount"]
        parts = ["open", "credited", "restocking share", "discrepancies"]
        return abs(float(amounts["claimed"]) - float(amounts[parts].sum())) < 0.005


def vendor_returns(
    home_or_log: str | Path | EventLog | None = None, *, as_of: Moment | None = None
) -> VendorReturns:
    """Unclaimed and open vendor returns, tied to their control totals.

    Raises
    ------
    EmptyLake, BadMoment
    """
    engine, known_us, _ = open_facts(home_or_log, as_of)
    records = Records(engine, known_us)
    filed = claims(records)
    moment = to_moment(known_us)
    eligible: pd.DataFrame = records.eligible().to_pandas()
    unclaimed = eligible[~eligible["line"].isin(filed["line"])].copy()
    until = pd.to_datetime(unclaimed["eligible_until"], utc=True, format="ISO8601")
    unclaimed["days_left"] = (until - pd.Timestamp(moment)) / pd.Timedelta(days=1)
    missing = filed["expected"] - filed["credited"].fillna(0.0)
    off = filed["state"].isin(["denied", "short_paid"])
    waiting = filed["state"].isin(["filed", "authorised", "shipped"])
    return VendorReturns(
        as_of=moment,
        unclaimed=unclaimed.sort_values(["days_left", "line"]).reset_index(drop=True),
        open_claims=filed[waiting].sort_values("filed_at").reset_index(),
        discrepancies=filed[off].assign(missing=missing[off]).reset_index(),
        control=_control(unclaimed, filed, missing, waiting, off),
    )


def _control(
    unclaimed: pd.DataFrame, filed: pd.DataFrame, missing: Any, waiting: Any, off: Any
) -> pd.DataFrame:
    settled = filed[~waiting]
    rows = [
        ("unclaimed", len(unclaimed), unclaimed["amount"].sum()),
        ("claimed", len(filed), filed["claimed"].sum()),
        ("open", int(waiting.sum()), filed.loc[waiting, "claimed"].sum()),
        ("credited", int(settled["credited"].notna().sum()), settled["credited"].sum()),
        ("restocking share", len(settled), (settled["claimed"] - settled["expected"]).sum()),
        ("discrepancies", int(off.sum()), missing[~waiting].sum()),
    ]
    return pd.DataFrame(rows, columns=["account", "documents", "amount"])
