"""Geometry of the process map: boxes on a grid, smooth routes between them.

Boxes never move (they come from :mod:`dashboard.charts.map_layers`); routes run through the
gaps between boxes and never touch one.  Downward routes leave a box at its foot and enter the
next at its head; upward ones (repeats, reopenings) leave and enter at the side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dashboard.charts.map_graph import END, START, Path
from dashboard.charts.map_layers import Place

Point = tuple[float, float]
BOX_WIDTH, BOX_HEIGHT = 184.0, 46.0
LANE_PITCH, LAYER_PITCH = 258.0, 84.0
MARKER = 13.0
TRACK = 9.0
TRACKS = 3


@dataclass(frozen=True)
class Box:
    """A rectangle by its centre; ``number`` is the activity, START or END."""

    number: int
    x: float
    y: float
    width: float = BOX_WIDTH
    height: float = BOX_HEIGHT

    def touches(self, other: Box) -> bool:
        return (
            abs(self.x - other.x) < (self.width + other.width) / 2
            and abs(self.y - other.y) < (self.height + other.height) / 2
        )

    def holds(self, point: Point, *, margin: float = 0.0) -> bool:
        return (
            abs(point[0] - self.x) < self.width / 2 - margin
            and abs(point[1] - self.y) < self.height / 2 - margin
        )


@dataclass(frozen=True)
class Route:
    """One drawn path: cubic curve ``points`` (1 + 3 k of them) and where a label may stand."""

    path: Path
    kind: str
    points: tuple[Point, ...]

    def at(self, segment: int, t: float) -> Point:
        """Point of the ``segment``-th cubic piece at ``t`` in [0, 1]."""
        a, b, c, d = self.points[3 * segment : 3 * segment + 4]
        u = 1 - t
        k = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
        return (
            k[0] * a[0] + k[1] * b[0] + k[2] * c[0] + k[3] * d[0],
            k[0] * a[1] + k[1] * b[1] + k[2] * c[1] + k[3] * d[1],
        )

    @property
    def segments(self) -> int:
        return (len(self.points) - 1) // 3


@dataclass(frozen=True)
class MapLayout:
    """Boxes by number and routes in drawing order, in pixels."""

    boxes: Mapping[int, Box]
    routes: tuple[Route, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, width, height of everything drawn."""
        xs = [b.x + side * b.width / 2 for b in self.boxes.values() for side in (-1, 1)]
        ys = [b.y + side * b.height / 2 for b in self.boxes.values() for side in (-1, 1)]
        for route in self.routes:
            xs += [x for x, _ in route.points]
            ys += [y for _, y in route.points]
        if not xs:
            return 0.0, 0.0, 1.0, 1.0
        pad = 28.0
        left, top = min(xs) - pad, min(ys) - pad
        return left, top, max(xs) + pad - left, max(ys) + pad - top


def layout_map(
    places: Mapping[int, Place], shown: Sequence[int], paths: Sequence[Path]
) -> MapLayout:
    """Place the shown activities and route the visible paths, strongest first."""
    boxes = {n: Box(n, *_centre(places[n])) for n in shown}
    deepest = max((place.layer for place in places.values()), default=0)
    layer_of = {n: places[n].layer for n in shown} | {START: -1, END: deepest + 1}
    for number in (START, END):
        y = layer_of[number] * LAYER_PITCH + (18 if number == START else -18)
        boxes[number] = Box(number, 0.0, y, 2 * MARKER, 2 * MARKER)
    router = _Router(boxes, layer_of)
    ranked = sorted(paths, key=lambda path: (-path.count, path.source, path.target))
    return MapLayout(boxes, tuple(router.route(path) for path in ranked))


def _centre(place: Place) -> Point:
    return place.lane * LANE_PITCH, place.layer * LAYER_PITCH


@dataclass
class _Router:
    """Finds a way through the gaps of each layer; knows which tracks are already used."""

    boxes: Mapping[int, Box]
    layer_of: Mapping[int, int]
    _used: dict[tuple[int, float], set[int]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        reach = max((abs(box.x) for box in self.boxes.values()), default=0.0) + LANE_PITCH / 2
        half = LANE_PITCH / 2
        self._columns = (
            np.arange(-reach, reach + 1, half) if reach else np.array([-half, 0.0, half])
        )
        self._blocked = {(self.layer_of[n], round(box.x / half)) for n, box in self.boxes.items()}

    def route(self, path: Path) -> Route:
        a, b = self.boxes[path.source], self.boxes[path.target]
        up = self.layer_of[path.source], self.layer_of[path.target]
        if path.source == path.target:
            return Route(path, "loop", _loop(a))
        if up[0] == up[1]:
            return Route(path, "level", _level(a, b))
        if up[0] < up[1]:
            return Route(path, "down", self._down(a, b, *up))
        return Route(path, "back", self._back(a, b, *up))

    def _down(self, a: Box, b: Box, first: int, last: int) -> tuple[Point, ...]:
        xs = self._way(a.x, b.x, range(first + 1, last), free_ends=True)
        after, before = (xs[0] if xs else b.x), (xs[-1] if xs else a.x)
        start = (_port(a, after), a.y + a.height / 2)
        stop = (_port(b, before), b.y - b.height / 2)
        points = [start]
        for layer, x in zip(range(first + 1, last), xs, strict=True):
            middle = layer * LAYER_PITCH
            _drop(points, (x, middle - BOX_HEIGHT / 2))
            _straight(points, (x, middle + BOX_HEIGHT / 2))
        _drop(points, stop)
        return tuple(points)

    def _back(self, a: Box, b: Box, first: int, last: int) -> tuple[Point, ...]:
        layers = range(first, last - 1, -1)
        xs = self._way(a.x, b.x, layers, free_ends=False)
        points = [(a.x + _side(a, xs[0]), a.y)]
        _turn(points, (xs[0], a.y - BOX_HEIGHT / 2), outwards=True)
        for layer, x in zip(layers[1:-1], xs[1:-1], strict=True):
            middle = layer * LAYER_PITCH
            _drop(points, (x, middle + BOX_HEIGHT / 2))
            _straight(points, (x, middle - BOX_HEIGHT / 2))
        _drop(points, (xs[-1], b.y + BOX_HEIGHT / 2))
        _turn(points, (b.x + _side(b, xs[-1]), b.y), outwards=False)
        return tuple(points)

    def _way(self, x0: float, x1: float, layers: range, *, free_ends: bool) -> list[float]:
        """Cheapest column per layer (dynamic programming), then a free track beside it."""
        if not layers:
            return []
        costs = np.array([self._column_costs(layer) for layer in layers])
        line = np.linspace(x0, x1, len(layers) + 2)[1:-1] if free_ends else None
        if line is not None:
            costs += 0.1 * np.abs(self._columns[None, :] - line[:, None])
        else:
            costs[0, np.abs(np.abs(self._columns - x0) - LANE_PITCH / 2) > 1] = np.inf
            costs[-1, np.abs(np.abs(self._columns - x1) - LANE_PITCH / 2) > 1] = np.inf
            costs += 0.05 * np.abs(self._columns)[None, :]
        costs[0] += np.abs(self._columns - x0) * (1.0 if free_ends else 0.2)
        costs[-1] += np.abs(self._columns - x1) * (1.0 if free_ends else 0.2)
        apart = np.abs(self._columns[:, None] - self._columns[None, :])
        chosen = _cheapest(costs, apart + 70.0 * (apart > 0))
        return self._tracks(list(layers), chosen)

    def _column_costs(self, layer: int) -> np.ndarray:
        half = LANE_PITCH / 2
        return np.array(
            [
                np.inf
                if (layer, round(x / half)) in self._blocked or self._overlaps(layer, x)
                else 22.0 * len(self._used[layer, x])
                for x in self._columns
            ]
        )

    def _overlaps(self, layer: int, x: float) -> bool:
        room = BOX_WIDTH / 2 + (TRACKS + 0.5) * TRACK
        y = layer * LAYER_PITCH
        return any(abs(b.x - x) < room and abs(b.y - y) < 1 for b in self.boxes.values())

    def _tracks(self, layers: list[int], chosen: list[int]) -> list[float]:
        xs: list[float] = []
        begin = 0
        for place in range(1, len(chosen) + 1):
            if place < len(chosen) and chosen[place] == chosen[begin]:
                continue
            x = float(self._columns[chosen[begin]])
            run = layers[begin:place]
            track = min(
                range(-TRACKS, TRACKS + 1),
                key=lambda t: (sum(t in self._used[n, x] for n in run), abs(t), -t),
            )
            for layer in run:
                self._used[layer, x].add(track)
            xs += [x + track * TRACK] * len(run)
            begin = place
        return xs


def _cheapest(costs: np.ndarray, step: np.ndarray) -> list[int]:
    total = costs[0]
    came: list[np.ndarray] = []
    for row in costs[1:]:
        through = total[:, None] + step
        came.append(through.argmin(axis=0))
        total = through.min(axis=0) + row
    chosen = [int(total.argmin())]
    for origin in reversed(came):
        chosen.append(int(origin[chosen[-1]]))
    return chosen[::-1]


def _port(box: Box, towards: float) -> float:
    reach = box.width * 0.3
    return box.x + min(max((towards - box.x) * 0.22, -reach), reach)


def _side(box: Box, towards: float) -> float:
    return box.width / 2 if towards > box.x else -box.width / 2


def _drop(points: list[Point], to: Point) -> None:
    """Add a curve that leaves and arrives vertically."""
    (x0, y0), (x1, y1) = points[-1], to
    bend = (y1 - y0) * 0.5
    points += [(x0, y0 + bend), (x1, y1 - bend), to]


def _straight(points: list[Point], to: Point) -> None:
    (x0, y0), (x1, y1) = points[-1], to
    points += [
        (x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3),
        (x0 + 2 * (x1 - x0) / 3, y0 + 2 * (y1 - y0) / 3),
        to,
    ]


def _turn(points: list[Point], to: Point, *, outwards: bool) -> None:
    """Add a quarter turn between horizontal and vertical."""
    (x0, y0), (x1, y1) = points[-1], to
    corner = (x1, y0) if outwards else (x0, y1)
    points += [corner, corner, to]


def _loop(box: Box) -> tuple[Point, ...]:
    x, y = box.x + box.width / 2, box.y
    return ((x, y - 9), (x + 34, y - 20), (x + 34, y + 20), (x, y + 9))


def _level(a: Box, b: Box) -> tuple[Point, ...]:
    """Between boxes of one layer: rightwards below them, leftwards above."""
    side = 1.0 if b.x > a.x else -1.0
    y0 = a.y + side * a.height / 2
    depth = side * min(26.0 + 6.0 * abs(b.x - a.x) / LANE_PITCH, 36.0)
    start, stop = (_port(a, b.x), y0), (_port(b, a.x), b.y + side * b.height / 2)
    return (start, (start[0], y0 + depth), (stop[0], y0 + depth), stop)
