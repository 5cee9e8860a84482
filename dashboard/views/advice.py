"""What to do with the next return line: try a recommendation, see how far to trust it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import model_reads, reads, surface
from dashboard.charts.advice import draw_advice, words
from dashboard.charts.quality_table import draw_quality
from dashboard.views import page
from ingestion.vocabulary import Activity, Condition, Reason

UNKNOWN = ""
STEPS = [
    item.value
    for item in (
        Activity.A01,
        Activity.A04,
        Activity.A06,
        Activity.A08,
        Activity.A09,
        Activity.A12,
        Activity.A13,
        Activity.A16,
        Activity.A19,
        Activity.E01,
        Activity.E05,
    )
]
EXAMPLE_NOTE = "box torn, unit scratched on the side, does not power on"


def show() -> None:
    """Draw the page."""
    home = page.open_home("Advice")
    if home is None:
        page.show_footer(None)
        return
    st.title("Advice")
    folder = model_reads.champion(reads.current_settings())
    if folder is None:
        with st.container(border=True):
            st.markdown("**No model has been promoted in this home yet.** Make some:")
            promote = "\n".join(f"retrace promote {task}" for task in model_reads.TRAINABLE)
            st.code(f"retrace train\n{promote}")
        page.show_footer(home)
        return
    st.caption(
        "What the scoring API answers for a return line, from the same scorer. "
        "It advises; ERP controls and governed workflows decide."
    )
    left, right = st.columns([0.36, 0.64], gap="large")
    with left:
        line = _ask(home)
    with right:
        [answer] = model_reads.load_scorer(folder).score([line])
        surface.show_panel(draw_advice(answer.to_dict()), key="advice")
    _show_quality(folder)
    page.show_footer(home)


def _ask(home: page.Home) -> dict[str, Any]:
    """Draw the form; what is left empty is not told to the models."""
    with st.form("line", border=True):
        site = st.selectbox("Site", [*home.facts.sites] or [UNKNOWN])
        first, second = st.columns(2)
        sku = first.text_input("SKU", value=reads.read_example_sku(home.state))
        quantity = second.number_input("Quantity", min_value=1.0, value=2.0, step=1.0)
        price = st.number_input("Unit price", min_value=0.0, value=129.9, step=10.0)
        reason = _choose("Declared reason", [item.value for item in Reason], "CHOICE.UNWANTED")
        condition = _choose(
            "Condition found", [item.value for item in Condition], "COSMETIC_DAMAGE"
        )
        note = st.text_area("Inspection note", value=EXAMPLE_NOTE, height=90)
        step, since = st.columns(2)
        with step:
            activity = _choose("Last step", STEPS, "Finish inspection")
        waiting = since.number_input("Days since", min_value=0.0, value=1.0, step=1.0)
        st.form_submit_button("Ask", width="stretch")
    as_of = home.facts.as_of or datetime.now(UTC)
    asked = {
        "return_line_id": "TRY:1",
        "site": site,
        "sku": sku,
        "quantity": quantity,
        "unit_price": price,
        "reason_declared": reason,
        "condition": condition,
        "note": note,
        "as_of": as_of,
        "last_activity": activity,
        "last_activity_at": as_of - timedelta(days=waiting),
    }
    return {name: value for name, value in asked.items() if value not in (UNKNOWN, None)}


def _choose(label: str, codes: list[str], preset: str) -> str:
    options = [UNKNOWN, *codes]
    picked = st.selectbox(
        label,
        options,
        index=options.index(preset),
        format_func=lambda code: words(code) if code else "not known yet",
    )
    return str(picked)


def _show_quality(folder: Path) -> None:
    st.subheader("How good are the models")
    surface.show_panel(draw_quality(model_reads.read_quality(folder)), key="quality")
    st.caption("Judged on the last slice of time, on whole cases the models have not seen.")
