"""Findings: what really happens, mined from the lake's events.

>>> from mining import directly_follows_graph, load, variants  # doctest: +SKIP
>>> directly_follows_graph(load("my-home")).edges.head()       # doctest: +SKIP
"""

from mining.causation import Causes, causes
from mining.delays import Bottlenecks, bottlenecks
from mining.graph import DirectlyFollowsGraph, directly_follows_graph
from mining.indicators import INDICATORS, Indicator, Kpis, kpi_trend, kpis
from mining.judgement import Conformance, conformance
from mining.log import EventLog, load
from mining.objects import ObjectGraph, object_centric_graph, object_types
from mining.reconciliation import reconcile, reconcile_frames
from mining.traces import Variants, case_durations, variants

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
