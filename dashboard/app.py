"""The dashboard's front door: navigation and the frame around every page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.views import (
    advice,
    bottlenecks,
    conformance,
    overview,
    process_map,
    reconciliation,
)
from ingestion.errors import RetraceError

ASSETS = Path(__file__).with_name("assets")
ABOUT = "Retrace: process mining, reconciliation and advice for product returns. AGPL-3.0-or-later."


def main() -> None:
    """Draw the chosen page; an expected error becomes one line."""
    st.set_page_config(
        page_title="Retrace",
        page_icon=str(ASSETS / "icon.svg"),
        layout="wide",
        menu_items={"About": ABOUT},
    )
    st.logo(str(ASSETS / "logo.svg"), size="large")
    chosen = st.navigation(
        [
            st.Page(overview.show, title="Overview", url_path="overview", default=True),
            st.Page(process_map.show, title="Process map", url_path="process-map"),
            st.Page(bottlenecks.show, title="Bottlenecks", url_path="bottlenecks"),
            st.Page(conformance.show, title="Conformance", url_path="conformance"),
            st.Page(reconciliation.show, title="Reconciliation", url_path="reconciliation"),
            st.Page(advice.show, title="Advice", url_path="advice"),
        ],
        position="top",
    )
    try:
        chosen.run()
    except RetraceError as error:
        st.error(str(error))


main()
