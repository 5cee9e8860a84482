"""What to do with the next return line: try a recommendation, see how far to trust it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import model_reads, reads, surface
from dashboard.charts.advice import draw_advice, words
from dashboard.charts.quality_table import QualityRow, draw_quality
from dashboard.model_reads import Quality
from dashboard.views import page
from ingestion.vocabulary import Condition, Reason

UNKNOWN = ""
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
            st.code("retrace train\nretrace promote reason\nretrace promote disposition")
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
        st.form_submit_button("Ask", width="stretch")
    asked = {
        "return_line_id": "TRY:1",
        "site": site,
        "sku": sku,
        "quantity": quantity,
        "unit_price": price,
        "reason_declared": reason,
        "condition": condition,
        "note": note,
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
    rows = [_row(quality) for quality in model_reads.read_quality(folder)]
    surface.show_panel(draw_quality(rows), key="quality")
    st.caption("Judged on the last slice of time, on whole cases the models have not seen.")


def _row(quality: Quality) -> QualityRow:
    return QualityRow(
        task=quality.task,
        version=quality.version,
        lines=quality.lines,
        accuracy=quality.scores["accuracy"],
        naive=quality.baseline,
        naive_accuracy=quality.baseline_scores["accuracy"],
        gain=quality.gain["value"],
        gain_low=quality.gain["low"],
        gain_high=quality.gain["high"],
        calibration_error=quality.scores["ece"],
        coverage=quality.coverage,
        promised=quality.promised,
        abstained=quality.abstained,
        latency_ms=quality.latency_ms,
    )
