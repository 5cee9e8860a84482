"""Findings: what really happens, mined from the lake's events. Each name is imported on first use.

>>> from mining import directly_follows_graph, load, variants  # doctest: +SKIP
>>> directly_follows_graph(load("my-home")).edges.head()       # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mining.causation import Causes, causes
    from mining.delays import Bottlenecks, bottlenecks
    from mining.graph import DirectlyFollowsGraph, directly_follows_graph
    from mining.indicators import INDICATORS, Indicator, Kpis, kpi_trend, kpis
    from mining.judgement import Conformance, conformance
    from mining.log import EventLog, load
    from mining.objects import ObjectGraph, object_centric_graph, object_types
    from mining.reconciliation import reconcile, reconcile_frames
    from mining.traces import Variants, case_durations, variants

_HOMES = {
    "INDICATORS": "mining.indicators",
    "Bottlenecks": "mining.delays",
    "Causes": "mining.causation",
    "Conformance": "mining.judgement",
    "DirectlyFollowsGraph": "mining.graph",
    "EventLog": "mining.log",
    "Indicator": "mining.indicators",
    "Kpis": "mining.indicators",
    "ObjectGraph": "mining.objects",
    "Variants": "mining.traces",
    "bottlenecks": "mining.delays",
    "case_durations": "mining.traces",
    "causes": "mining.causation",
    "conformance": "mining.judgement",
    "directly_follows_graph": "mining.graph",
    "kpi_trend": "mining.indicators",
    "kpis": "mining.indicators",
    "load": "mining.log",
    "object_centric_graph": "mining.objects",
    "object_types": "mining.objects",
    "reconcile": "mining.reconciliation",
    "reconcile_frames": "mining.reconciliation",
    "variants": "mining.traces",
}
__all__ = [
    "INDICATORS",
    "Bottlenecks",
    "Causes",
    "Conformance",
    "DirectlyFollowsGraph",
    "EventLog",
    "Indicator",
    "Kpis",
    "ObjectGraph",
    "Variants",
    "bottlenecks",
    "case_durations",
    "causes",
    "conformance",
    "directly_follows_graph",
    "kpi_trend",
    "kpis",
    "load",
    "object_centric_graph",
    "object_types",
    "reconcile",
    "reconcile_frames",
    "variants",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mining' has no attribute {name!r}")
