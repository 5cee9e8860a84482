"""Findings: what really happens, mined from the lake's events. Each name is imported on first use.

>>> from mining import directly_follows_graph, load, variants  # doctest: +SKIP
>>> directly_follows_graph(load("my-home")).edges.head()       # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mining.causation import Causes, causes
    from mining.declare import Constraints, check, declare
    from mining.delays import Bottlenecks, bottlenecks
    from mining.graph import DirectlyFollowsGraph, directly_follows_graph
    from mining.indicators import Kpis, kpi_trend, kpis
    from mining.judgement import Conformance, conformance
    from mining.log import EventLog, load
    from mining.metrics import METRICS, Metric
    from mining.objects import ObjectGraph, object_centric_graph, object_types
    from mining.reconciliation import reconcile, reconcile_frames
    from mining.temporal import TemporalProfile, temporal_deviations, temporal_profile
    from mining.traces import Variants, case_durations, variants

_HOMES = {
    "Bottlenecks": "mining.delays",
    "Causes": "mining.causation",
    "Conformance": "mining.judgement",
    "Constraints": "mining.declare",
    "DirectlyFollowsGraph": "mining.graph",
    "EventLog": "mining.log",
    "Kpis": "mining.indicators",
    "METRICS": "mining.metrics",
    "Metric": "mining.metrics",
    "ObjectGraph": "mining.objects",
    "TemporalProfile": "mining.temporal",
    "Variants": "mining.traces",
    "bottlenecks": "mining.delays",
    "case_durations": "mining.traces",
    "causes": "mining.causation",
    "check": "mining.declare",
    "conformance": "mining.judgement",
    "declare": "mining.declare",
    "directly_follows_graph": "mining.graph",
    "kpi_trend": "mining.indicators",
    "kpis": "mining.indicators",
    "load": "mining.log",
    "object_centric_graph": "mining.objects",
    "object_types": "mining.objects",
    "reconcile": "mining.reconciliation",
    "reconcile_frames": "mining.reconciliation",
    "temporal_deviations": "mining.temporal",
    "temporal_profile": "mining.temporal",
    "variants": "mining.traces",
}
__all__ = [
    "METRICS",
    "Bottlenecks",
    "Causes",
    "Conformance",
    "Constraints",
    "DirectlyFollowsGraph",
    "EventLog",
    "Kpis",
    "Metric",
    "ObjectGraph",
    "TemporalProfile",
    "Variants",
    "bottlenecks",
    "case_durations",
    "causes",
    "check",
    "conformance",
    "declare",
    "directly_follows_graph",
    "kpi_trend",
    "kpis",
    "load",
    "object_centric_graph",
    "object_types",
    "reconcile",
    "reconcile_frames",
    "temporal_deviations",
    "temporal_profile",
    "variants",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mining' has no attribute {name!r}")
