"""One bar a site, for a single measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, join, tag


@dataclass(frozen=True, slots=True)
class SiteBar:
    """A site, the size of its bar, the figure in words and what else to know."""

    site: str
    size: float
    figure: str
    note: str = ""


def draw_site_bars(bars: Sequence[SiteBar], *, label: str, mark: bool = True) -> Markup:
    """Compose the bars; with ``mark`` the largest is set off as the one to look at first."""
    if not bars:
        return draw_note("These lines name no site.")
    top = max(bar.size for bar in bars)
    rows = (
        tag(
            "li",
            tag("span", bar.site, cls="label"),
            tag("span", bar.figure, cls="figure"),
            tag("span", tag("i", style=f"width:{_percent(bar.size, top):.1f}%"), cls="track"),
            tag("span", bar.note, cls="soft"),
            cls="worst" if mark and len(bars) > 1 and bar.size == top > 0 else None,
        )
        for bar in bars
    )
    return join([draw_note(label), tag("ol", *rows, cls="ranking plain")])


def _percent(size: float, top: float) -> float:
    return 100 * size / top if top > 0 else 0.0
