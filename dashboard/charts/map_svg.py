"""The process map as SVG text: classes and numbers only, colours come from the theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from dashboard import formats
from dashboard.charts.map_graph import END, START, Path, ProcessGraph, Step
from dashboard.charts.map_labels import Label, place_labels, wrap_name
from dashboard.charts.map_layout import Box, MapLayout, Route
from dashboard.charts.markup import Markup, tag, tip

NAME_SIZE = 13.0
STEPS = 6
QUIET_WIDTH = 1.2
TONES = (*(f"{letter}{step}" for letter in "fd" for step in range(STEPS)), "m0")
METRICS: Mapping[str, tuple[str, Callable[[Path], float | None]]] = {
    "frequency": ("Frequency", lambda path: float(path.count)),
    "median": ("Median wait", lambda path: path.p50_s),
    "p90": ("90th percentile wait", lambda path: path.p90_s),
}


@dataclass(frozen=True)
class Scale:
    """Maps a value to a step 0..5 (colour) and a width in pixels."""

    low: float
    high: float

    def position(self, value: float | None) -> float:
        """Return where ``value`` lies between low and high, logarithmically, in [0, 1]."""
        if value is None or math.isnan(value) or value <= 0 or self.high <= self.low:
            return 0.0 if not value or value <= self.low else 1.0
        span = math.log1p(self.high) - math.log1p(self.low)
        return min(max((math.log1p(value) - math.log1p(self.low)) / span, 0.0), 1.0)

    def step(self, value: float | None) -> int:
        return min(int(self.position(value) * STEPS), STEPS - 1)

    def width(self, value: float | None) -> float:
        return QUIET_WIDTH + 6.3 * float(self.position(value) ** 1.5)


def scale_of(paths: Sequence[Path], metric: str) -> Scale:
    """Span the scale over what is visible; markers have no durations."""
    values = [
        METRICS[metric][1](path) for path in paths if metric == "frequency" or not path.is_marker
    ]
    known = sorted(value for value in values if value is not None and not math.isnan(value))
    return Scale(known[0], known[-1]) if known else Scale(0.0, 0.0)


@dataclass(frozen=True)
class Look:
    """How one map is drawn: of what, by which measure, on which scale, with what selected."""

    graph: ProcessGraph
    metric: str
    scale: Scale
    selected: str | None

    @property
    def letter(self) -> str:
        return "f" if self.metric == "frequency" else "d"

    @cached_property
    def happy(self) -> frozenset[tuple[int, int]]:
        return frozenset(pairwise(self.graph.happy_path))

    @cached_property
    def most_cases(self) -> int:
        return max((step.cases for step in self.graph.steps), default=0) or 1

    def share_step(self, step: Step) -> int:
        return min(int(step.cases / self.most_cases * STEPS), STEPS - 1)


def draw_map(
    graph: ProcessGraph, layout: MapLayout, *, metric: str, selected: str | None = None
) -> Markup:
    """Draw boxes, routes and labels; every part carries ``data-id`` and a tooltip.

    ``selected`` is an activity's name or ``source -> target``, as in :func:`edge_id`.
    """
    look = Look(graph, metric, scale_of([route.path for route in layout.routes], metric), selected)
    texts = {route.path.ends: label_text(route.path, metric) for route in layout.routes}
    labels = place_labels(layout, texts)
    routes = [_route(look, route) for route in reversed(layout.routes)]
    plates = [
        _label(look, route.path, labels[route.path.ends])
        for route in layout.routes
        if route.path.ends in labels
    ]
    boxes = [_box(look, box) for number, box in sorted(layout.boxes.items()) if number >= 0]
    markers = [_marker(layout.boxes[n], n) for n in (START, END) if n in layout.boxes]
    return tag(
        "svg",
        tag("defs", *(_arrow(tone) for tone in TONES)),
        tag("g", *routes, cls="routes"),
        tag("g", *plates, cls="labels"),
        tag("g", *markers, *boxes, cls="boxes"),
        viewBox=" ".join(f"{side:.0f}" for side in layout.bounds),
        role="group",
        aria_label="Process map",
    )


def _arrow(tone: str) -> Markup:
    return tag(
        "marker",
        tag("path", d="M0 1 L9 5 L0 9 z"),
        id=f"arrow-{tone}",
        cls=f"arrow {tone}",
        viewBox="0 0 10 10",
        refX="8.5",
        refY="5",
        markerUnits="userSpaceOnUse",
        markerWidth="11",
        markerHeight="11",
        orient="auto-start-reverse",
    )


def edge_id(graph: ProcessGraph, path: Path) -> str:
    """Name a path for links and selections."""
    names = {START: "Start", END: "End"}
    source = names.get(path.source) or graph.steps[path.source].name
    target = names.get(path.target) or graph.steps[path.target].name
    return f"{source} -> {target}"


def label_text(path: Path, metric: str) -> str:
    """Text on an arrow: a count, or a humanised duration."""
    if metric == "frequency":
        return formats.compact(path.count)
    return "" if path.is_marker else formats.duration(METRICS[metric][1](path))


def _route(look: Look, route: Route) -> Markup:
    path, curve = route.path, _curve(route)
    value = METRICS[look.metric][1](path)
    quiet = path.is_marker and look.metric != "frequency"
    tone = "m0" if quiet else f"{look.letter}{look.scale.step(value)}"
    width = QUIET_WIDTH if quiet else look.scale.width(value)
    if path.is_marker:
        width = min(width, 2 * QUIET_WIDTH)
    dashes = f"{max(6, 2.4 * width):.0f} {max(4, 1.3 * width):.0f}"
    line = tag(
        "path",
        cls="line",
        d=curve,
        stroke_width=width,
        stroke_dasharray=dashes if route.kind in ("back", "loop") else None,
        marker_end=f"url(#arrow-{tone})",
    )
    marks = [
        "happy" if path.ends in look.happy else "",
        "marker-path" if path.is_marker else "",
        "selected" if edge_id(look.graph, path) == look.selected else "",
    ]
    classes = " ".join(filter(None, ["route", route.kind, tone, *marks]))
    return tag("g", tag("path", cls="hit", d=curve), line, cls=classes, **_hooks(look, path))


def _hooks(look: Look, path: Path) -> dict[str, str | int]:
    """Attributes the browser reads: who this is, what to say, and what it connects."""
    return {
        "data_id": edge_id(look.graph, path),
        "data_tip": _edge_tip(edge_id(look.graph, path), path),
        "data_from": path.source,
        "data_to": path.target,
    }


def _curve(route: Route) -> str:
    parts = [f"M{route.points[0][0]:.1f} {route.points[0][1]:.1f}"]
    for place in range(1, len(route.points), 3):
        triple = " ".join(f"{x:.1f} {y:.1f}" for x, y in route.points[place : place + 3])
        parts.append(f"C{triple}")
    return "".join(parts)


def _label(look: Look, path: Path, label: Label) -> Markup:
    box = label.box
    plate = _rectangle(box.x, box.y, box.width, box.height, rx=4)
    text = tag("text", label.text, x=box.x, y=box.y + 4)
    return tag("g", plate, text, cls="plate", **_hooks(look, path))


def _rectangle(x: float, y: float, width: float, height: float, **more: str | float) -> Markup:
    """Rectangle by its centre."""
    return tag("rect", x=x - width / 2, y=y - height / 2, width=width, height=height, **more)


def _edge_tip(name: str, path: Path) -> str:
    rows = [("Times", formats.number(path.count))]
    if not path.is_marker:
        durations = (path.mean_s, path.p50_s, path.p90_s, path.p95_s)
        titles = ("Mean", "Median", "90th percentile", "95th percentile")
        known = [(t, d) for t, d in zip(titles, durations, strict=True) if d is not None]
        rows += [(title, formats.duration(seconds)) for title, seconds in known]
    return tip(name.replace(" -> ", " \N{RIGHTWARDS ARROW} "), rows)


def _box(look: Look, box: Box) -> Markup:
    step = look.graph.steps[box.number]
    counted = look.graph.counted
    rows = wrap_name(step.name, width=box.width - 30, size=NAME_SIZE)
    first = box.y - 3 if len(rows) == 1 else box.y - 9
    names = [
        tag("text", row, cls="name", x=box.x, y=first + 13.5 * place)
        for place, row in enumerate(rows)
    ]
    count = tag(
        "text", _count(step, counted), cls="count", x=box.x, y=box.y + (14 if not rows[1:] else 18)
    )
    bar = _rectangle(box.x - box.width / 2 + 9, box.y, 4, box.height - 16, rx=2, cls="bar")
    figures = [(f"{counted.capitalize()}s", formats.number(step.cases))]
    if counted == "case":
        figures.append(("Events", formats.number(step.events)))
    marks = [
        "happy" if box.number in look.graph.happy_path else "",
        "selected" if step.name == look.selected else "",
    ]
    return tag(
        "g",
        _rectangle(box.x, box.y, box.width, box.height, rx=8, cls="frame"),
        bar,
        *names,
        count,
        cls=" ".join(filter(None, ["box", f"n{look.share_step(step)}", *marks])),
        data_id=step.name,
        data_tip=tip(step.name, figures),
        data_node=box.number,
        tabindex=0,
        role="button",
        aria_label=f"{step.name}, {step.cases} {counted}s",
    )


def _count(step: Step, counted: str) -> str:
    text = f"{formats.compact(step.cases)} {counted}{'' if step.cases == 1 else 's'}"
    if step.cases and step.events > 1.05 * step.cases:
        text += f" \N{MIDDLE DOT} {step.events / step.cases:.1f}x per case"
    return text


def _marker(box: Box, number: int) -> Markup:
    x, y, r = box.x, box.y, box.width / 2
    if number == START:
        inner = tag("path", d=f"M{x - 3.5} {y - 5.5} L{x + 6} {y} L{x - 3.5} {y + 5.5} z")
        title, below = "Start", y - r - 6
    else:
        inner = _rectangle(x, y, 9, 9, rx=1.5)
        title, below = "End", y + r + 15
    text = tag("text", title, cls="count", x=x, y=below)
    return tag("g", tag("circle", cx=x, cy=y, r=r), inner, text, cls="end-marker")
