"""Work done twice and work left out: rework, loops and skipped steps of a slice."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mining.graph import directly_follows_graph
from mining.log import EventLog, Moment
from mining.objects import LINE, log_of_objects
from mining.traces import variants


@dataclass(frozen=True, slots=True)
class Rework:
    """What was repeated and what was skipped.

    Parameters
    ----------
    cases : int
        Cases of the slice.
    cases_with_rework : int
        Cases in which some activity happened more than once.
    happy_path : tuple of str
        The most frequent variant; skipping is measured against it.
    activities : frame with columns activity, events, cases, rework_cases, repeats, self_loops,
        returns, skipped_cases
        ``repeats``: events beyond the first of their case; of them ``self_loops`` came directly
        after the same activity, ``returns`` after something else. ``skipped_cases``: cases that
        reached a later step of the happy path without this one (a case that may still come to it
        has skipped nothing); null for an activity the happy path does not have.
    """

    cases: int
    cases_with_rework: int
    happy_path: tuple[str, ...]
    activities: pd.DataFrame = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine rework``."""
        rows = self.activities.astype(object)
        return {
            "cases": self.cases,
            "cases_with_rework": self.cases_with_rework,
            "happy_path": list(self.happy_path),
            "activities": rows.where(rows.notna(), None).to_dict("records"),
        }


def rework(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    object_type: str = LINE,
) -> Rework:
    """Find repeated and skipped work in the cases of a site that began in [start, end)."""
    log = log_of_objects(log, object_type)
    graph = directly_follows_graph(log, site=site, start=start, end=end)
    ways = variants(log, top=None, site=site, start=start, end=end).top
    traces = list(zip(ways["activities"], ways["count"].tolist(), strict=True))
    path = tuple(traces[0][0]) if traces else ()
    edges = graph.edges[graph.edges["source"] == graph.edges["target"]]
    loops = edges.set_index("source")["count"]
    found = graph.activities.copy()
    found["repeats"] = found["events"] - found["cases"]
    found["self_loops"] = found["activity"].map(loops).fillna(0).astype("int64")
    found["returns"] = found["repeats"] - found["self_loops"]
    found["skipped_cases"] = found["activity"].map(_skipped(path, traces)).astype("Int64")
    return Rework(
        cases=graph.cases,
        cases_with_rework=sum(n for names, n in traces if len(set(names)) < len(names)),
        happy_path=path,
        activities=found.sort_values(
            ["repeats", "activity"], ascending=[False, True], ignore_index=True
        ),
    )


def _skipped(path: tuple[str, ...], traces: list[tuple[tuple[str, ...], int]]) -> dict[str, int]:
    """Cases by step of the path that reached a later step without it."""
    last = {activity: place for place, activity in enumerate(path)}
    skipped = dict.fromkeys(path, 0)
    for names, n in traces:
        reached = max((last[name] for name in names if name in last), default=-1)
        for activity in set(path[:reached]).difference(names):
            skipped[activity] += n
    return skipped
