"""Findings: what really happens, mined from the lake's events. Each name is imported on first use.

>>> from mining import directly_follows_graph, load, variants  # doctest: +SKIP
>>> directly_follows_graph(load("my-home")).edges.head()       # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mining.causation import Causes, causes
    from mining.changepoints import Changes, changes
    from mining.comparison import Comparison, compare
    from mining.constraints import Constraints, check_constraints, declare
    from mining.debatching import debatched
    from mining.delays import Bottlenecks, bottlenecks
    from mining.graph import DirectlyFollowsGraph, directly_follows_graph
    from mining.indicators import Kpis, kpi_trend, kpis
    from mining.judgement import Conformance, conformance
    from mining.log import EventLog, load
    from mining.maps import eventually_follows, money_waiting
    from mining.metrics import METRICS, Metric
    from mining.objects import ObjectGraph, object_centric_graph, object_types
    from mining.reconciliation import reconcile, reconcile_frames
    from mining.repetition import Rework, rework
    from mining.simulation import Simulation, WhatIf, simulate_what_if
    from mining.temporal import TemporalProfile, temporal_deviations, temporal_profile
    from mining.traces import Variants, case_durations, variants

_HOMES = {
    "Bottlenecks": "mining.delays",
    "Causes": "mining.causation",
    "Changes": "mining.changepoints",
    "Comparison": "mining.comparison",
    "Conformance": "mining.judgement",
    "Constraints": "mining.constraints",
    "DirectlyFollowsGraph": "mining.graph",
    "EventLog": "mining.log",
    "Kpis": "mining.indicators",
    "METRICS": "mining.metrics",
    "Metric": "mining.metrics",
    "ObjectGraph": "mining.objects",
    "Rework": "mining.repetition",
    "Simulation": "mining.simulation",
    "TemporalProfile": "mining.temporal",
    "Variants": "mining.traces",
    "WhatIf": "mining.simulation",
    "bottlenecks": "mining.delays",
    "case_durations": "mining.traces",
    "causes": "mining.causation",
    "changes": "mining.changepoints",
    "check_constraints": "mining.constraints",
    "compare": "mining.comparison",
    "conformance": "mining.judgement",
    "debatched": "mining.debatching",
    "declare": "mining.constraints",
    "directly_follows_graph": "mining.graph",
    "eventually_follows": "mining.maps",
    "kpi_trend": "mining.indicators",
    "kpis": "mining.indicators",
    "load": "mining.log",
    "money_waiting": "mining.maps",
    "object_centric_graph": "mining.objects",
    "object_types": "mining.objects",
    "reconcile": "mining.reconciliation",
    "reconcile_frames": "mining.reconciliation",
    "rework": "mining.repetition",
    "simulate_what_if": "mining.simulation",
    "temporal_deviations": "mining.temporal",
    "temporal_profile": "mining.temporal",
    "variants": "mining.traces",
}
__all__ = [
    "METRICS",
    "Bottlenecks",
    "Causes",
    "Changes",
    "Comparison",
    "Conformance",
    "Constraints",
    "DirectlyFollowsGraph",
    "EventLog",
    "Kpis",
    "Metric",
    "ObjectGraph",
    "Rework",
    "Simulation",
    "TemporalProfile",
    "Variants",
    "WhatIf",
    "bottlenecks",
    "case_durations",
    "causes",
    "changes",
    "check_constraints",
    "compare",
    "conformance",
    "debatched",
    "declare",
    "directly_follows_graph",
    "eventually_follows",
    "kpi_trend",
    "kpis",
    "load",
    "money_waiting",
    "object_centric_graph",
    "object_types",
    "reconcile",
    "reconcile_frames",
    "rework",
    "simulate_what_if",
    "temporal_deviations",
    "temporal_profile",
    "variants",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mining' has no attribute {name!r}")
