"""Difference maps: where two slices, or two moments of knowledge, took other ways or longer."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from mining.graph import DirectlyFollowsGraph

_COMPARED = ("count", "p50_s", "p90_s")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two maps arrow by arrow.

    Parameters
    ----------
    cases, against_cases : int
    edges : frame with columns source, target, count, against_count, share, against_share,
        share_change, p50_s, against_p50_s, p50_change_s, p90_s, against_p90_s, p90_change_s
        ``share`` is walks per case, so that slices of other sizes compare; a quantile and its
        change are null where one map has no such arrow. By size of the change in share.
    """

    cases: int
    against_cases: int
    edges: pd.DataFrame = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine compare``."""
        edges = self.edges.astype(object)
        return {
            "cases": self.cases,
            "against_cases": self.against_cases,
            "edges": edges.where(edges.notna(), None).to_dict("records"),
        }


def compare(graph: DirectlyFollowsGraph, against: DirectlyFollowsGraph) -> Comparison:
    """Compare two maps, arrow by arrow.

    >>> from mining import directly_follows_graph, load                  # doctest: +SKIP
    >>> log = load("my-home")                                            # doctest: +SKIP
    >>> compare(directly_follows_graph(log, site="DC5"),
    ...         directly_follows_graph(log, site="DC1")).edges.head()    # doctest: +SKIP
    """
    keys = ["source", "target"]
    columns = [*keys, *_COMPARED]
    edges = graph.edges[columns].merge(
        against.edges[columns].rename(columns={name: f"against_{name}" for name in _COMPARED}),
        on=keys,
        how="outer",
    )
    for name, cases in (("", graph.cases), ("against_", against.cases)):
        edges[f"{name}count"] = edges[f"{name}count"].fillna(0).astype("int64")
        edges[f"{name}share"] = edges[f"{name}count"] / max(cases, 1)
    edges["share_change"] = edges["share"] - edges["against_share"]
    for quantile in ("p50", "p90"):
        edges[f"{quantile}_change_s"] = edges[f"{quantile}_s"] - edges[f"against_{quantile}_s"]
    edges["size"] = edges["share_change"].abs()
    edges = edges.sort_values(["size", *keys], ascending=[False, True, True], ignore_index=True)
    ordered = [*keys, "count", "against_count", "share", "against_share", "share_change"]
    for quantile in ("p50", "p90"):
        ordered += [f"{quantile}_s", f"against_{quantile}_s", f"{quantile}_change_s"]
    return Comparison(graph.cases, against.cases, edges[ordered])


def period_before(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The period before [start, end): as many calendar months if it is whole months, else as long.

    >>> period_before(datetime(2026, 3, 1), datetime(2026, 4, 1))[0]
    datetime.datetime(2026, 2, 1, 0, 0)
    """
    months = (end.year - start.year) * 12 + end.month - start.month
    if months > 0 and _begins_a_month(start) and _begins_a_month(end):
        number = start.year * 12 + start.month - 1 - months
        return start.replace(year=number // 12, month=number % 12 + 1), start
    return start - (end - start), start


def _begins_a_month(moment: datetime) -> bool:
    return moment == moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
