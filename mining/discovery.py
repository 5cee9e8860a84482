"""Process models discovered from reduced forms of a log, through pm4py: the one module with it.

pm4py gets a directly-follows graph or one trace per variant, never the log, and never inside a
request: importing it takes seconds. A discovered model changes with pm4py's version, so the version
and the parameters travel with the model.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pm4py
from pm4py.algo.conformance.alignments.petri_net.variants import state_equation_a_star
from pm4py.algo.conformance.tokenreplay.variants import token_replay
from pm4py.algo.discovery.heuristics.variants import classic as heuristics
from pm4py.objects.bpmn.exporter import exporter as bpmn_exporter
from pm4py.objects.dfg.obj import DFG

from ingestion.errors import RetraceError
from mining.alignments import fast_costs
from mining.graph import DirectlyFollowsGraph
from mining.traces import Variants

Algorithm = Literal["inductive", "heuristics"]
_MOVE = 10_000  # pm4py's cost of a move on the log or the model only
_QUIET = {"show_progress_bar": False}


class UnknownAlgorithm(RetraceError):
    """A discovery algorithm that is not offered."""


class EmptyMap(RetraceError):
    """There is nothing to discover a model from."""


@dataclass(frozen=True, slots=True)
class ProcessModel:
    """An accepting Petri net and how it came to be.

    Parameters
    ----------
    net, initial, final : pm4py Petri net and markings
    tree : pm4py process tree, or None
    """

    net: Any = field(repr=False)
    initial: Any = field(repr=False)
    final: Any = field(repr=False)
    tree: Any = field(repr=False)
    algorithm: str
    noise_threshold: float
    pm4py_version: str


@dataclass(frozen=True, slots=True)
class Fitness:
    """How well cases follow a model.

    Parameters
    ----------
    average_fitness : float
        Mean over cases, 0-1; NaN if no variant was judged in time.
    fitting_share : float
        Share of cases that follow it exactly.
    judged_share : float
        Share of cases judged before the time was up; the others are in neither figure.
    variants : frame with columns count, fitness, activities
    """

    method: str
    average_fitness: float
    fitting_share: float
    judged_share: float
    variants: pd.DataFrame = field(repr=False)


def discover(
    graph: DirectlyFollowsGraph,
    *,
    algorithm: Algorithm = "inductive",
    noise_threshold: float = 0.2,
) -> ProcessModel:
    """Discover a model from a directly-follows graph.

    Parameters
    ----------
    noise_threshold : float in [0, 1)
        Inductive miner: how much infrequent behaviour is left out.

    Raises
    ------
    EmptyMap, UnknownAlgorithm
    """
    if not graph.cases:
        raise EmptyMap("The map holds no case. Widen the slice, or load events first.")
    edges = {
        (source, target): int(count)
        for source, target, count in graph.edges[["source", "target", "count"]].values.tolist()
    }
    made_by = version("pm4py")
    if algorithm == "inductive":
        typed = DFG(edges, dict(graph.start), dict(graph.end))
        tree = pm4py.discover_process_tree_inductive(typed, noise_threshold=noise_threshold)
        net, initial, final = pm4py.convert_to_petri_net(tree)
        return ProcessModel(net, initial, final, tree, algorithm, noise_threshold, made_by)
    if algorithm == "heuristics":
        activities = dict(
            zip(graph.activities["activity"], graph.activities["events"].tolist(), strict=True)
        )
        net, initial, final = heuristics.apply_dfg(
            edges,
            activities=list(activities),
            activities_occurrences=activities,
            start_activities=dict(graph.start),
            end_activities=dict(graph.end),
        )
        return ProcessModel(net, initial, final, None, algorithm, 0.0, made_by)
    raise UnknownAlgorithm(f"There is no algorithm {algorithm!r}. Use inductive or heuristics.")


def read_process_tree(path: Path | str) -> ProcessModel:
    """Read a process tree (PTML) as a model to check conformance against."""
    tree = pm4py.read_ptml(str(path))
    net, initial, final = pm4py.convert_to_petri_net(tree)
    return ProcessModel(net, initial, final, tree, "file", 0.0, version("pm4py"))


def write_bpmn(model: ProcessModel, path: Path | str) -> None:
    """Write the model as a BPMN 2.0 file (elements without a layout: any editor lays them out)."""
    if model.tree is not None:
        diagram = pm4py.convert_to_bpmn(model.tree)
    else:
        diagram = pm4py.convert_to_bpmn(model.net, model.initial, model.final)
    bpmn_exporter.apply(diagram, str(path))


def happy_path(found: Variants) -> tuple[str, ...]:
    """The most frequent way through the process.

    Raises
    ------
    EmptyMap
    """
    if found.top.empty:
        raise EmptyMap("There is no variant to call the happy path.")
    path: tuple[str, ...] = tuple(found.top["activities"].iloc[0])
    return path


def replay(found: Variants, model: ProcessModel) -> Fitness:
    """Replay one trace per variant with tokens; ``found`` holds all variants (``top=None``)."""
    results = token_replay.apply_variants_list(
        [[list(names), int(count)] for names, count in _variants(found)],
        model.net,
        model.initial,
        model.final,
        parameters=dict(_QUIET),
    )
    fitness = [float(result["trace_fitness"]) for result in results]
    fitting = [bool(result["trace_is_fit"]) for result in results]
    return _fitness("token replay", found, fitness, fitting)


def align(
    found: Variants,
    model: ProcessModel,
    *,
    limit_s: float = 60.0,
    engine: Literal["r4pm", "pm4py"] | None = None,
) -> Fitness:
    """Align one trace per variant, the most frequent first, for at most ``limit_s`` seconds.

    Parameters
    ----------
    engine : "r4pm" or "pm4py", optional
        What aligns (default: r4pm where it is installed; the optimum is the same).
    """
    until = time.monotonic() + limit_s
    if engine is None:
        engine = "r4pm" if find_spec("r4pm") else "pm4py"
    cost = (
        fast_costs(model.net, model.initial, model.final)
        if engine == "r4pm"
        else lambda names: _cost(names, model, until - time.monotonic())
    )
    shortest = cost(()) if limit_s > 0 else None
    fitness: list[float | None] = []
    fitting: list[bool | None] = []
    for names, _ in _variants(found):
        in_time = shortest is not None and time.monotonic() < until
        needed = cost(names) if in_time else None
        if needed is None or shortest is None:
            fitness.append(None)
            fitting.append(None)
            continue
        worst = len(names) + shortest
        fitness.append(1 - needed / worst if worst else 1.0)
        fitting.append(needed == 0)
    return _fitness(f"alignments ({engine})", found, fitness, fitting)


def _variants(found: Variants) -> list[tuple[tuple[str, ...], int]]:
    return list(zip(found.top["activities"], found.top["count"], strict=True))


def _cost(names: tuple[str, ...], model: ProcessModel, limit_s: float) -> int | None:
    """Moves on the log or the model only, of the best alignment; None when time is up."""
    result = state_equation_a_star.apply_from_variant(
        names,
        model.net,
        model.initial,
        model.final,
        parameters={"max_align_time_trace": limit_s, **_QUIET},
    )
    return None if result is None else int(result["cost"]) // _MOVE


def _fitness(
    method: str,
    found: Variants,
    fitness: Sequence[float | None],
    fitting: Sequence[bool | None],
) -> Fitness:
    table = pd.DataFrame(
        {
            "count": found.top["count"].to_numpy(),
            "fitness": pd.array(list(fitness), dtype="Float64"),
            "fits": pd.array(list(fitting), dtype="boolean"),
            "activities": found.top["activities"].to_numpy(),
        }
    )
    judged = table[table["fitness"].notna()]
    cases = float(judged["count"].sum())
    mean = float((judged["fitness"] * judged["count"]).sum()) / cases if cases else float("nan")
    share = float((judged["fits"] * judged["count"]).sum()) / cases if cases else float("nan")
    return Fitness(
        method=method,
        average_fitness=mean,
        fitting_share=share,
        judged_share=cases / max(found.cases, 1),
        variants=table.drop(columns="fits"),
    )
