"""The weekly trend of one KPI: median with the band up to the 90th percentile, and the count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from dashboard import formats
from dashboard.charts.sparkline import Point

WIDTH, HEIGHT = 1000.0, 200.0
_LAST = ' class="last"'


def draw_trend(points: Sequence[Point], *, unit: str, label: str) -> str:
    """Compose the chart as HTML; cohorts are the cases opened in each week."""
    known = [point for point in points if point.value is not None and math.isfinite(point.value)]
    if len(known) < 2:
        return '<p class="soft">Fewer than two weeks in this slice, so there is no trend to draw.</p>'
    top = max(_top(point) for point in known)
    ticks = nice_ticks(top, unit=unit)
    top = max(top, ticks[-1])
    step = WIDTH / (len(known) - 1)
    line = [(n * step, _y(point.value or 0.0, top)) for n, point in enumerate(known)]
    grown = sum(not point.immature for point in known) or 1
    return (
        '<div class="trend"><div class="axis">'
        + "".join(f'<span style="bottom:{100 * tick / top:.2f}%">{formats.in_unit(tick, unit)}</span>' for tick in ticks)
        + f'</div><div class="plot"><svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)} by week">'
        + "".join(f'<path class="grid" d="M0 {_y(tick, top):.1f}H{WIDTH:.0f}"/>' for tick in ticks)
        + _young(grown, len(known), step)
        + _band(known, step, top)
        + f'<path class="line" d="{_path(line[:grown])}"/>'
        + (f'<path class="line young" d="{_path(line[grown - 1 :])}"/>' if grown < len(known) else "")
        + f"</svg>{_hover(known, unit)}{_note(grown, len(known))}</div>{_dates(known)}</div>"
    )


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
    return max(value for value in (point.value, point.p90, 0.0) if value is not None and math.isfinite(value))


def _y(value: float, top: float) -> float:
    return HEIGHT - value / top * HEIGHT


def _path(place: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in place)


def _band(known: Sequence[Point], step: float, top: float) -> str:
    upper = [
        (n * step, _y(point.p90, top), _y(point.value or 0.0, top))
        for n, point in enumerate(known)
        if point.p90 is not None and math.isfinite(point.p90)
    ]
    if len(upper) < 2:
        return ""
    forth = _path([(x, high) for x, high, _ in upper])
    back = "".join(f"L{x:.1f} {low:.1f}" for x, _, low in reversed(upper))
    return f'<path class="band" d="{forth}{back}z"/>'


def _young(grown: int, count: int, step: float) -> str:
    if grown >= count:
        return ""
    left = max((grown - 0.5) * step, 0.0)
    return f'<rect class="young" x="{left:.1f}" y="0" width="{WIDTH - left:.1f}" height="{HEIGHT:.0f}"/>'


def _note(grown: int, count: int) -> str:
    if grown >= count:
        return ""
    return f'<span class="note" style="right:0;max-width:{100 * (count - grown + 0.5) / count:.1f}%">still filling up</span>'


def _hover(known: Sequence[Point], unit: str) -> str:
    return '<div class="hover">' + "".join(f'<i data-tip="{_tip(point, unit)}"></i>' for point in known) + "</div>"


def _tip(point: Point, unit: str) -> str:
    rows = [f"Opened in the week of {point.period.day} {point.period:%b %Y}", f"Median\t{formats.measure(point.value, unit)}"]
    if unit == "share":
        rows[1] = f"Share\t{formats.measure(point.value, unit)}"
    if point.p90 is not None:
        rows.append(f"90th percentile\t{formats.measure(point.p90, unit)}")
    rows.append(f"Lines\t{formats.number(point.n)}")
    if point.open_share is not None:
        rows.append(f"Still open\t{formats.share(point.open_share)}")
    return escape("\n".join(rows), quote=True)


def _dates(known: Sequence[Point]) -> str:
    last = len(known) - 1
    every = max(1, math.ceil(len(known) / 7))
    marks = "".join(
        f'<span{_LAST if n == last else ""} style="left:{100 * n / last:.2f}%">'
        f"{point.period.day} {point.period:%b}</span>"
        for n, point in enumerate(known)
        if n % every == 0 and (n == last or n + every / 2 <= last)
    )
    return f'<div class="dates">{marks}</div>'
