"""Where an activity stands: its layer (top to bottom) and its lane (left to right).

A layered layout after Sugiyama in three steps: an order that leaves little traffic running
backwards, layers by the longest chain of strong paths, lanes by local search over crossings
and lengths. It is deterministic, and computed once from the whole log: sliders and filters
show and hide, they never move anything.

Source: Eades, Lin, Smyth (1993), Information Processing Letters 47(6), for the order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.charts.map_graph import ProcessGraph

Weights = dict[tuple[int, int], float]
STRONG_SHARE = 0.05
DEPENDENCY = 0.5


@dataclass(frozen=True)
class Place:
    """Grid cell of one activity; the happy path keeps to lane 0 where it can."""

    layer: int
    lane: int


def place_steps(graph: ProcessGraph, *, core: int) -> dict[int, Place]:
    """Give every activity its own cell; layers are made by the first ``core`` activities only.

    The rest joins the layers there are, in outer lanes, so that rare activities
    do not stretch the map everybody looks at.
    """
    weights: Weights = {
        path.ends: float(path.count)
        for path in graph.paths
        if not path.is_marker and path.source != path.target
    }
    inner = range(min(core, len(graph.steps)))
    order = flow_order(inner, _inside(weights, inner), graph.happy_path)
    layer_of = core_layers(order, _inside(weights, inner))
    for number in range(len(inner), len(graph.steps)):
        layer_of[number] = _joining_layer(number, layer_of, weights)
    most = max((step.cases for step in graph.steps), default=1) or 1
    mass = [step.cases / most for step in graph.steps]
    lane_of = assign_lanes(layer_of, weights, happy_path=graph.happy_path, mass=mass)
    return {number: Place(layer_of[number], lane_of[number]) for number in sorted(layer_of)}


def _inside(weights: Weights, numbers: Iterable[int]) -> Weights:
    known = set(numbers)
    return {ends: w for ends, w in weights.items() if known.issuperset(ends)}


def flow_order(numbers: Sequence[int], weights: Weights, happy_path: Sequence[int]) -> list[int]:
    """Order activities so that little traffic runs backwards; the happy path runs forwards."""
    pull: Weights = defaultdict(float, weights)
    bonus = 1.0 + sum(weights.values())
    happy = [number for number in happy_path if number in set(numbers)]
    for place, a in enumerate(happy):
        for b in happy[place + 1 :]:
            pull[a, b] += bonus
    matrix = np.zeros((len(numbers), len(numbers)))
    index = {number: place for place, number in enumerate(numbers)}
    for (a, b), weight in pull.items():
        matrix[index[a], index[b]] += weight
    order = _greedy_order(matrix)
    return [numbers[place] for place in _sift(order, matrix)]


def _greedy_order(matrix: np.ndarray) -> list[int]:
    """Take sources to the front, sinks to the back, else whoever sends most and gets least."""
    left = list(range(len(matrix)))
    front: list[int] = []
    back: list[int] = []
    while left:
        part = matrix[np.ix_(left, left)]
        out, into = part.sum(axis=1), part.sum(axis=0)
        if (out == 0).any() and (into > 0).any():
            back.append(left.pop(int(np.flatnonzero(out == 0)[-1])))
            continue
        surplus = np.where(into == 0, np.inf, (out - into) / (out + into + 1.0))
        front.append(left.pop(int(surplus.argmax())))
    return front + back[::-1]


def _sift(order: list[int], matrix: np.ndarray, *, rounds: int = 4) -> list[int]:
    """Move single activities to where the least traffic runs backwards, until none wants to."""
    for _ in range(rounds):
        moved = False
        for number in sorted(order):
            rest = [other for other in order if other != number]
            forth = matrix[number, rest] - matrix[rest, number]
            gain = np.concatenate([[0.0], np.cumsum(-forth)])
            here = order.index(number)
            best = int(gain.argmax())
            if gain[best] > gain[here] + 1e-9:
                order = [*rest[:best], number, *rest[best:]]
                moved = True
        if not moved:
            break
    return order


def core_layers(order: Sequence[int], weights: Weights) -> dict[int, int]:
    """Layer activities by the longest chain of strong forward paths, then shorten the paths.

    Two activities that follow each other about equally often, in both orders, are parallel:
    neither is put below the other.
    """
    place_of = {number: place for place, number in enumerate(order)}
    sent, got = _totals(weights)
    strong = {
        (a, b)
        for (a, b), weight in weights.items()
        if place_of[a] < place_of[b]
        and weight >= STRONG_SHARE * min(sent[a], got[b])
        and weight - weights.get((b, a), 0.0) >= DEPENDENCY * (weight + weights.get((b, a), 0.0))
    }
    layer_of = {number: 0 for number in order}
    for b in order:
        layer_of[b] = max((layer_of[a] + 1 for a, c in strong if c == b), default=0)
    return _tighten(order, layer_of, strong, weights)


def _totals(weights: Weights) -> tuple[dict[int, float], dict[int, float]]:
    sent: dict[int, float] = defaultdict(float)
    got: dict[int, float] = defaultdict(float)
    for (a, b), weight in weights.items():
        sent[a] += weight
        got[b] += weight
    return sent, got


def _tighten(
    order: Sequence[int], layer_of: dict[int, int], strong: set[tuple[int, int]], weights: Weights
) -> dict[int, int]:
    """Let each activity sink towards those it is tied to, as far as its strong paths allow."""
    deepest = max(layer_of.values(), default=0)
    for _ in range(4):
        for number in reversed(order):
            low = max((layer_of[a] + 1 for a, b in strong if b == number), default=0)
            high = min((layer_of[b] - 1 for a, b in strong if a == number), default=deepest)
            if low > high:
                continue
            layer_of[number] = min(max(_centre(number, layer_of, weights), low), high)
    used = {layer: place for place, layer in enumerate(sorted(set(layer_of.values())))}
    return {number: used[layer] for number, layer in layer_of.items()}


def _centre(number: int, layer_of: dict[int, int], weights: Weights) -> int:
    """Layer that makes the weighted sum of path lengths smallest (a path wants length one)."""
    wishes = [
        (layer_of[b] - 1, w) for (a, b), w in weights.items() if a == number and b in layer_of
    ]
    wishes += [
        (layer_of[a] + 1, w) for (a, b), w in weights.items() if b == number and a in layer_of
    ]
    if not wishes:
        return layer_of.get(number, 0)
    half = sum(weight for _, weight in wishes) / 2
    seen = 0.0
    for layer, weight in sorted(wishes):
        seen += weight
        if seen >= half:
            return layer
    raise AssertionError("the weighted median lies inside the list")


def _joining_layer(number: int, layer_of: dict[int, int], weights: Weights) -> int:
    deepest = max(layer_of.values(), default=0)
    return min(max(_centre(number, layer_of, weights), 0), deepest)


def assign_lanes(
    layer_of: dict[int, int],
    weights: Weights,
    *,
    happy_path: Sequence[int],
    mass: Sequence[float],
) -> dict[int, int]:
    """Spread each layer over lanes: happy path in lane 0, the others where paths stay short.

    ``mass`` is each activity's share of cases; the heavier, the closer to the middle.
    """
    lane_of: dict[int, int] = {}
    taken: set[tuple[int, int]] = set()
    happy = set(happy_path)
    for number in sorted(layer_of, key=lambda n: (n not in happy, n)):
        layer = layer_of[number]
        free = [lane for lane in _outwards(len(layer_of)) if (layer, lane) not in taken]
        if number not in happy and happy:
            free = [lane for lane in free if lane != 0]
        wish = _mean_lane(number, lane_of, weights)
        lane = min(free, key=lambda lane: (abs(lane - wish) + 0.6 * abs(lane), abs(lane), -lane))
        lane_of[number] = lane
        taken.add((layer, lane))
    drawing = _Drawing(layer_of, weights, mass)
    return _improve(drawing, layer_of, lane_of, happy)


def _outwards(count: int) -> list[int]:
    return sorted(range(-count, count + 1), key=lambda lane: (abs(lane), -lane))


def _mean_lane(number: int, lane_of: dict[int, int], weights: Weights) -> float:
    pulls = [
        (lane_of[a if b == number else b], weight)
        for (a, b), weight in weights.items()
        if number in (a, b) and (a if b == number else b) in lane_of
    ]
    total = sum(weight for _, weight in pulls)
    return sum(lane * weight for lane, weight in pulls) / total if total else 0.0


def _improve(
    drawing: _Drawing, layer_of: dict[int, int], lane_of: dict[int, int], happy: set[int]
) -> dict[int, int]:
    """Move or swap inside layers while crossings and lengths get smaller."""
    lanes = np.array([lane_of[number] for number in range(len(lane_of))], dtype=float)
    cost = drawing.cost(lanes)
    for _ in range(3):
        before = cost
        for number in sorted(set(lane_of) - happy):
            for trial in _moves(number, lanes, layer_of, happy):
                trial_cost = drawing.cost(trial)
                if trial_cost < cost - 1e-9:
                    lanes, cost = trial, trial_cost
        if cost == before:
            break
    return {number: int(lane) for number, lane in enumerate(lanes)}


def _moves(
    number: int, lanes: np.ndarray, layer_of: dict[int, int], happy: set[int]
) -> Iterable[np.ndarray]:
    """Every picture in which ``number`` takes another lane, swapping with whoever is there."""
    mates = [n for n, layer in layer_of.items() if layer == layer_of[number] and n != number]
    reach = 1 + int(max(abs(lanes[n]) for n in [number, *mates]))
    here = lanes[number]
    for lane in _outwards(reach):
        mate = next((n for n in mates if lanes[n] == lane), None)
        if lane == here or mate in happy or (lane == 0 and happy):
            continue
        trial = lanes.copy()
        trial[number] = lane
        if mate is not None:
            trial[mate] = here
        yield trial


class _Drawing:
    """The straight-line picture of the strongest paths: what an arrangement of lanes costs."""

    def __init__(
        self, layer_of: dict[int, int], weights: Weights, mass: Sequence[float], *, most: int = 80
    ) -> None:
        self._mass = 0.03 + 0.4 * np.asarray(mass, dtype=float)
        ranked = sorted(weights, key=lambda ends: (-weights[ends], ends))[:most]
        ends = np.array(ranked, dtype=int).reshape(-1, 2)
        layers = np.array([layer_of[number] for number in range(len(layer_of))], dtype=float)
        downwards = layers[ends[:, 0]] <= layers[ends[:, 1]]
        self._upper = np.where(downwards, ends[:, 0], ends[:, 1])
        self._lower = np.where(downwards, ends[:, 1], ends[:, 0])
        heaviest = max(weights.values(), default=1.0)
        self._weight = np.sqrt([weights[pair] / heaviest for pair in ranked])
        top, bottom = layers[self._upper], layers[self._lower]
        self._span = np.maximum(bottom - top, 1.0)
        self._from = np.maximum(top[:, None], top[None, :])
        self._to = np.minimum(bottom[:, None], bottom[None, :])
        self._top = top
        self._pair = np.triu(np.outer(self._weight, self._weight), 1)

    def cost(self, lanes: np.ndarray) -> float:
        start, slope = lanes[self._upper], (lanes[self._lower] - lanes[self._upper]) / self._span
        at = start - slope * self._top
        above = (at[:, None] - at[None, :]) + (slope[:, None] - slope[None, :]) * self._from
        below = (at[:, None] - at[None, :]) + (slope[:, None] - slope[None, :]) * self._to
        crossing = (self._from < self._to) & (above * below < 0)
        lengths = float((self._weight * np.abs(slope * self._span)).sum())
        crowd = float((self._mass * np.abs(lanes)).sum())
        return lengths + 2.0 * float(self._pair[crossing].sum()) + crowd
