"""What the process map shows: activities in the order they appear, and the visible paths.

Both sliders take a prefix: the first ``n`` activities, the strongest share of paths.
A larger prefix only ever adds, so nothing jumps while a slider moves.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

START, END = -1, -2
"""Node numbers of the two markers; activities count from 0."""


@dataclass(frozen=True, slots=True)
class Step:
    """One activity: in how many cases it happened, and how often."""

    name: str
    events: int
    cases: int


@dataclass(frozen=True, slots=True)
class Path:
    """One arrow: ``count`` times ``target`` followed ``source`` directly; durations in seconds."""

    source: int
    target: int
    count: int
    mean_s: float | None = None
    p50_s: float | None = None
    p90_s: float | None = None
    p95_s: float | None = None

    @property
    def ends(self) -> tuple[int, int]:
        return self.source, self.target

    @property
    def is_marker(self) -> bool:
        """Whether the path only leaves the start or enters the end."""
        return self.source == START or self.target == END


@dataclass(frozen=True)
class ProcessGraph:
    """A directly-follows graph in drawing order.

    ``steps`` are ordered so that every prefix is connected, the most frequent first;
    ``paths`` by count descending and include those from START and to END; ``counted`` names
    what both count.
    """

    steps: tuple[Step, ...]
    paths: tuple[Path, ...]
    happy_path: tuple[int, ...] = ()
    counted: str = "case"

    @cached_property
    def number_of(self) -> dict[str, int]:
        return {step.name: number for number, step in enumerate(self.steps)}


def to_process_graph(
    activities: Iterable[Step],
    edges: Iterable[tuple[str, str, Path]],
    *,
    start: Mapping[str, int],
    end: Mapping[str, int],
    happy_path: Sequence[str] = (),
    counted: str = "case",
) -> ProcessGraph:
    """Number the activities in order of appearance and translate the edges.

    ``edges`` are (source name, target name, path); the node numbers of the given path are ignored.
    """
    edges = list(edges)
    steps = reveal_order(list(activities), [(a, b, path.count) for a, b, path in edges])
    number_of = {step.name: number for number, step in enumerate(steps)}
    paths = [
        Path(number_of[a], number_of[b], p.count, p.mean_s, p.p50_s, p.p90_s, p.p95_s)
        for a, b, p in edges
    ]
    paths += [Path(START, number_of[name], count) for name, count in start.items()]
    paths += [Path(number_of[name], END, count) for name, count in end.items()]
    happy = tuple(dict.fromkeys(number_of[name] for name in happy_path if name in number_of))
    return ProcessGraph(tuple(steps), tuple(sorted(paths, key=_strongest_first)), happy, counted)


def _strongest_first(path: Path) -> tuple[int, int, int]:
    return -path.count, path.source, path.target


def reveal_order(steps: Sequence[Step], edges: Iterable[tuple[str, str, int]]) -> list[Step]:
    """Order activities by frequency so that every prefix hangs together where the log allows it."""
    neighbours: dict[str, set[str]] = {step.name: set() for step in steps}
    for a, b, _ in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    by_frequency = sorted(steps, key=lambda step: (-step.cases, -step.events, step.name))
    rank = {step.name: place for place, step in enumerate(by_frequency)}
    ordered: list[Step] = []
    reached: set[str] = set()
    for seed in by_frequency:
        queue = [] if seed.name in reached else [rank[seed.name]]
        reached.add(seed.name)
        while queue:
            step = by_frequency[heapq.heappop(queue)]
            ordered.append(step)
            fresh = neighbours[step.name] - reached
            reached |= fresh
            for name in fresh:
                heapq.heappush(queue, rank[name])
    return ordered


def core_steps(graph: ProcessGraph) -> int:
    """How many activities are common enough to shape the map: in one case of fifty, or happy."""
    most = max((step.cases for step in graph.steps), default=0)
    common = sum(step.cases >= 0.02 * most for step in graph.steps)
    return max(common, 1 + max(graph.happy_path, default=-1))


def default_steps(graph: ProcessGraph, *, at_most: int = 24) -> int:
    """How many activities a first look shows: what is common, but not a crowd."""
    return min(len(graph.steps), max(3, min(core_steps(graph), at_most)))


def default_share(graph: ProcessGraph, steps: int, *, at_most: int = 44) -> float:
    """Share of paths a first look shows: most of the traffic, but not a crowd."""
    inside = _inside(graph, steps)
    traffic = sum(path.count for path in inside)
    seen = 0
    for place, path in enumerate(inside, start=1):
        seen += path.count
        if seen >= 0.93 * traffic or place >= at_most:
            return place / len(inside)
    return 1.0


def _inside(graph: ProcessGraph, steps: int) -> list[Path]:
    return [path for path in graph.paths if path.source < steps and path.target < steps]


def visible_paths(graph: ProcessGraph, *, steps: int, share: float) -> tuple[Path, ...]:
    """Return the strongest ``share`` of the paths between the first ``steps`` activities.

    Whatever the share, the strongest way from the start to every activity and from every
    activity to the end stays, so the map never falls apart.

    Parameters
    ----------
    share : float in [0, 1]
    """
    inside = _inside(graph, steps)
    kept = {path.ends for path in inside[: round(share * len(inside))]}
    kept |= _strongest_tree(inside, START)
    kept |= {(a, b) for b, a in _strongest_tree([_flip(path) for path in inside], END)}
    kept |= _spanning_forest(inside)
    happy = [number for number in graph.happy_path if number < steps]
    kept |= set(pairwise(happy))
    return tuple(path for path in inside if path.ends in kept)


def _flip(path: Path) -> Path:
    return Path(path.target, path.source, path.count)


def _strongest_tree(paths: Iterable[Path], root: int) -> set[tuple[int, int]]:
    """Tree of the widest directed way from ``root`` to whatever it reaches."""
    leaving: dict[int, list[Path]] = {}
    for path in paths:
        leaving.setdefault(path.source, []).append(path)
    tree: set[tuple[int, int]] = set()
    reached: set[int] = set()
    queue = [(0, root, root)]
    while queue:
        _, source, number = heapq.heappop(queue)
        if number in reached:
            continue
        reached.add(number)
        if source != number:
            tree.add((source, number))
        for path in leaving.get(number, []):
            if path.target not in reached:
                heapq.heappush(queue, (-path.count, number, path.target))
    return tree


def _spanning_forest(paths: Iterable[Path]) -> set[tuple[int, int]]:
    """Strongest paths that join all activities, whatever their direction."""
    group: dict[int, int] = {}

    def root(number: int) -> int:
        while group.setdefault(number, number) != number:
            number = group[number]
        return number

    forest: set[tuple[int, int]] = set()
    for path in paths:
        a, b = root(path.source), root(path.target)
        if a != b:
            group[a] = b
            forest.add(path.ends)
    return forest
