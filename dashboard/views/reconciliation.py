"""What does not add up between warehouse, ERP, customer credit and supplier?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import break_reads, exports, formats, kpi_reads, map_reads, reads, surface
from dashboard.break_reads import Books, History, break_name
from dashboard.charts.break_cards import BreakCard, StoryStep, draw_breaks, draw_story
from dashboard.charts.figures import draw_facts, draw_figures
from dashboard.charts.map_layout import layout_map
from dashboard.charts.map_legend import draw_legend
from dashboard.charts.map_svg import draw_map
from dashboard.charts.ranking import Item, draw_ranking
from dashboard.charts.site_bars import SiteBar, draw_site_bars
from dashboard.reads import Slice
from dashboard.views import page

KIND, ONE, STATUS, AGE = "break", "one", "status", "age"
CARDS = 8
BUCKETS = ("0-1", "2-3", "4-7", "8-30", ">30")
STATES = ("unsettled", "open", "assigned", "explained", "corrected", "closed")
MAP_HEIGHT = 560


def show() -> None:
    """Draw the page."""
    home = page.open_home("Reconciliation")
    if home is None:
        page.show_footer(None)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title("Reconciliation", width="stretch")
        site, status, age = _choose(home)
    books = break_reads.read_books(home.state)
    history = break_reads.read_history(reads.current_settings())
    breaks = _filtered(history.ranked(books.breaks), site, status, age)
    as_of = formats.moment(home.facts.as_of)
    st.caption(f"{site or page.ALL_SITES}  \N{MIDDLE DOT}  {status} breaks as of {as_of}")
    if not books.matched and books.breaks.empty:
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
        ranking = draw_ranking(_items(breaks, currency), chosen=picked, empty="No such breaks.")
        surface.show_panel(ranking, key="kinds", on_select=_pick)
        st.subheader("By age")
        surface.show_panel(draw_site_bars(_ages(breaks), label="Days", mark=False), key="ages")
    with right:
        if picked:
            _show_breaks(breaks[breaks["type"] == picked], picked, currency, history)
    _show_map(home, books, breaks)
    page.show_footer(home)


def _choose(home: page.Home) -> tuple[str | None, str, str | None]:
    """Draw the filters: site, status, age."""
    with st.container(width=160):
        status = st.selectbox("Status", STATES, key=STATUS, bind="query-params")
    with st.container(width=160):
        ages = ["Any age", *(f"{bucket} days" for bucket in BUCKETS)]
        age = st.selectbox("Age", ages, key=AGE, bind="query-params")
    with st.container(width=200):
        site = page.choose_site(home.facts)
    bucket = None if age in (None, "Any age") else str(age).removesuffix(" days")
    return site, str(status), bucket


def _filtered(breaks: pd.DataFrame, site: str | None, status: str, age: str | None) -> pd.DataFrame:
    kept = breaks["status"] != "closed" if status == "unsettled" else breaks["status"] == status
    if site is not None:
        kept &= breaks["site"] == site
    if age is not None:
        kept &= breaks["age_bucket"] == age
    return breaks[kept]


def _facts(books: Books, breaks: pd.DataFrame, site: str | None, currency: str) -> dict[str, str]:
    oldest = breaks["age_days"].max() if len(breaks) else None
    facts = {
        "Value at risk": formats.money(float(breaks["value_at_risk"].sum()), currency),
        "Breaks": formats.number(len(breaks)),
        "Expected loss": formats.money(float(breaks["expected_loss"].sum()), currency),
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
    asked = st.query_params.get(KIND, "")
    if asked in set(breaks["type"]):
        return asked
    risk = breaks.groupby("type")["value_at_risk"].sum()
    return str(risk.idxmax()) if len(risk) else None


def _pick() -> None:
    clicked = st.session_state["kinds"].get("selected")
    if clicked:
        st.query_params[KIND] = clicked
        st.query_params.pop(ONE, None)


def _pick_one() -> None:
    """A click opens the story of a break, a second one closes it."""
    clicked = st.session_state["breaks"].get("selected")
    if not clicked or clicked == st.query_params.get(ONE):
        st.query_params.pop(ONE, None)
    else:
        st.query_params[ONE] = clicked


def _show_breaks(breaks: pd.DataFrame, kind: str, currency: str, history: History) -> None:
    st.subheader(f"{break_name(kind)}, {formats.number(len(breaks))} of them")
    asked = st.query_params.get(ONE)
    shown = breaks[breaks["break_id"] == asked]
    if len(shown):
        _show_story(break_reads.to_records(shown)[0], currency, history)
    learned = history.model.cleared > 0
    cards = [
        BreakCard(
            row["break_id"],
            row["explanation"],
            row["suggested_fix"],
            formats.money(row["value_at_risk"], currency),
            row["age_days"],
            row["owner"],
            row["confidence"],
            row["status"],
            formats.share(row["chance_to_clear"]) if learned else "",
        )
        for row in break_reads.to_records(breaks.head(CARDS))
    ]
    panel = draw_breaks(cards, more=len(breaks) - len(cards), chosen=asked)
    surface.show_panel(panel, key="breaks", on_select=_pick_one)
    told = breaks.assign(members=[" ".join(ids) for ids in breaks["members"]])
    st.download_button(
        f"Download {formats.number(len(breaks))} breaks (CSV)",
        lambda: exports.to_safe_csv(told.drop(columns=["secondary", "name"])),
        file_name=f"{kind}.csv",
        mime="text/csv",
        on_click="ignore",
        width="stretch",
    )


def _show_story(row: dict[str, Any], currency: str, history: History) -> None:
    """One break: what it is made of, what became of it, and what can be done about it."""
    name = row["break_id"]
    life = history.lives.get(name)
    with st.container(border=True):
        st.markdown(f"**{name}** is {row['status']}")
        facts = {
            "Documents": ", ".join(row["members"]),
            "Return line": row["line"] or formats.MISSING,
            "Posted minus moved": f"{row['delta_quantity']:g} units, "
            f"{formats.money(row['delta_value'], currency)}",
            "Also": ", ".join(break_name(code) for code in row["secondary"]) or formats.MISSING,
            "Looked after by": row["assignee"] or row["owner"],
            "Found by": row["found_by"],
        }
        surface.show_panel(draw_figures(facts), key="facts of one")
        steps = [
            StoryStep(formats.moment(step.known_at), step.kind, step.actor, step.why)
            for step in (life.steps if life else ())
        ]
        surface.show_panel(draw_story(steps), key="story")
        st.code(_commands(name, row["status"], recorded=life is not None), language="bash")


def _commands(name: str, status: str, *, recorded: bool) -> str:
    """What somebody may do next, as lines to copy."""
    if not recorded:
        return "retrace reconcile"
    if status == "closed":
        return f'retrace breaks reopen {name} --why "..."'
    steps = ["assign {} --to NAME", 'explain {} --why "..."', 'correct {} --why "..."']
    return "\n".join(
        f"retrace breaks {one.format(name)}" for one in [*steps, 'close {} --why "..."']
    )


def _show_map(home: page.Home, books: Books, breaks: pd.DataFrame) -> None:
    """The edges of the process map at which the breaks opened."""
    edges = books.edges[books.edges["break_id"].isin(breaks["break_id"])]
    if edges.empty:
        return
    st.subheader("Where they opened")
    graph, count = break_reads.to_break_graph(edges)
    places = break_reads.place_breaks(graph, map_reads.read_places(home.state))
    layout = layout_map(places, range(len(graph.steps)), graph.paths)
    surface.show_map(
        draw_map(graph, layout, metric="frequency"),
        bounds=layout.bounds,
        legend=draw_legend(graph.paths, "frequency", happy=False, count_title="Breaks"),
        view_key=f"breaks {len(graph.steps)} {count}",
        height=MAP_HEIGHT,
        key="where",
        on_select=_stay,
    )
    st.caption(
        f"An arrow counts breaks, not lines: {formats.number(count)} of "
        f"{formats.number(len(edges))} breaks on the {len(graph.paths)} paths shown. A movement "
        "without its counterpart opens after the movement; a posting, credit or claim without "
        "support opens on the way into it."
    )


def _stay() -> None:
    """A click on this map selects nothing."""
