"""Legend of the process map: what colour, width and dashes mean for the chosen measure."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard import formats
from dashboard.charts.map_graph import Path
from dashboard.charts.map_svg import METRICS, STEPS, scale_of
from dashboard.charts.markup import Markup, join, tag


def draw_legend(
    paths: Sequence[Path], metric: str, *, happy: bool, count_title: str = "Times taken"
) -> Markup:
    """Compose the legend as HTML: a ramp from the lowest to the highest visible value."""
    scale = scale_of(paths, metric)
    letter = "f" if metric == "frequency" else "d"
    write = formats.compact if metric == "frequency" else formats.duration
    ramp = tag("span", *(tag("i", cls=f"{letter}{step}") for step in range(STEPS)), cls="ramp")
    title = count_title if metric == "frequency" else METRICS[metric][0]
    keys = [_key(f"{title}: {write(scale.low)}", ramp, write(scale.high))]
    if happy:
        keys.append(_key(tag("span", cls="frame"), "main path"))
    keys.append(_key(tag("span", cls="stroke dashed"), "back or repeated"))
    keys.append(_key(tag("span", cls="stroke dotted"), "first and last event"))
    return join(keys)


def _key(*parts: str) -> Markup:
    return tag("span", *parts, cls="key")
