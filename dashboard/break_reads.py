"""What the reconciliation page reads: open breaks with sentence, money, age and owner."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard.reads import State, open_log
from mining.reconciliation import NAMES
from mining.reconciliation.lakes import reconcile


@dataclass(frozen=True)
class Books:
    """The reconciliation of a home: ``breaks`` has a row per open break, the dearest first."""

    matched: int
    breaks: pd.DataFrame


@st.cache_data(max_entries=4, show_spinner="Reconciling warehouse, ERP, credits and claims")
def read_books(state: State) -> Books:
    """Reconcile everything known; sites are selected afterwards."""
    with open_log(state) as log:
        found = reconcile(log)
    frame = found.frame.assign(name=lambda rows: rows["type"].map(break_name))
    ranked = frame.sort_values(["value_at_risk", "age_days"], ascending=False, ignore_index=True)
    return Books(found.matched, ranked)


WORDS = {
    "MISSING_POSTING": "Movement without a posting",
    "FAILED_MESSAGE": "Message failed on the way",
    "TIMING_IN_FLIGHT": "Still in flight",
    "DUPLICATE_POSTING": "Posted twice",
    "QTY_MISMATCH": "Quantities differ",
    "UOM_MISMATCH": "Units of measure differ",
    "STATUS_MISMATCH": "Stock status differs",
    "LOCATION_MISMATCH": "Location differs",
    "IDENTITY_MISMATCH": "Item, lot or serial differs",
    "UNLINKED_RECEIPT": "Receipt linked to nothing, or wrongly",
    "UNSUPPORTED_POSTING": "Posting without a movement",
    "CUTOFF": "Moved and posted in different periods",
    "VALUATION_MISMATCH": "Value differs",
    "REVERSAL_UNPAIRED": "Reversed and never posted again",
    "CREDIT_STOCK_MISMATCH": "Credit and stock disagree",
    "BALANCE_DRIFT": "Balance drifts",
    "RTV_MISMATCH": "Supplier claim does not add up",
}


def break_name(code: str) -> str:
    """Words for a break type.

    >>> break_name("B06")
    'Units of measure differ'
    """
    name = NAMES.get(code, code)
    return WORDS.get(name, name.replace("_", " ").capitalize())
