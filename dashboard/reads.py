"""What the views read: facts and findings of one home, cached per state of its lake.

Every cached function takes a :class:`State`, which names the home and the versions of its
tables, so a new delivery is seen at the next rerun and nothing stale is ever shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import streamlit as st

import mining
from dashboard.charts.map_graph import Path, ProcessGraph, Step, default_steps, to_process_graph
from dashboard.charts.map_layers import Place, place_steps
from dashboard.charts.sparkline import Point
from dashboard.charts.variant_list import VariantCount, VariantTable, main_path
from ingestion.lake import Lake
from ingestion.settings import Settings
from mining.engine import sql as mining_sql

FRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class State:
    """One state of the facts: a home and its table versions."""

    home: str
    versions: tuple[tuple[str, int], ...]

    @property
    def is_empty(self) -> bool:
        return "events" not in dict(self.versions)

    @property
    def label(self) -> str:
        return f"lake v{dict(self.versions).get('events', 0)}"


@dataclass(frozen=True, slots=True)
class Slice:
    """What a page looks at: a site (all where None) and cases that began in [start, end)."""

    site: str | None = None
    start: date | None = None
    end: date | None = None

    @property
    def bounds(self) -> dict[str, Any]:
        return {"site": self.site, "start": self.start, "end": self.end}


@dataclass(frozen=True, slots=True)
class Facts:
    """Size and span of the log."""

    cases: int
    events: int
    activities: int
    first: datetime | None
    as_of: datetime | None
    sites: tuple[str, ...]
    sources: tuple[str, ...]


def current_settings() -> Settings:
    """Read the home from the command line (``--home DIR``) or the environment."""
    arguments = sys.argv[1:]
    if "--home" in arguments[:-1]:
        return Settings.load(arguments[arguments.index("--home") + 1])
    return Settings.load(os.environ.get("RETRACE_HOME"))


def current_state(settings: Settings) -> State:
    """Read the table versions; asked at most every two seconds."""
    return _state(str(settings.home))


@st.cache_data(ttl=FRESH_S, show_spinner=False)
def _state(home: str) -> State:
    return State(home, tuple(sorted(Lake(home).versions().items())))


@st.cache_data(max_entries=8, show_spinner=False)
def read_facts(state: State) -> Facts:
    """Count what the lake holds."""
    con = Lake(state.home).connect()
    [[cases, events, activities, first, as_of, sites, sources]] = con.execute(
        """
        select count(distinct case_id), count(*), count(distinct activity), min(occurred_at),
               max(coalesce(recorded_at, occurred_at)),
               list(distinct site order by site) filter (where site is not null),
               list(distinct source order by source) filter (where source is not null)
        from events
        """
    ).fetchall()
    return Facts(cases, events, activities, first, as_of, tuple(sites or ()), tuple(sources or ()))


@st.cache_data(max_entries=8, show_spinner=False)
def read_balance(state: State) -> pd.DataFrame:
    """Read the intake's counters per site: received, accepted, duplicate, quarantined."""
    return Lake(state.home).connect().execute(
        """
        with counted as (
            select d.source, unnest(d.counts) as c from deliveries d
        )
        select coalesce(c.site, '') as site, sum(c.received)::bigint as received,
               sum(c.accepted)::bigint as accepted, sum(c.duplicate)::bigint as duplicate,
               sum(c.quarantined)::bigint as quarantined, max(c.day)::varchar as last_day
        from counted group by 1 order by site = '', site
        """
    ).df()


@st.cache_resource(max_entries=4, show_spinner="Opening the log")
def _log(state: State) -> Any:
    return mining.load(state.home)


@dataclass(frozen=True)
class MinedMap:
    """A directly-follows graph of one slice, ready to draw."""

    graph: ProcessGraph
    cases: int
    events: int
    cases_with_ties: int
    open_share: float | None


@st.cache_data(max_entries=64, show_spinner="Mining the map")
def read_map(state: State, chosen: Slice) -> MinedMap:
    """Mine the map of a slice; its happy path is the variant most traffic agrees with."""
    found = mining.directly_follows_graph(_log(state), **chosen.bounds).to_dict()
    steps = {(row["source"], row["target"]): row["count"] for row in found["edges"]}
    graph = to_process_graph(
        [Step(row["activity"], row["events"], row["cases"]) for row in found["activities"]],
        [(row["source"], row["target"], _path(row)) for row in found["edges"]],
        start=found["start"],
        end=found["end"],
        happy_path=main_path(read_variants(state, chosen).top, steps),
    )
    return MinedMap(
        graph,
        cases=found["cases"],
        events=found["events"],
        cases_with_ties=found["cases_with_ties"],
        open_share=_open_share(state, chosen),
    )


def _open_share(state: State, chosen: Slice) -> float | None:
    """Share of the slice's cases neither closed nor ended; None for a log that never closes one."""
    log = _log(state)
    if "Close return" not in log.activities.values():
        return None
    where = log.slice(**chosen.bounds)
    [row] = log.engine.select(
        f"""
        select avg(case when closed_us is null and ended_us is null then 1.0 else 0.0 end) as share
        from cases where first_us >= {where["from_us"]} and first_us < {where["to_us"]}
            and ({where["site"]} < 0 or site_no = {where["site"]})
        """
    ).to_pylist()
    return None if row["share"] is None else float(row["share"])


def _path(row: Mapping[str, Any]) -> Path:
    return Path(0, 0, row["count"], row["mean_s"], row["p50_s"], row["p90_s"], row["p95_s"])


@st.cache_data(max_entries=64, show_spinner=False)
def read_variants(state: State, chosen: Slice, *, top: int = 50) -> VariantTable:
    """Read the most frequent variants of a slice."""
    found = mining.variants(_log(state), top=top, **chosen.bounds).to_dict()
    counts = tuple(VariantCount(row["count"], tuple(row["activities"])) for row in found["top"])
    return VariantTable(found["variants"], found["cases"], counts)


@st.cache_data(max_entries=8, show_spinner=False)
def read_places(state: State) -> dict[str, Place]:
    """Lay out the whole log once; every slice is drawn on these places."""
    graph = read_map(state, Slice()).graph
    places = place_steps(graph, core=default_steps(graph))
    return {graph.steps[number].name: place for number, place in places.items()}


@dataclass(frozen=True, slots=True)
class Behind:
    """An activity (``source`` alone) or a path of the map; None stands for the start or the end."""

    source: str | None
    target: str | None = None
    is_path: bool = False


@st.cache_data(max_entries=32, show_spinner=False)
def read_cases(state: State, chosen: Slice, behind: Behind) -> pd.DataFrame:
    """List the cases behind an activity or a path, the longest wait first."""
    log = _log(state)
    number_of = {name: number for number, name in log.activities.items()}
    where = log.slice(**chosen.bounds)
    conditions = [
        f"steps.opened_us >= {where['from_us']} and steps.opened_us < {where['to_us']}",
        f"({where['site']} < 0 or steps.case_site_no = {where['site']})",
    ]
    if behind.is_path and behind.source is None:
        conditions.append(f"steps.position = 1 and steps.source = {number_of[str(behind.target)]}")
    else:
        conditions.append(f"steps.source = {number_of[str(behind.source)]}")
        if behind.is_path:
            target = "is null" if behind.target is None else f"= {number_of[behind.target]}"
            conditions.append(f"steps.target {target}")
    found = log.engine.select(
        f"""
        select cases.case_id as "case", count(*) as times,
               round(max(steps.duration_us) / 3600e6, 2) as wait_hours,
               round(max(cases.last_us - cases.first_us) / 86400e6, 2) as case_days,
               make_timestamp(min(steps.occurred_us)) as first_at
        from transitions as steps join cases on cases.case_no = steps.case_no
        where {" and ".join(conditions)}
        group by cases.case_id order by wait_hours desc nulls last, cases.case_id
        """
    )
    return found.to_pandas()


@dataclass(frozen=True)
class KpiTable:
    """KPIs of one slice: a row per KPI and site, ``site`` empty for all sites together."""

    as_of: str
    rows: tuple[KpiRow, ...]

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


@st.cache_data(max_entries=64, show_spinner="Measuring the KPIs")
def read_kpis(state: State, chosen: Slice) -> KpiTable:
    """Read the KPIs of a slice."""
    found = mining.kpis(_log(state), **chosen.bounds).to_dict()
    rows = tuple(KpiRow(**row | {"site": row["site"] or ""}) for row in found["kpis"])
    return KpiTable(str(found["as_of"]), rows)


@st.cache_data(max_entries=64, show_spinner=False)
def read_trend(state: State, kpi: str, site: str | None) -> tuple[Point, ...]:
    """Read the weekly trend of a KPI over the whole log."""
    frame = mining.kpi_trend(_log(state), kpi, site=site)
    frame = frame.astype(object).where(frame.notna(), None)
    return tuple(
        Point(row.period.date(), row.value, row.n, row.p90, row.open_share, row.immature)
        for row in frame.itertuples()
    )


@dataclass(frozen=True, slots=True)
class Money:
    """Carrying value of the received lines of a slice, in the one currency of the items."""

    received: float
    written_off: float
    waiting: float
    currency: str


@st.cache_data(max_entries=64, show_spinner=False)
def read_money(state: State, chosen: Slice) -> Money | None:
    """Value what was received, what of it was written off (net) and what still waits in open lines.

    None where the items name no currency, or several.
    """
    log = _log(state)
    currencies = log.engine.select("select distinct currency from items").to_pydict()["currency"]
    if len(currencies) != 1 or currencies[0] is None:
        return None
    valued = mining_sql("write_offs", **log.slice(**chosen.bounds))
    [row] = log.engine.select(
        f"""
        select sum(valued.received) as received,
               sum(greatest(valued.written_off - valued.vendor_credit, 0)) as written_off,
               sum(valued.received) filter (where cases.closed_us is null and cases.ended_us is null)
                   as waiting
        from ({valued}) as valued join cases on cases.case_no = valued.case_no
        """
    ).to_pylist()
    if row["received"] is None:
        return None
    return Money(row["received"], row["written_off"] or 0.0, row["waiting"] or 0.0, currencies[0])
