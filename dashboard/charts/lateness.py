"""Sources that are overdue: said above the figures they would make look better than they are."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.charts.markup import Markup, join, tag

SHOWN = 4


def draw_lateness(messages: Sequence[str]) -> Markup:
    """Compose the warning; nothing where every source is on time."""
    if not messages:
        return Markup()
    count = len(messages)
    head = f"{count} source{'s are' if count > 1 else ' is'} late: figures may be incomplete"
    more = [f"and {count - SHOWN} more: retrace mine kpis"] if count > SHOWN else []
    rows = (tag("li", text) for text in [*messages[:SHOWN], *more])
    return join([tag("p", head, cls="verdict review"), tag("ul", *rows, cls="late soft")])
