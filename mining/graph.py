"""The directly-follows graph of a slice, with exact statistics of every arrow."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mining.engine import fetch_frame
from mining.log import EventLog, Moment
from mining.objects import LINE, log_of_objects

_EDGE_COLUMNS = (
    *("source", "target", "count", "mean_s", "p50_s", "p90_s", "p95_s", "business_p50_s"),
    *("min_s", "max_s", "sum_s", "stdev_s"),
)


@dataclass(frozen=True, slots=True)
class DirectlyFollowsGraph:
    """Which activity followed which, how often, and how long it took.

    Parameters
    ----------
    activities : frame with columns activity, events, cases, rework_cases
        By events descending, then name; rework_cases had the activity more than once.
    edges : frame with columns source, target, count, mean_s, p50_s, p90_s, p95_s,
        business_p50_s, min_s, max_s, sum_s, stdev_s
        By count descending, then source and target; seconds; quantiles exact (linear
        interpolation); business_p50_s null without a calendar; stdev_s null where count is 1.
    start, end : dict
        Activity to number of cases that begin (end) with it.
    cases_with_ties : int
        Cases in which two neighbouring events share their time, so that their order rests on the
        producer's sequence.
    """

    cases: int
    events: int
    activities: pd.DataFrame = field(repr=False)
    edges: pd.DataFrame = field(repr=False)
    start: dict[str, int]
    end: dict[str, int]
    cases_with_ties: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine dfg``."""
        edges = self.edges.iloc[:, :8].astype(object)
        edges = edges.where(edges.notna(), None)
        return {
            "cases": self.cases,
            "events": self.events,
            "activities": self.activities[["activity", "events", "cases"]].to_dict("records"),
            "edges": edges.to_dict("records"),
            "start": self.start,
            "end": self.end,
            "cases_with_ties": self.cases_with_ties,
        }


def directly_follows_graph(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    object_type: str = LINE,
) -> DirectlyFollowsGraph:
    """Mine the directly-follows graph of the cases of a site that began in [start, end).

    Parameters
    ----------
    log : EventLog
        From ``load``.
    site : str, optional
        Where the case was received (else the first site its events name).
    start, end : moment, optional
        The first event of a case lies in [start, end).
    object_type : str
        What a case is: ``line``, or a type of ``object_types`` such as rma, unit or order.

    Returns
    -------
    DirectlyFollowsGraph

    Raises
    ------
    UnknownSite, UnknownObjectType, BadMoment
    """
    log = log_of_objects(log, object_type)
    where = log.slice(site=site, start=start, end=end)
    totals = log.engine.fetch("selected_cases", **where).to_pylist()[0]
    starts, ends = _endpoints(log, where)
    return DirectlyFollowsGraph(
        cases=int(totals["cases"]),
        events=int(totals["events"]),
        activities=_activities(log, where),
        edges=_edges(log, where),
        start=starts,
        end=ends,
        cases_with_ties=int(totals["cases_with_ties"]),
    )


def _edges(log: EventLog, where: dict[str, int]) -> pd.DataFrame:
    edges = fetch_frame(log.engine, "edges", **where)
    edges["source"] = edges["source"].map(log.activities).astype(object)
    edges["target"] = edges["target"].map(log.activities).astype(object)
    edges = edges.rename(columns={"n": "count"}).sort_values(
        ["count", "source", "target"], ascending=[False, True, True], ignore_index=True
    )
    return edges[list(_EDGE_COLUMNS)]


def _activities(log: EventLog, where: dict[str, int]) -> pd.DataFrame:
    log.engine.create("variant_counts", "variant_counts", **where)
    counts = fetch_frame(log.engine, "activity_counts", **where)
    log.engine.drop("variant_counts")
    counts.insert(0, "activity", counts.pop("source").map(log.activities).astype(object))
    numbers = ["events", "cases", "rework_cases"]
    counts[numbers] = counts[numbers].astype("int64")
    return counts.sort_values(["events", "activity"], ascending=[False, True], ignore_index=True)


def _endpoints(log: EventLog, where: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    pairs = fetch_frame(log.engine, "endpoints", **where)
    found = []
    for column in ("start_no", "end_no"):
        counts = pairs.groupby(column, as_index=False)["n"].sum()
        named = [
            (log.activities[int(number)], int(n))
            for number, n in zip(counts[column], counts["n"], strict=True)
        ]
        found.append(dict(sorted(named, key=lambda pair: (-pair[1], pair[0]))))
    return found[0], found[1]
