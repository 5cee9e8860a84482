"""What a difference map reads: two slices of one log, arrow by arrow."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import mining
from dashboard.reads import Slice, State, open_log

LISTED = 200


@st.cache_data(max_entries=32, show_spinner="Comparing")
def read_differences(state: State, chosen: Slice, against: Slice) -> mining.Comparison:
    """Compare the maps of two slices; the arrows whose walks per case changed most come first."""
    with open_log(state) as log:
        graph, other = (
            mining.directly_follows_graph(log, **part.bounds) for part in (chosen, against)
        )
    return mining.compare(graph, other)


def to_table(found: mining.Comparison) -> pd.DataFrame:
    """The changed arrows as a page shows them: shares in per cent, durations in hours."""
    edges = found.edges[found.edges["share_change"].abs() > 0].head(LISTED)
    return pd.DataFrame(
        {
            "source": edges["source"],
            "target": edges["target"],
            "share": (edges["share"] * 100).round(1),
            "change": (edges["share_change"] * 100).round(1),
            "p50": (edges["p50_s"] / 3600).round(2),
            "p50_change": (edges["p50_change_s"] / 3600).round(2),
            "p90_change": (edges["p90_change_s"] / 3600).round(2),
        }
    )
