"""Where a slice takes other ways, or longer, than another: part of the process map's page."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard import difference_reads, exports, formats
from dashboard.reads import Slice
from dashboard.views import page

BEFORE = "the period before"
NOTHING = "nothing"
_LABELS = {
    "source": "From",
    "target": "To",
    "share": "Walks per 100 cases",
    "change": "Change",
    "p50": "Half within, h",
    "p50_change": "Change, h",
    "p90_change": "90 % within: change, h",
}


def show(home: page.Home, chosen: Slice, before: Slice | None) -> None:
    """Offer what to compare the slice with, and list what differs."""
    offered = _offered(home, chosen, before)
    if not offered:
        return
    name = st.selectbox(
        "Compare with", [NOTHING, *offered], key="against", bind="query-params", width=320
    )
    if name not in offered:
        return
    against = offered[name]
    found = difference_reads.read_differences(home.state, chosen, against)
    st.caption(
        f"{page.describe(chosen)}: {formats.number(found.cases)} cases, against "
        f"{page.describe(against)}: {formats.number(found.against_cases)} cases. The largest "
        "change in walks per case comes first; waits are those that ended."
    )
    table = difference_reads.to_table(found)
    st.dataframe(table, hide_index=True, height=320, column_config=_LABELS)
    st.download_button(
        f"Download {formats.number(len(found.edges))} paths (CSV)",
        lambda: exports.to_safe_csv(found.edges),
        file_name="differences.csv",
        mime="text/csv",
        on_click="ignore",
    )


def _offered(home: page.Home, chosen: Slice, before: Slice | None) -> dict[str, Slice]:
    """Slices to compare with, by what a reader calls them."""
    offered = {} if before is None else {BEFORE: before}
    if chosen.site is not None:
        offered["all sites"] = replace(chosen, site=None)
    for site in home.facts.sites:
        if site != chosen.site:
            offered[f"site {site}"] = replace(chosen, site=site)
    return offered
