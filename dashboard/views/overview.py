"""How are we doing: KPIs by site with trend, count, open share and as-of date."""

from __future__ import annotations

from datetime import date
from html import escape

import streamlit as st

from dashboard import formats, kpi_words, reads, surface
from dashboard.charts.balance import Counters, draw_balance
from dashboard.charts.site_table import Cell, Column, draw_sites
from dashboard.charts.tiles import Tile, draw_tiles
from dashboard.charts.trend import draw_trend
from dashboard.reads import KpiRow, KpiTable, Money, Slice
from dashboard.views import page

CHOSEN = "kpi"


def show() -> None:
    """Draw the page."""
    home = page.open_home("Overview")
    if home is None:
        page.show_footer(None)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title("Overview", width="stretch")
        with st.container(horizontal=True, width=460, gap="small"):
            chosen, before = page.choose_slice(home.facts)
    found = reads.read_kpis(home.state, chosen)
    rows = found.of_site(chosen.site)
    st.caption(_size(home, chosen))
    surface.show_panel(in_short(found, chosen, reads.read_money(home.state, chosen)), key="short")
    if rows:
        earlier = reads.read_kpis(home.state, before).of_site(chosen.site) if before else {}
        tiles = [_tile(home, row, earlier.get(row.id), chosen) for row in _ordered(rows)]
        first = [tile for tile in tiles if tile.id in kpi_words.HEADLINE]
        surface.show_panel(draw_tiles(first, chosen=_chosen_kpi(rows)), key="tiles", on_select=_choose)
        _show_trend(home, rows[_chosen_kpi(rows)])
        _show_rest([tile for tile in tiles if tile.id not in kpi_words.HEADLINE])
    left, right = st.columns([0.68, 0.32], gap="large")
    with left:
        st.subheader("By site")
        surface.show_panel(draw_sites(_columns(found), home.facts.sites), key="sites")
    with right:
        st.subheader("Intake")
        surface.show_panel(draw_balance(_counters(home)), key="balance")
    page.show_footer(home)


def _size(home: page.Home, chosen: Slice) -> str:
    facts = home.facts
    parts = [
        page.describe(chosen),
        f"{formats.number(facts.cases)} return lines and {formats.number(facts.events)} events in all",
        f"as of {formats.moment(facts.as_of)}",
    ]
    return "  \N{MIDDLE DOT}  ".join(parts)


def in_short(found: KpiTable, chosen: Slice, money: Money | None) -> str:
    """Say the page in two sentences: how long, how much, where to look first."""
    rows = found.of_site(chosen.site)
    cycle = rows.get("return_cycle_time")
    parts = []
    if cycle and cycle.value is not None:
        parts.append(
            f"Half of the return lines are done within <b>{formats.measure(cycle.value, cycle.unit)}</b>, "
            f"nine of ten within <b>{formats.measure(cycle.p90, cycle.unit)}</b>; "
            f"{formats.share(cycle.open_share)} are still open."
        )
        slowest = _slowest(found)
        if chosen.site is None and slowest:
            parts.append(
                f"Slowest is <b>{escape(slowest.site)}</b> with a median of <b>{formats.measure(slowest.value, slowest.unit)}</b>."
            )
    loss = rows.get("write_off_share")
    if loss and loss.value is not None:
        amount = f" (<b>{formats.money(money.written_off, money.currency)}</b>)" if money else ""
        parts.append(f"<b>{formats.share(loss.value)}</b> of the value received is written off{amount}.")
    return f'<p class="short">{" ".join(parts)}</p>' if parts else ""


def _slowest(found: KpiTable) -> KpiRow | None:
    rows = [row for row in found.rows if row.id == "return_cycle_time" and row.site and row.value is not None]
    return max(rows, key=lambda row: (row.value or 0.0, row.site)) if len(rows) > 1 else None


def _ordered(rows: dict[str, KpiRow]) -> list[KpiRow]:
    first = [rows[kpi] for kpi in kpi_words.HEADLINE if kpi in rows]
    return first + [row for kpi, row in rows.items() if kpi not in kpi_words.HEADLINE]


def _tile(home: page.Home, row: KpiRow, earlier: KpiRow | None, chosen: Slice) -> Tile:
    words = kpi_words.words_of(row.id)
    change = None
    if earlier and earlier.value is not None and row.value is not None:
        change = row.value - earlier.value
    return Tile(
        id=row.id,
        label=words.label,
        formula=words.formula,
        unit=row.unit,
        value=row.value,
        n=row.n,
        open_share=row.open_share,
        p90=row.p90,
        change=change,
        change_note="against the period of the same length before" if change is not None else "",
        less_is_better=words.less_is_better,
        as_of=formats.moment(home.facts.as_of),
        money=_money(home, row.id, chosen),
        trend=reads.read_trend(home.state, row.id, chosen.site) if row.id in kpi_words.HEADLINE else (),
    )


def _money(home: page.Home, kpi: str, chosen: Slice) -> str:
    money = reads.read_money(home.state, chosen)
    if money is None:
        return ""
    if kpi == "write_off_share":
        return f"{formats.money(money.written_off, money.currency)} of {formats.money(money.received, money.currency)}"
    if kpi == "return_cycle_time_controllable":
        return f"{formats.money(money.waiting, money.currency)} waiting"
    return ""


def _chosen_kpi(rows: dict[str, KpiRow]) -> str:
    asked = st.query_params.get(CHOSEN, "")
    return asked if asked in rows else next(iter(rows))


def _choose() -> None:
    clicked = st.session_state["tiles"].get("selected")
    if clicked:
        st.query_params[CHOSEN] = clicked


def _show_trend(home: page.Home, row: KpiRow) -> None:
    words = kpi_words.words_of(row.id)
    st.subheader(f"{words.label} by week opened")
    points = reads.read_trend(home.state, row.id, row.site or None)
    surface.show_panel(draw_trend(points, unit=row.unit, label=words.label), key="trend")


def _show_rest(tiles: list[Tile]) -> None:
    if not tiles:
        return
    with st.expander(f"{len(tiles)} more KPIs"):
        surface.show_panel(draw_tiles(tiles), key="more")


def _columns(found: KpiTable) -> list[Column]:
    columns = []
    for kpi in kpi_words.HEADLINE:
        words = kpi_words.words_of(kpi)
        rows = [row for row in found.rows if row.id == kpi and row.site]
        cells = {row.site: Cell(row.value, row.n, row.open_share, row.p90) for row in rows}
        if cells:
            columns.append(Column(kpi, words.label, rows[0].unit, words.less_is_better, cells))
    return columns


def _counters(home: page.Home) -> list[Counters]:
    frame = reads.read_balance(home.state)
    return [
        Counters(row.site, row.received, row.accepted, row.duplicate, row.quarantined, _day(row.last_day))
        for row in frame.itertuples()
    ]


def _day(text: object) -> str:
    return f"{date.fromisoformat(text):%-d %b %Y}" if isinstance(text, str) else ""
