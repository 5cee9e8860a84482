"""The process map as SVG text: classes and numbers only, colours come from the theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from dashboard import formats
from dashboard.charts.map_graph import END, START, Path, ProcessGraph
from dashboard.charts.map_labels import Label, place_labels, wrap_name
from dashboard.charts.map_layout import Box, MapLayout, Route

NAME_SIZE = 13.0
STEPS = 6
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
        return 1.2 + 6.3 * self.position(value) ** 1.5


def scale_of(paths: tuple[Path, ...] | list[Path], metric: str) -> Scale:
    """Span the scale over what is visible; markers have no durations."""
    values = [METRICS[metric][1](path) for path in paths if metric == "frequency" or not path.is_marker]
    known = sorted(value for value in values if value is not None and not math.isnan(value))
    return Scale(known[0], known[-1]) if known else Scale(0.0, 0.0)


def draw_map(
    graph: ProcessGraph, layout: MapLayout, *, metric: str, selected: str | None = None
) -> str:
    """Draw boxes, routes and labels; every part carries ``data-id`` and a tooltip.

    ``selected`` is an activity's name or ``source -> target``, as in :func:`edge_id`.
    """
    scale = scale_of([route.path for route in layout.routes], metric)
    texts = {route.path.ends: label_text(route.path, metric) for route in layout.routes}
    labels = place_labels(layout, texts)
    happy = set(zip(graph.happy_path, graph.happy_path[1:], strict=False))
    left, top, width, height = layout.bounds
    most = max((step.cases for step in graph.steps), default=1)
    routes = [
        _route(graph, route, scale=scale, metric=metric, happy=route.path.ends in happy, selected=selected)
        for route in reversed(layout.routes)
    ]
    plates = [_label(graph, route.path, labels[route.path.ends]) for route in layout.routes if route.path.ends in labels]
    boxes = [_box(graph, box, most, selected) for n, box in sorted(layout.boxes.items()) if n >= 0]
    markers = [_marker(layout.boxes[n], n) for n in (START, END) if n in layout.boxes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" '
        f'role="group" aria-label="Process map">{ARROWS}<g class="routes">{"".join(routes)}</g>'
        f'<g class="labels">{"".join(plates)}</g>'
        f'<g class="boxes">{"".join(markers + boxes)}</g></svg>'
    )


ARROWS = "<defs>" + "".join(
    f'<marker id="arrow-{kind}" class="arrow {kind}" viewBox="0 0 10 10" refX="8.5" refY="5" '
    'markerUnits="userSpaceOnUse" markerWidth="11" markerHeight="11" orient="auto-start-reverse">'
    '<path d="M0 1 L9 5 L0 9 z"/></marker>'
    for kind in ("f0", "f1", "f2", "f3", "f4", "f5", "d0", "d1", "d2", "d3", "d4", "d5", "m0")
) + "</defs>"


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


def _route(
    graph: ProcessGraph, route: Route, *, scale: Scale, metric: str, happy: bool, selected: str | None
) -> str:
    path = route.path
    value = METRICS[metric][1](path)
    quiet = path.is_marker and metric != "frequency"
    tone = "m0" if quiet else f"{'f' if metric == 'frequency' else 'd'}{scale.step(value)}"
    width = 1.2 if quiet else scale.width(value)
    if path.is_marker:
        width = min(width, 2.4)
    name = edge_id(graph, path)
    flags = {"happy": happy, "marker-path": path.is_marker, "selected": name == selected}
    classes = " ".join(["route", route.kind, tone, *(flag for flag, on in flags.items() if on)])
    curve = _curve(route)
    dash = f' stroke-dasharray="{max(6, 2.4 * width):.0f} {max(4, 1.3 * width):.0f}"' if route.kind in ("back", "loop") else ""
    return (
        f'<g class="{classes}" data-id="{escape(name)}" data-tip="{_edge_tip(name, path)}" '
        f'data-from="{path.source}" data-to="{path.target}">'
        f'<path class="hit" d="{curve}"/>'
        f'<path class="line" d="{curve}" stroke-width="{width:.1f}"{dash} marker-end="url(#arrow-{tone})"/></g>'
    )


def _curve(route: Route) -> str:
    parts = [f"M{route.points[0][0]:.1f} {route.points[0][1]:.1f}"]
    for place in range(1, len(route.points), 3):
        triple = " ".join(f"{x:.1f} {y:.1f}" for x, y in route.points[place : place + 3])
        parts.append(f"C{triple}")
    return "".join(parts)


def _label(graph: ProcessGraph, path: Path, label: Label) -> str:
    box, name = label.box, edge_id(graph, path)
    return (
        f'<g class="plate" data-id="{escape(name)}" data-tip="{_edge_tip(name, path)}" '
        f'data-from="{path.source}" data-to="{path.target}">'
        f'<rect x="{box.x - box.width / 2:.1f}" y="{box.y - box.height / 2:.1f}" '
        f'width="{box.width:.1f}" height="{box.height:.1f}" rx="4"/>'
        f'<text x="{box.x:.1f}" y="{box.y + 4:.1f}">{escape(label.text)}</text></g>'
    )


def _edge_tip(name: str, path: Path) -> str:
    rows = [("Times", formats.number(path.count))]
    if not path.is_marker:
        rows += [
            (title, formats.duration(value))
            for title, value in (
                ("Mean", path.mean_s),
                ("Median", path.p50_s),
                ("90th percentile", path.p90_s),
                ("95th percentile", path.p95_s),
            )
        ]
    return _tip(name.replace(" -> ", " \N{RIGHTWARDS ARROW} "), rows)


def _tip(title: str, rows: list[tuple[str, str]]) -> str:
    return escape("\n".join([title, *(f"{name}\t{value}" for name, value in rows)]), quote=True)


def _box(graph: ProcessGraph, box: Box, most: int, selected: str | None) -> str:
    step = graph.steps[box.number]
    rows = wrap_name(step.name, width=box.width - 28, size=NAME_SIZE)
    baseline = box.y - 4 if len(rows) == 1 else box.y - 10
    lines = "".join(
        f'<text class="name" x="{box.x:.1f}" y="{baseline + 14 * place:.1f}">{escape(row)}</text>'
        for place, row in enumerate(rows)
    )
    share = step.cases / most if most else 0.0
    again = f" \N{MIDDLE DOT} {step.events / step.cases:.1f}x per case" if step.cases and step.events > 1.05 * step.cases else ""
    tip = _tip(step.name, [("Cases", formats.number(step.cases)), ("Events", formats.number(step.events))])
    left, top = box.x - box.width / 2, box.y - box.height / 2
    happy = "happy" if box.number in graph.happy_path else ""
    chosen = "selected" if step.name == selected else ""
    tone = min(int(share * STEPS), STEPS - 1)
    return (
        f'<g class="box n{tone} {happy} {chosen}" data-id="{escape(step.name)}" data-tip="{tip}" data-node="{box.number}" tabindex="0" '
        f'role="button" aria-label="{escape(step.name)}, {step.cases} cases">'
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="8"/>'
        f'<rect class="bar" x="{left:.1f}" y="{top + 8:.1f}" width="4" height="{box.height - 16:.1f}" rx="2"/>{lines}'
        f'<text class="count" x="{box.x:.1f}" y="{box.y + (15 if len(rows) == 1 else 19):.1f}">'
        f"{formats.compact(step.cases)} cases{again}</text></g>"
    )


def _marker(box: Box, number: int) -> str:
    x, y, r = box.x, box.y, box.width / 2
    inner = (
        f'<path d="M{x - 3.5} {y - 5.5} L{x + 6} {y} L{x - 3.5} {y + 5.5} z"/>'
        if number == START
        else f'<rect x="{x - 4.5}" y="{y - 4.5}" width="9" height="9" rx="1.5"/>'
    )
    title, side = ("Start", y - r - 6) if number == START else ("End", y + r + 15)
    return (
        f'<g class="end-marker"><circle cx="{x}" cy="{y}" r="{r}"/>{inner}'
        f'<text class="count" x="{x}" y="{side}">{title}</text></g>'
    )
