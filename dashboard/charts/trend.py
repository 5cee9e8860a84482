"""The weekly trend of one KPI: median with the band up to the 90th percentile."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dashboard import formats
from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, tag, tip
from dashboard.charts.sparkline import Point, grown_up, line_through

WIDTH, HEIGHT = 1000.0, 200.0


def draw_trend(points: Sequence[Point], *, unit: str, label: str) -> Markup:
    """Compose the chart as HTML; cohorts are the cases opened in each week."""
    known = [point for point in points if point.value is not None and math.isfinite(point.value)]
    if len(known) < 2:
        return draw_note("Fewer than two weeks to compare, so there is no trend to draw.")
    ticks = nice_ticks(max(_top(point) for point in known), unit=unit)
    axis = (
        tag("span", formats.in_unit(tick, unit), style=f"bottom:{100 * tick / ticks[-1]:.2f}%")
        for tick in ticks
    )
    drawing = _drawing(known, ticks, f"{label} by week")
    plot = tag("div", drawing, _hover(known, unit), _note(known), cls="plot")
    return tag("div", tag("div", *axis, cls="axis"), plot, _dates(known), cls="trend")


def nice_ticks(top: float, *, unit: str, most: int = 4) -> list[float]:
    """Round steps from zero to just above ``top``.

    >>> nice_ticks(9.3, unit="days"), nice_ticks(0.83, unit="share")
    ([0.0, 5.0, 10.0], [0.0, 0.5, 1.0])
    """
    if not math.isfinite(top) or top <= 0:
        return [0.0, 1.0]
    raw = top / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    count = math.ceil(top / step - 1e-9)
    if unit == "share" and step * count > 1:
        step, count = 0.5, 2
    return [round(step * number, 10) for number in range(count + 1)]


def _top(point: Point) -> float:
    sizes = (point.value, point.p90, 0.0)
    return max(size for size in sizes if size is not None and math.isfinite(size))


def _drawing(known: Sequence[Point], ticks: Sequence[float], label: str) -> Markup:
    top, step, grown = ticks[-1], WIDTH / (len(known) - 1), grown_up(known)
    line = [(n * step, _y(point.value or 0.0, top)) for n, point in enumerate(known)]
    parts = [tag("path", cls="grid", d=f"M0 {_y(tick, top):.1f}H{WIDTH:.0f}") for tick in ticks]
    if grown < len(known):
        left = max((grown - 0.5) * step, 0.0)
        parts.append(tag("rect", cls="young", x=left, y=0, width=WIDTH - left, height=HEIGHT))
    parts.append(_band(known, step, top))
    parts.append(tag("path", cls="line", d=line_through(line[:grown])))
    if grown < len(known):
        parts.append(tag("path", cls="line young", d=line_through(line[grown - 1 :])))
    box = f"0 0 {WIDTH:.0f} {HEIGHT:.0f}"
    shape = {"viewBox": box, "preserveAspectRatio": "none", "role": "img"}
    return tag("svg", *parts, **shape, aria_label=label)


def _y(value: float, top: float) -> float:
    return HEIGHT - value / top * HEIGHT


def _band(known: Sequence[Point], step: float, top: float) -> Markup:
    upper = [
        (n * step, _y(point.p90, top), _y(point.value or 0.0, top))
        for n, point in enumerate(known)
        if point.p90 is not None and math.isfinite(point.p90)
    ]
    if len(upper) < 2:
        return Markup()
    forth = line_through([(x, high) for x, high, _ in upper])
    back = "".join(f"L{x:.1f} {low:.1f}" for x, _, low in reversed(upper))
    return tag("path", cls="band", d=f"{forth}{back}z")


def _note(known: Sequence[Point]) -> Markup:
    young = len(known) - grown_up(known)
    if not young:
        return Markup()
    room = 100 * (young + 0.5) / len(known)
    return tag("span", "still filling up", cls="note", style=f"right:0;max-width:{room:.1f}%")


def _hover(known: Sequence[Point], unit: str) -> Markup:
    return tag("div", *(tag("i", data_tip=_tip(point, unit)) for point in known), cls="hover")


def _tip(point: Point, unit: str) -> str:
    name = "Share" if unit == "share" else "Median"
    rows = [(name, formats.measure(point.value, unit))]
    if within := formats.band(point.low, point.high, unit):
        rows.append(("95 % band", within))
    if point.p90 is not None:
        rows.append(("90th percentile", formats.measure(point.p90, unit)))
    rows.append(("Count", formats.number(point.n)))
    if point.open_share is not None:
        rows.append(("Still open", formats.share(point.open_share)))
    return tip(f"Opened in the week of {point.period.day} {point.period:%b %Y}", rows)


def _dates(known: Sequence[Point]) -> Markup:
    last = len(known) - 1
    every = max(1, math.ceil(len(known) / 7))
    marks = (
        tag(
            "span",
            f"{point.period.day} {point.period:%b}",
            cls="last" if n == last else None,
            style=f"left:{100 * n / last:.2f}%",
        )
        for n, point in enumerate(known)
        if n % every == 0 and (n == last or n + every / 2 <= last)
    )
    return tag("div", *marks, cls="dates")
