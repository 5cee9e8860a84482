"""Small trend lines: weeks that are still filling up are drawn dashed and hollow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from dashboard import formats

WIDTH, HEIGHT, PAD = 200.0, 40.0, 4.0


@dataclass(frozen=True, slots=True)
class Point:
    """One period of a trend: cases opened in it; ``immature`` while many of them are still open."""

    period: date
    value: float | None
    n: int
    p90: float | None = None
    open_share: float | None = None
    immature: bool = False


def draw_sparkline(points: Sequence[Point], *, unit: str) -> str:
    """Compose the line as stretchable SVG, or nothing for fewer than two known values."""
    known = [point for point in points if point.value is not None]
    if len(known) < 2:
        return '<span class="spark"></span>'
    values = [point.value or 0.0 for point in known]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = (WIDTH - 2 * PAD) / (len(known) - 1)
    place = [
        (PAD + number * step, HEIGHT - PAD - (value - low) / span * (HEIGHT - 2 * PAD))
        for number, value in enumerate(values)
    ]
    grown = sum(not point.immature for point in known) or 1
    solid, dashed = place[:grown], place[grown - 1 :]
    text = f"{formats.measure(values[0], unit)} to {formats.measure(values[-1], unit)} by week"
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(text)}"><path class="area" d="{_area(solid)}"/><path class="line" d="{_line(solid)}"/>'
        f'<path class="line young" d="{_line(dashed) if len(dashed) > 1 else ""}"/></svg>'
    )


def _line(place: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in place) if place else ""


def _area(place: Sequence[tuple[float, float]]) -> str:
    return f"{_line(place)}L{place[-1][0]:.1f} {HEIGHT}L{place[0][0]:.1f} {HEIGHT}z"
