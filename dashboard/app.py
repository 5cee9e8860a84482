"""The dashboard's front door: navigation and the frame around every page."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import streamlit as st

from ingestion.errors import RetraceError

ASSETS = Path(__file__).with_name("assets")
ABOUT = "Retrace: process mining, reconciliation and advice for product returns. AGPL-3.0-or-later."


PAGES = {
    "overview": "Overview",
    "process_map": "Process map",
    "bottlenecks": "Bottlenecks",
    "conformance": "Conformance",
    "reconciliation": "Reconciliation",
    "advice": "Advice",
}


def _opener(name: str) -> Callable[[], None]:
    """Open a view when it is first asked for: nobody waits for the models to see the KPIs."""

    def show() -> None:
        import_module(f"dashboard.views.{name}").show()

    return show


def main() -> None:
    """Draw the chosen page; an expected error becomes one line."""
    st.set_page_config(
        page_title="Retrace",
        page_icon=str(ASSETS / "icon.svg"),
        layout="wide",
        menu_items={"About": ABOUT},
    )
    st.logo(str(ASSETS / "logo.svg"), size="large")
    pages = [
        st.Page(_opener(name), title=title, url_path=name.replace("_", "-"), default=not place)
        for place, (name, title) in enumerate(PAGES.items())
    ]
    chosen = st.navigation(pages, position="top")
    try:
        chosen.run()
    except RetraceError as error:
        st.error(str(error))


main()
