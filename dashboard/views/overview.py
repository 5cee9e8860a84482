"""How are we doing: KPIs by site with trend, count, open share and as-of date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from dashboard import formats, kpi_reads, kpi_words, map_reads, reads, surface
from dashboard.charts.balance import draw_balance
from dashboard.charts.figures import draw_facts
from dashboard.charts.lateness import draw_lateness
from dashboard.charts.site_table import Cell, Column, draw_sites
from dashboard.charts.summary import Summary, draw_summary
from dashboard.charts.tiles import Tile, draw_tiles
from dashboard.charts.trend import draw_trend
from dashboard.kpi_reads import KpiRow, KpiTable, Money
from dashboard.reads import Slice
from dashboard.views import page

CHOSEN = "kpi"
CYCLE, CONTROLLABLE, LOSS = (
    "return_cycle_time",
    "return_cycle_time_controllable",
    "write_off_share",
)


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
    found = kpi_reads.read_kpis(home.state, chosen.start, chosen.end)
    st.caption(_size(home, chosen))
    if found.of_site(chosen.site):
        _show_kpis(home, found, chosen, before)
    else:
        _show_any_log(home, chosen)
    left, right = st.columns([0.68, 0.32], gap="large")
    columns = _columns(found)
    if columns:
        with left:
            st.subheader("By site")
            surface.show_panel(
                draw_sites(columns, home.facts.sites, chosen=chosen.site), key="sites"
            )
    with right if columns else left:
        st.subheader("Intake")
        surface.show_panel(draw_balance(reads.read_balance(home.state)), key="balance")
    page.show_footer(home)


def _size(home: page.Home, chosen: Slice) -> str:
    facts = home.facts
    parts = [
        page.describe(chosen),
        f"{formats.number(facts.cases)} cases and {formats.number(facts.events)} events in all",
        f"as of {formats.moment(facts.as_of)}",
    ]
    return "  \N{MIDDLE DOT}  ".join(parts)


def _show_kpis(home: page.Home, found: KpiTable, chosen: Slice, before: Slice | None) -> None:
    rows = found.of_site(chosen.site)
    money = kpi_reads.read_money(home.state, chosen)
    surface.show_panel(draw_summary(to_summary(found, chosen, money)), key="short")
    late = [text for site, text in found.late if chosen.site in (None, site)]
    if late:
        surface.show_panel(draw_lateness(late), key="late")
    earlier: dict[str, KpiRow] = {}
    if before:
        earlier = kpi_reads.read_kpis(home.state, before.start, before.end).of_site(chosen.site)
    trends = kpi_reads.read_trends(home.state, chosen.site)
    tiles = {
        row.id: replace(_tile(home, row, earlier.get(row.id), money), trend=trends.get(row.id, ()))
        for row in _ordered(rows)
    }
    first = [tiles[kpi] for kpi in kpi_words.HEADLINE if kpi in tiles]
    picked = _picked(rows)
    surface.show_panel(draw_tiles(first, chosen=picked), key="tiles", on_select=_pick("tiles"))
    label = kpi_words.words_of(picked).label
    st.subheader(f"{label} by week opened")
    points = trends.get(picked, ())
    surface.show_panel(draw_trend(points, unit=rows[picked].unit, label=label), key="trend")
    for title, group in kpi_words.groups().items():
        rest = [tiles[kpi] for kpi in group if kpi in tiles]
        if rest:
            with st.expander(f"{title} ({len(rest)})"):
                key = f"more {title}"
                surface.show_panel(draw_tiles(rest, chosen=picked), key=key, on_select=_pick(key))


def _show_any_log(home: page.Home, chosen: Slice) -> None:
    """A log without returns vocabulary has no returns KPIs, but it has cases and durations."""
    spans = kpi_reads.read_spans(home.state, chosen)
    if spans is None:
        st.info(f"No cases began in this slice: {page.describe(chosen)}. Widen the filters.")
        return
    found = map_reads.read_variants(home.state, chosen)
    rows = {
        "Cases": formats.number(spans.cases),
        "Events per case": formats.number(spans.events / spans.cases),
        "Median case, first to last event": formats.duration(spans.p50_s),
        "90th percentile": formats.duration(spans.p90_s),
        "Variants": formats.number(found.variants),
    }
    surface.show_panel(draw_facts(rows), key="facts")
    st.caption(
        "This log does not speak of returns, so there are no returns KPIs; the process map "
        "works for any log. Unfinished cases count as far as they are known."
    )


def to_summary(found: KpiTable, chosen: Slice, money: Money | None) -> Summary:
    """Pick what the two sentences at the top say."""
    rows = found.of_site(chosen.site)
    cycle, loss = rows.get(CYCLE), rows.get(LOSS)
    sites = [row for row in found.rows if row.id == CYCLE and row.site and row.value is not None]
    slowest = max(sites, key=lambda row: (row.value or 0.0, row.site), default=None)
    if chosen.site is not None or len(sites) < 2:
        slowest = None
    return Summary(
        cycle_p50=cycle.value if cycle else None,
        cycle_p90=cycle.p90 if cycle else None,
        open_share=cycle.open_share if cycle else None,
        slowest_site=slowest.site if slowest else None,
        slowest_p50=slowest.value if slowest else None,
        written_off_share=loss.value if loss else None,
        ended_share=cycle.ended_share if cycle else None,
        written_off=formats.money(money.written_off, money.currency) if money else "",
    )


def _ordered(rows: dict[str, KpiRow]) -> list[KpiRow]:
    first = [rows[kpi] for kpi in kpi_words.HEADLINE if kpi in rows]
    return first + [row for kpi, row in rows.items() if kpi not in kpi_words.HEADLINE]


def _tile(home: page.Home, row: KpiRow, earlier: KpiRow | None, money: Money | None) -> Tile:
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
        band=(row.low, row.high),
        dated_share=row.dated_share,
        change=change,
        less_is_better=words.less_is_better,
        as_of=formats.moment(home.facts.as_of),
        money=_money(row.id, money),
    )


def _money(kpi: str, money: Money | None) -> str:
    if money is None or kpi not in (LOSS, CONTROLLABLE):
        return ""
    if kpi == CONTROLLABLE:
        return f"{formats.money(money.waiting, money.currency)} waiting"
    lost, received = (
        formats.money(amount, money.currency) for amount in (money.written_off, money.received)
    )
    return f"{lost} of {received}"


def _picked(rows: dict[str, KpiRow]) -> str:
    asked = st.query_params.get(CHOSEN, "")
    return asked if asked in rows else _ordered(rows)[0].id


def _pick(panel: str) -> Callable[[], None]:
    """Keep the tile clicked in a panel in the address."""

    def keep() -> None:
        clicked = st.session_state[panel].get("selected")
        if clicked:
            st.query_params[CHOSEN] = clicked

    return keep


def _cell(row: KpiRow) -> Cell:
    return Cell(row.value, row.n, row.open_share, row.p90, (row.low, row.high))


def _columns(found: KpiTable) -> list[Column]:
    columns = []
    for kpi in kpi_words.HEADLINE:
        words = kpi_words.words_of(kpi)
        rows = [row for row in found.rows if row.id == kpi and row.site]
        cells = {row.site: _cell(row) for row in rows}
        if cells:
            columns.append(Column(kpi, words.label, rows[0].unit, words.less_is_better, cells))
    return columns
