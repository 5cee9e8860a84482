"""What the process map reads: the graph of a slice, its places, its variants, its cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

import mining
from dashboard.charts.map_graph import Path, ProcessGraph, Step, default_steps, to_process_graph
from dashboard.charts.map_layers import Place, place_steps
from dashboard.charts.variant_list import VariantCount, VariantTable, main_path
from dashboard.reads import Slice, State, open_log
from ingestion.vocabulary import Activity


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
    with open_log(state) as log:
        found = mining.directly_follows_graph(log, **chosen.bounds).to_dict()
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
    with open_log(state) as log:
        if Activity.X03 not in log.activities.values():
            return None
        where = log.slice(**chosen.bounds)
        [row] = log.engine.select(OPEN_SHARE.format(**where)).to_pylist()
    return None if row["open_share"] is None else float(row["open_share"])


OPEN_SHARE = """
select avg(case when closed_us is null and ended_us is null then 1.0 else 0.0 end) as open_share
from cases
where first_us >= {from_us} and first_us < {to_us} and ({site} < 0 or site_no = {site})
"""


def _path(row: Mapping[str, Any]) -> Path:
    return Path(0, 0, row["count"], row["mean_s"], row["p50_s"], row["p90_s"], row["p95_s"])


@st.cache_data(max_entries=64, show_spinner=False)
def read_variants(state: State, chosen: Slice, *, top: int = 50) -> VariantTable:
    """Read the most frequent variants of a slice."""
    with open_log(state) as log:
        found = mining.variants(log, top=top, **chosen.bounds).to_dict()
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
    with open_log(state) as log:
        number_of = {name: number for number, name in log.activities.items()}
        where = log.slice(**chosen.bounds)
        found = log.engine.select(CASES.format(which=_which(behind, number_of), **where))
    frame: pd.DataFrame = found.to_pandas()
    return frame


CASES = """
select cases.case_id as "case", count(*) as times,
       round(max(steps.duration_us) / 3600e6, 4) as wait_hours,
       round(max(cases.last_us - cases.first_us) / 86400e6, 2) as case_days,
       make_timestamp(min(steps.occurred_us)) as first_at
from transitions as steps join cases on cases.case_no = steps.case_no
where steps.opened_us >= {from_us} and steps.opened_us < {to_us}
    and ({site} < 0 or steps.case_site_no = {site}) and {which}
group by cases.case_id
order by max(steps.duration_us) desc nulls last, cases.case_id
"""


def _which(behind: Behind, number_of: Mapping[str, int]) -> str:
    """Condition on a transition; only the numbers of known activities go into it."""
    if not behind.is_path:
        return f"steps.source = {number_of[str(behind.source)]}"
    if behind.source is None:
        return f"steps.position = 1 and steps.source = {number_of[str(behind.target)]}"
    target = "is null" if behind.target is None else f"= {number_of[behind.target]}"
    return f"steps.source = {number_of[behind.source]} and steps.target {target}"
