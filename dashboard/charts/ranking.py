"""A ranked list with bars: what to look at first, how often, how much money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, tag, tip


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list; ``size`` sets the bar, ``figure`` says it in words."""

    id: str
    label: str
    size: float
    figure: str
    note: str = ""
    explanation: str = ""


def draw_ranking(items: Sequence[Item], *, chosen: str | None = None, empty: str) -> Markup:
    """Compose the list, longest bar first as given; clicking a line selects it by id."""
    if not items:
        return draw_note(empty)
    top = max((item.size for item in items), default=0.0)
    return tag("ol", *(_item(item, top, item.id == chosen) for item in items), cls="ranking")


def _item(item: Item, top: float, chosen: bool) -> Markup:
    width = 100 * item.size / top if top > 0 else 0.0
    return tag(
        "li",
        tag("span", item.id, cls="place"),
        tag("span", item.label, cls="label"),
        tag("span", item.figure, cls="figure"),
        tag("span", tag("i", style=f"width:{width:.1f}%"), cls="track"),
        tag("span", item.note, cls="soft"),
        cls="chosen" if chosen else None,
        data_id=item.id,
        data_tip=tip(item.label, [("", item.explanation)]) if item.explanation else None,
        tabindex=0,
        role="button",
        aria_pressed="true" if chosen else "false",
    )
