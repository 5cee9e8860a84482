"""The two browser components: a panel of ready-made HTML, and the process map.

Both live in a shadow root of the page itself: no iframe, no build step, no request to anybody.
All text inside is escaped where it is composed (``dashboard.charts``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

ASSETS = Path(__file__).with_name("assets")


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


@cache
def _panel() -> Any:
    return st.components.v2.component(
        "retrace_panel", html=_asset("panel.html"), css=_asset("panel.css"), js=_asset("panel.js")
    )


@cache
def _process_map() -> Any:
    return st.components.v2.component(
        "retrace_process_map",
        html=_asset("process_map.html"),
        css=_asset("process_map.css"),
        js=_asset("process_map.js"),
    )


def show_panel(html: str, *, key: str, on_select: Callable[[], None] | None = None) -> str | None:
    """Show composed HTML with tooltips; return the ``data-id`` that was just clicked."""
    result = _panel()(key=key, data={"html": html}, on_selected_change=on_select or _nothing)
    return result.selected  # type: ignore[no-any-return]


def show_map(
    svg: str,
    *,
    bounds: tuple[float, float, float, float],
    legend: str,
    view_key: str,
    height: int,
    key: str,
    on_select: Callable[[], None],
) -> None:
    """Show the process map; pan and zoom survive reruns until ``view_key`` changes."""
    data = {"svg": svg, "bounds": bounds, "legend": legend, "key": view_key, "height": height}
    _process_map()(key=key, data=data, on_selected_change=on_select)


def _nothing() -> None:
    return None
