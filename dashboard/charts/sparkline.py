"""Small trend lines: weeks that are still filling up are drawn dashed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dashboard import formats
from dashboard.charts.markup import Markup, tag

WIDTH, HEIGHT, PAD = 200.0, 40.0, 4.0


@dataclass(frozen=True, slots=True)
class Point:
    """One period of a trend: cases opened in it; ``immature`` while many may still be open.

    ``low`` to ``high`` is the 95 % band of the value.
    """

    period: date
    value: float | None
    n: int
    p90: float | None = None
    open_share: float | None = None
    immature: bool = False
    low: float | None = None
    high: float | None = None


def draw_sparkline(points: Sequence[Point], *, unit: str) -> Markup:
    """Compose the line as stretchable SVG, empty for fewer than two known values."""
    known = [point for point in points if point.value is not None]
    if len(known) < 2:
        return tag("span", cls="spark")
    place = _places([point.value or 0.0 for point in known])
    grown = grown_up(known)
    first, last = formats.measure(known[0].value, unit), formats.measure(known[-1].value, unit)
    young = place[grown - 1 :] if grown < len(place) else []
    return tag(
        "svg",
        tag("path", cls="area", d=_area(place[:grown])),
        tag("path", cls="line", d=line_through(place[:grown])),
        tag("path", cls="line young", d=line_through(young)),
        cls="spark",
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"by week, from {first} to {last}",
    )


def grown_up(points: Sequence[Point]) -> int:
    """How many leading points are mature; at least one, so that a line can start."""
    return max(1, sum(not point.immature for point in points))


def line_through(place: Sequence[tuple[float, float]]) -> str:
    """Path data of a polyline."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in place) if place else ""


def _places(values: Sequence[float]) -> list[tuple[float, float]]:
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = (WIDTH - 2 * PAD) / (len(values) - 1)
    room = HEIGHT - 2 * PAD
    return [
        (PAD + number * step, HEIGHT - PAD - (value - low) / span * room)
        for number, value in enumerate(values)
    ]


def _area(place: Sequence[tuple[float, float]]) -> str:
    return f"{line_through(place)}L{place[-1][0]:.1f} {HEIGHT}L{place[0][0]:.1f} {HEIGHT}z"
