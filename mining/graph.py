"""The directly-follows graph of a slice, with exact statistics of every arrow."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mining.figures import Columns, slice_figures
from mining.log import EventLog, Moment
from mining.objects import LINE, log_of_objects

_EDGE_COLUMNS = (
    *("source", "target", "count", "mean_s", "p50_s", "p90_s", "p95_s", "business_p50_s"),
    *("business_p90_s", "business_p95_s", "min_s", "max_s", "sum_s", "stdev_s"),
)


@dataclass(frozen=True, slots=True)
class DirectlyFollowsGraph:
    """Which activity followed which, how often, and how long it took.

    Parameters
    ----------
    activities : frame with columns activity, events, cases, rework_cases
        By events descending, then name; rework_cases had the activity more than once.
    edges : frame with columns source, target, count, mean_s, p50_s, p90_s, p95_s,
        business_p50_s, business_p90_s, business_p95_s, min_s, max_s, sum_s, stdev_s
        By count descending, then source and target; seconds; quantiles exact (linear
        interpolation); business quantiles null without a calendar; stdev_s null where count is 1.
    start, end : dict
        Activity to number of cases that begin (end) with it.
    cases_with_ties : int
        Cases in which two neighbouring events share their time, so that their order rests on the
        producer's sequence.
    warnings : tuple of str
        Where shared events inflate the figures of an object type.
    """

    cases: int
    events: int
    activities: pd.DataFrame = field(repr=False)
    edges: pd.DataFrame = field(repr=False)
    start: dict[str, int]
    end: dict[str, int]
    cases_with_ties: int
    warnings: tuple[str, ...] = ()

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
    figures = slice_figures(log, log.slice(site=site, start=start, end=end))
    starts, ends = _endpoints(log, figures.endpoints)
    return DirectlyFollowsGraph(
        cases=figures.cases,
        events=figures.events,
        activities=_activities(log, figures.activities),
        edges=_edges(log, figures.edges),
        start=starts,
        end=ends,
        cases_with_ties=figures.cases_with_ties,
        warnings=log.warnings,
    )


def _edges(log: EventLog, columns: Columns) -> pd.DataFrame:
    order = np.lexsort((log.rank(columns["target"]), log.rank(columns["source"]), -columns["n"]))
    ordered = {name: column[order] for name, column in columns.items()}
    ends = {end: log.names(ordered[end]) for end in ("source", "target")}
    edges = {**ordered, **ends, "count": ordered["n"]}
    return pd.DataFrame({name: edges[name] for name in _EDGE_COLUMNS})


def _activities(log: EventLog, columns: Columns) -> pd.DataFrame:
    counts = {name: columns[name].astype("int64") for name in ("events", "cases", "rework_cases")}
    order = np.lexsort((log.rank(columns["source"]), -counts["events"]))
    ordered = {name: column[order] for name, column in counts.items()}
    return pd.DataFrame({"activity": log.names(columns["source"][order]), **ordered})


def _endpoints(log: EventLog, pairs: Columns) -> tuple[dict[str, int], dict[str, int]]:
    found = []
    for column in ("start_no", "end_no"):
        counts: Counter[str] = Counter()
        for number, n in zip(pairs[column].tolist(), pairs["n"].tolist(), strict=True):
            counts[log.activities[number]] += n
        found.append(dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))))
    return found[0], found[1]
