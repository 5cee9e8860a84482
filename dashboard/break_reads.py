"""What the reconciliation page reads: open breaks with sentence, money, age and owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from sqlalchemy import make_url

from dashboard.charts.map_graph import Path as MapPath
from dashboard.charts.map_graph import ProcessGraph, to_process_graph
from dashboard.charts.map_graph import Step as MapStep
from dashboard.charts.map_layers import Place
from dashboard.reads import State, open_log
from ingestion.database import engine as open_engine
from ingestion.settings import Settings
from mining.reconciliation import NAMES, break_edges, edge_totals, fit_clearing, rank_breaks
from mining.reconciliation.lakes import reconcile
from mining.reconciliation.life import BreakLog, Life
from mining.reconciliation.ranking import ClearingModel, FixedRule


@dataclass(frozen=True)
class Books:
    """The reconciliation of a home: ``breaks`` has a row per open break.

    ``edges`` says per break at which step of the process map it opened (source, target).
    """

    matched: int
    breaks: pd.DataFrame
    edges: pd.DataFrame


@st.cache_data(max_entries=4, show_spinner="Reconciling warehouse, ERP, credits and claims")
def read_books(state: State) -> Books:
    """Reconcile everything known; sites are selected afterwards."""
    with open_log(state) as log:
        found = reconcile(log)
        edges = break_edges(found, log)
    frame = found.frame.assign(name=lambda rows: rows["type"].map(break_name))
    return Books(found.matched, frame, edges)


@dataclass(frozen=True)
class History:
    """What was recorded about breaks: their lives, and how likely each clears itself."""

    lives: dict[str, Life]
    model: ClearingModel | FixedRule

    def ranked(self, breaks: pd.DataFrame) -> pd.DataFrame:
        """Breaks with status, assignee and expected loss, the greatest loss first."""
        order = rank_breaks(to_records(breaks), self.model)
        told = order[["break_id", "chance_to_clear", "expected_loss"]]
        rows = told.merge(breaks, on="break_id")
        known = [self.lives.get(name) for name in rows["break_id"]]
        rows["status"] = [life.status if life else "open" for life in known]
        rows["assignee"] = [(life.assignee or "") if life else "" for life in known]
        return rows


def read_history(settings: Settings) -> History:
    """Read the recorded lives; a home whose breaks were never recorded has none."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return History({}, FixedRule())
    opened = open_engine(settings)
    try:
        log = BreakLog(opened)
        return _history(str(settings.home), log.last_step(), log)
    finally:
        opened.dispose()


@st.cache_data(max_entries=4, show_spinner=False)
def _history(home: str, last_step: int, _log: BreakLog) -> History:
    lives = _log.lives()
    return History(lives, fit_clearing(lives.values(), known_at=_log.known_at()))


def to_break_graph(edges: pd.DataFrame, *, at_most: int = 18) -> tuple[ProcessGraph, int]:
    """The process map made of the edges at which breaks opened, and how many it shows."""
    totals = edge_totals(edges).sort_values("breaks", ascending=False).head(at_most)
    rows = [
        (None if pd.isna(a) else str(a), None if pd.isna(b) else str(b), int(count))
        for a, b, count in zip(totals["source"], totals["target"], totals["breaks"], strict=True)
    ]
    touched: dict[str, int] = {}
    for source, target, count in rows:
        for name in {source, target} - {None}:
            touched[str(name)] = touched.get(str(name), 0) + count
    graph = to_process_graph(
        [MapStep(name, count, count) for name, count in touched.items()],
        [(a, b, MapPath(0, 0, count)) for a, b, count in rows if a and b],
        start={b: count for a, b, count in rows if a is None and b},
        end={a: count for a, b, count in rows if b is None and a},
        counted="break",
    )
    return graph, int(totals["breaks"].sum())


def place_breaks(graph: ProcessGraph, place_of: Mapping[str, Place]) -> dict[int, Place]:
    """Put the activities where the process map has them, without its empty rows and columns."""
    places = [place_of[step.name] for step in graph.steps]
    layers = sorted({place.layer for place in places})
    right = sorted({place.lane for place in places if place.lane > 0})
    left = sorted({place.lane for place in places if place.lane < 0}, reverse=True)
    lane_of = {0: 0}
    lane_of |= {lane: 1 + number for number, lane in enumerate(right)}
    lane_of |= {lane: -1 - number for number, lane in enumerate(left)}
    return {
        number: Place(layers.index(place.layer), lane_of[place.lane])
        for number, place in enumerate(places)
    }


def to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


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
