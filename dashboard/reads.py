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
from dashboard.charts.map_graph import Path, ProcessGraph, Step, core_steps, to_process_graph
from dashboard.charts.map_layers import Place, place_steps
from dashboard.charts.variant_list import VariantCount, VariantTable
from ingestion.lake import Lake
from ingestion.settings import Settings

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
               sum(c.quarantined)::bigint as quarantined, max(c.day) as last_day
        from counted group by 1 order by received desc, site
        """
    ).df()


@st.cache_resource(max_entries=4, show_spinner=False)
def _log(state: State) -> Any:
    return mining.load(state.home)


@dataclass(frozen=True)
class MinedMap:
    """A directly-follows graph of one slice, ready to draw."""

    graph: ProcessGraph
    cases: int
    events: int
    cases_with_ties: int


@st.cache_data(max_entries=64, show_spinner=False)
def read_map(state: State, chosen: Slice) -> MinedMap:
    """Mine the map of a slice; its happy path is the most frequent variant."""
    found = mining.directly_follows_graph(_log(state), **chosen.bounds).to_dict()
    top = read_variants(state, chosen).top
    graph = to_process_graph(
        [Step(row["activity"], row["events"], row["cases"]) for row in found["activities"]],
        [(row["source"], row["target"], _path(row)) for row in found["edges"]],
        start=found["start"],
        end=found["end"],
        happy_path=top[0].activities if top else (),
    )
    return MinedMap(graph, found["cases"], found["events"], found["cases_with_ties"])


def _path(row: Mapping[str, Any]) -> Path:
    return Path(0, 0, row["count"], row["mean_s"], row["p50_s"], row["p90_s"], row["p95_s"])


@st.cache_data(max_entries=64, show_spinner=False)
def read_variants(state: State, chosen: Slice, *, top: int = 8) -> VariantTable:
    """Read the most frequent variants of a slice."""
    found = mining.variants(_log(state), top=top, **chosen.bounds).to_dict()
    counts = tuple(VariantCount(row["count"], tuple(row["activities"])) for row in found["top"])
    return VariantTable(found["variants"], found["cases"], counts)


@st.cache_data(max_entries=8, show_spinner=False)
def read_places(state: State) -> dict[str, Place]:
    """Lay out the whole log once; every slice is drawn on these places."""
    graph = read_map(state, Slice()).graph
    places = place_steps(graph, core=core_steps(graph))
    return {graph.steps[number].name: place for number, place in places.items()}


@st.cache_data(max_entries=32, show_spinner=False)
def read_cases(
    state: State,
    chosen: Slice,
    *,
    source: str | None = None,
    target: str | None = None,
    at_start: bool = False,
    at_end: bool = False,
) -> pd.DataFrame:
    """List the cases behind an activity (``source`` alone) or a path, the longest wait first.

    ``at_start`` and ``at_end`` ask for the cases that begin with ``target`` or end with ``source``.
    """
    wanted = {
        "source": source is None or at_start or "activity = $source",
        "target": target is None or ("place = 1 and activity = $target" if at_start else "next_activity = $target"),
        "end": "next_activity is null" if at_end else True,
    }
    conditions = [text for text in wanted.values() if isinstance(text, str)]
    values = {name: value for name, value in (("source", source), ("target", target)) if value}
    values |= {name: value for name, value in chosen.bounds.items() if value is not None}
    conditions += [
        text
        for name, text in (
            ("site", "case_site = $site"),
            ("start", "began_at >= $start"),
            ("end", "began_at < $end"),
        )
        if name in values
    ]
    return _query(state, CASES.format(conditions=" and ".join(conditions or ["true"])), values)


CASES = """
with walked as (
    select case_id, activity, occurred_at,
           lead(activity) over step as next_activity,
           lead(occurred_at) over step as next_at,
           row_number() over step as place,
           min(occurred_at) over (partition by case_id) as began_at,
           max(occurred_at) over (partition by case_id) as last_at,
           first_value(site ignore nulls) over (partition by case_id order by occurred_at, source_seq, event_id
               rows between unbounded preceding and unbounded following) as case_site
    from events
    window step as (partition by case_id order by occurred_at, source_seq, event_id)
)
select case_id, any_value(case_site) as site, count(*) as times, min(occurred_at) as at,
       max(epoch(next_at - occurred_at)) / 3600 as longest_wait_h,
       any_value(epoch(last_at - began_at)) / 86400 as case_days
from walked where {conditions}
group by case_id
order by longest_wait_h desc nulls last, case_id
"""


def _query(state: State, sql: str, values: Mapping[str, Any]) -> pd.DataFrame:
    return Lake(state.home).connect().execute(sql, dict(values)).df()
