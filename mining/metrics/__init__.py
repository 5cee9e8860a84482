"""The metric registry: each metric's meaning stands beside the code that observes it."""

from collections.abc import Sequence
from difflib import get_close_matches

from ingestion.errors import RetraceError
from mining.metrics import (
    claims,
    clocks,
    dwell,
    exceptions,
    integration,
    money,
    quality,
    shipping,
)
from mining.metrics.metric import FIGURES, Metric

GROUPS: dict[str, tuple[Metric, ...]] = {
    "Time": clocks.METRICS,
    "Waiting and work by stage": dwell.METRICS,
    "Quality": quality.METRICS,
    "Exceptions and reconciliation": exceptions.METRICS,
    "Money": money.METRICS,
    "Supplier recovery": claims.METRICS,
    "Integration": integration.METRICS,
    "Demand": shipping.METRICS,
}
METRICS: tuple[Metric, ...] = tuple(metric for group in GROUPS.values() for metric in group)


class UnknownMetric(RetraceError):
    """A KPI id that is not in the registry."""

    def __init__(self, name: str) -> None:
        self.name = name
        near = get_close_matches(name, [metric.id for metric in METRICS], n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        super().__init__(f"There is no KPI {name!r}. {hint}See: retrace mine kpis --list")


def chosen_metrics(ids: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics of these ids, in this order; all of them for none.

    Raises
    ------
    UnknownMetric
    """
    known = {metric.id: metric for metric in METRICS}
    for id in ids:
        if id not in known:
            raise UnknownMetric(id)
    return tuple(known[id] for id in ids) if ids else METRICS


__all__ = ["FIGURES", "GROUPS", "METRICS", "Metric", "UnknownMetric", "chosen_metrics"]
