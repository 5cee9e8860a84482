"""What the overview reads: KPIs by site, their trend, the money behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import streamlit as st

import mining
from dashboard.charts.sparkline import Point
from dashboard.reads import Slice, State, open_log
from mining.metrics.money import money_of_lines
from mining.milestones import Milestones


@dataclass(frozen=True)
class KpiTable:
    """KPIs of one slice: a row per KPI and site, ``site`` empty for all sites together.

    ``late`` holds a site (empty: none) and a sentence for each source that is overdue,
    the most overdue first.
    """

    as_of: str
    rows: tuple[KpiRow, ...]
    late: tuple[tuple[str, str], ...]

    def of_site(self, site: str | None) -> dict[str, KpiRow]:
        return {row.id: row for row in self.rows if row.site == (site or "")}


@dataclass(frozen=True, slots=True)
class KpiRow:
    """One KPI of one site, as mined."""

    id: str
    site: str
    value: float | None
    unit: str
    n: int
    open_share: float | None
    p50: float | None
    p90: float | None
    low: float | None
    high: float | None
    p90_low: float | None
    p90_high: float | None
    ended_share: float | None
    dated_share: float | None


@st.cache_data(max_entries=64, show_spinner="Measuring the KPIs")
def read_kpis(state: State, start: date | None, end: date | None) -> KpiTable:
    """Read the KPIs of all sites for cases begun in [start, end), where there is any to show."""
    with open_log(state) as log:
        found = mining.kpis(log, start=start, end=end)
    told = found.with_details()["kpis"]
    rows = tuple(KpiRow(**row | {"site": row["site"] or ""}) for row in told if row["n"])
    sources = sorted(found.completeness, key=lambda row: -row.late_days)
    late = tuple((row.site or "", row.message) for row in sources if row.message)
    return KpiTable(found.as_of, rows, late)


@st.cache_data(max_entries=16, show_spinner=False)
def read_trends(state: State, site: str | None) -> dict[str, tuple[Point, ...]]:
    """Read the weekly trend of every KPI over the whole log."""
    with open_log(state) as log:
        frame = mining.kpi_trend(log, site=site)
    said = frame.astype(object).where(frame.notna(), None).to_dict("records")
    names = ("value", "n", "p90", "open_share", "immature", "low", "high")
    found: dict[str, tuple[Point, ...]] = {}
    for row in said:
        point = Point(row["period"].date(), **{name: row[name] for name in names})
        found[row["id"]] = (*found.get(row["id"], ()), point)
    return found


@dataclass(frozen=True, slots=True)
class Money:
    """Carrying value of the received lines of a slice, in the one currency of the items."""

    received: float
    written_off: float
    waiting: float
    currency: str


@st.cache_data(max_entries=64, show_spinner=False)
def read_money(state: State, chosen: Slice) -> Money | None:
    """Value what was received, what of it was written off (net) and what waits in open lines.

    None where the items name no currency, or several.
    """
    with open_log(state) as log:
        found = log.engine.select("select distinct currency from items").to_pydict()["currency"]
        if len(found) != 1 or found[0] is None:
            return None
        where = log.slice(**chosen.bounds)
        sums = log.keep(("money", where), lambda: money_of_lines(Milestones.of(log, where)))
    received, written_off, waiting = (float(sums[name].iloc[0]) for name in sums)
    return Money(received, written_off, waiting, found[0]) if received else None


@dataclass(frozen=True, slots=True)
class Spans:
    """How long the cases of a slice have run, first to last event; seconds."""

    cases: int
    events: int
    p50_s: float
    p90_s: float


@st.cache_data(max_entries=64, show_spinner="Measuring the cases")
def read_spans(state: State, chosen: Slice) -> Spans | None:
    """Measure the cases of any log, returns or not."""
    with open_log(state) as log:
        found = mining.case_durations(log, **chosen.bounds)
    if found.empty:
        return None
    p50, p90 = found["duration_s"].quantile([0.5, 0.9])
    return Spans(len(found), int(found["events"].sum()), float(p50), float(p90))
