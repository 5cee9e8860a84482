"""What does not add up between warehouse, ERP, customer credit and supplier?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import break_reads, exports, formats, kpi_reads, surface
from dashboard.break_reads import Books, break_name
from dashboard.charts.break_cards import BreakCard, draw_breaks
from dashboard.charts.figures import draw_facts
from dashboard.charts.ranking import Item, draw_ranking
from dashboard.charts.site_bars import SiteBar, draw_site_bars
from dashboard.reads import Slice
from dashboard.views import page

CHOSEN = "break"
CARDS = 8
BUCKETS = ("0-1", "2-3", "4-7", "8-30", ">30")


def show() -> None:
    """Draw the page."""
    home = page.open_home("Reconciliation")
    if home is None:
        page.show_footer(None)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title("Reconciliation", width="stretch")
        with st.container(width=230):
            site = page.choose_site(home.facts)
    books = break_reads.read_books(home.state)
    breaks = books.breaks if site is None else books.breaks[books.breaks["site"] == site]
    as_of = formats.moment(home.facts.as_of)
    st.caption(f"{site or page.ALL_SITES}  \N{MIDDLE DOT}  open breaks as of {as_of}")
    if not books.matched and breaks.empty:
        st.info("No movements or postings in this home, so there is nothing to reconcile.")
        page.show_footer(home)
        return
    money = kpi_reads.read_money(home.state, Slice())
    currency = money.currency if money else ""
    surface.show_panel(draw_facts(_facts(books, breaks, site, currency)), key="facts")
    left, right = st.columns([0.44, 0.56], gap="large")
    picked = _picked(breaks)
    with left:
        st.subheader("By kind, dearest first")
        ranking = draw_ranking(_items(breaks, currency), chosen=picked, empty="No open breaks.")
        surface.show_panel(ranking, key="kinds", on_select=_pick)
        st.subheader("By age")
        surface.show_panel(draw_site_bars(_ages(breaks), label="Days", mark=False), key="ages")
    with right:
        if picked:
            _show_breaks(breaks[breaks["type"] == picked], picked, currency)
    page.show_footer(home)


def _facts(books: Books, breaks: pd.DataFrame, site: str | None, currency: str) -> dict[str, str]:
    oldest = breaks["age_days"].max() if len(breaks) else None
    facts = {
        "Value at risk": formats.money(float(breaks["value_at_risk"].sum()), currency),
        "Open breaks": formats.number(len(breaks)),
        "Oldest": f"{formats.number(oldest)} d" if oldest is not None else formats.MISSING,
    }
    if site is None:
        facts["Movements that match"] = formats.number(books.matched)
    return facts


def _items(breaks: pd.DataFrame, currency: str) -> list[Item]:
    kinds = breaks.groupby("type").agg(
        count=("break_id", "count"), risk=("value_at_risk", "sum"), age=("age_days", "median")
    )
    kinds = kinds.sort_values(["risk", "count"], ascending=False)
    return [
        Item(
            str(code),
            break_name(str(code)),
            float(risk),
            formats.money(float(risk), currency),
            f"{formats.number(count)} open, half of them older than {formats.number(age)} days",
        )
        for code, count, risk, age in kinds.itertuples(name=None)
    ]


def _ages(breaks: pd.DataFrame) -> list[SiteBar]:
    counts = breaks["age_bucket"].value_counts()
    return [
        SiteBar(bucket, float(counts.get(bucket, 0)), formats.number(int(counts.get(bucket, 0))))
        for bucket in BUCKETS
    ]


def _picked(breaks: pd.DataFrame) -> str | None:
    asked = st.query_params.get(CHOSEN, "")
    if asked in set(breaks["type"]):
        return asked
    risk = breaks.groupby("type")["value_at_risk"].sum()
    return str(risk.idxmax()) if len(risk) else None


def _pick() -> None:
    clicked = st.session_state["kinds"].get("selected")
    if clicked:
        st.query_params[CHOSEN] = clicked


def _show_breaks(breaks: pd.DataFrame, kind: str, currency: str) -> None:
    st.subheader(f"{break_name(kind)}, {formats.number(len(breaks))} open")
    cards = [
        BreakCard(
            row["break_id"],
            row["explanation"],
            row["suggested_fix"],
            formats.money(row["value_at_risk"], currency),
            row["age_days"],
            row["owner"],
            row["confidence"],
        )
        for row in breaks.head(CARDS).to_dict("records")
    ]
    surface.show_panel(draw_breaks(cards, more=len(breaks) - len(cards)), key="breaks")
    told = breaks.assign(members=[" ".join(ids) for ids in breaks["members"]])
    st.download_button(
        f"Download {formats.number(len(breaks))} breaks (CSV)",
        lambda: exports.to_safe_csv(told.drop(columns=["secondary", "name"])),
        file_name=f"{kind}.csv",
        mime="text/csv",
        on_click="ignore",
        width="stretch",
    )
