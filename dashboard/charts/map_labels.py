"""Labels of the process map: names that fit their boxes, edge labels that touch nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.charts.map_layout import Box, MapLayout, Route

NARROW, WIDE = set("iljtfrI.,:;'|!()[] "), set("mwMW@%")
LABEL_HEIGHT = 17.0


@dataclass(frozen=True)
class Label:
    """Text centred on a point of a route."""

    text: str
    box: Box


def text_width(text: str, *, size: float) -> float:
    """Estimate the width in pixels of ``text`` set in a humanist sans serif of ``size`` px."""
    widths = (
        0.3 if c in NARROW else 0.86 if c in WIDE else 0.64 if c.isupper() else 0.53 for c in text
    )
    return size * sum(widths)


def wrap_name(name: str, *, width: float, size: float, lines: int = 2) -> list[str]:
    """Break a name into at most ``lines`` lines of ``width`` pixels, the last cut if need be.

    >>> wrap_name("Receive", width=160, size=13)
    ['Receive']
    >>> wrap_name("Determine likelihood of claim by hand", width=160, size=13)
    ['Determine likelihood of', 'claim by hand']
    """
    rows: list[str] = []
    for word in name.split() or [name]:
        longer = f"{rows[-1]} {word}" if rows else word
        if rows and text_width(longer, size=size) <= width:
            rows[-1] = longer
        else:
            rows.append(word)
    if len(rows) > lines:
        rows = [*rows[: lines - 1], " ".join(rows[lines - 1 :])]
    return [_shorten(row, width=width, size=size) for row in rows]


def _shorten(text: str, *, width: float, size: float) -> str:
    if text_width(text, size=size) <= width:
        return text
    while text and text_width(text + "\N{HORIZONTAL ELLIPSIS}", size=size) > width:
        text = text[:-1]
    return text.rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def place_labels(
    layout: MapLayout, texts: Mapping[tuple[int, int], str]
) -> dict[tuple[int, int], Label]:
    """Give the strongest routes a label where there is room; the rest shows it on hover only."""
    taken = list(layout.boxes.values())
    labels: dict[tuple[int, int], Label] = {}
    for route in layout.routes:
        text = texts.get(route.path.ends, "")
        if not text:
            continue
        width = text_width(text, size=11.5) + 10
        for x, y in _spots(route):
            box = Box(route.path.source, x, y, width, LABEL_HEIGHT)
            if not any(box.touches(other) for other in taken):
                taken.append(box)
                labels[route.path.ends] = Label(text, box)
                break
    return labels


def _spots(route: Route) -> Iterable[tuple[float, float]]:
    if route.kind == "loop":
        x, y = route.at(0, 0.5)
        yield x + 12, y
        return
    curved = range(0, route.segments, 2) if route.kind == "down" else range(route.segments)
    pieces = sorted(curved, key=lambda piece: (abs(piece - (route.segments - 1) / 2), piece))
    for t in (0.5, 0.42, 0.58, 0.34, 0.66):
        for piece in pieces:
            yield route.at(piece, t)
