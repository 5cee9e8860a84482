"""How are we doing: KPIs by site with trend, count, open share and as-of date."""

from __future__ import annotations

import streamlit as st

from dashboard.views import page


def show() -> None:
    """Draw the page."""
    home = page.open_home("Overview")
    st.title("Overview")
    page.show_footer(home)
