"""Legend of the process map: what colour, width and dashes mean for the chosen measure."""

from __future__ import annotations

from dashboard import formats
from dashboard.charts.map_graph import Path
from dashboard.charts.map_svg import METRICS, STEPS, scale_of


def draw_legend(paths: tuple[Path, ...], metric: str, *, happy: bool) -> str:
    """Compose the legend as HTML: a ramp from the lowest to the highest visible value."""
    scale = scale_of(paths, metric)
    letter = "f" if metric == "frequency" else "d"
    write = formats.compact if metric == "frequency" else formats.duration
    ramp = "".join(f'<i class="{letter}{step}"></i>' for step in range(STEPS))
    title = "Times taken" if metric == "frequency" else METRICS[metric][0]
    keys = [
        f'<span class="key">{title}: {write(scale.low)} <span class="ramp">{ramp}</span> {write(scale.high)}</span>'
    ]
    if happy:
        keys.append('<span class="key"><span class="frame"></span>main path</span>')
    keys.append('<span class="key"><span class="stroke dashed"></span>back or repeated</span>')
    keys.append('<span class="key"><span class="stroke dotted"></span>first and last event</span>')
    return "".join(keys)
