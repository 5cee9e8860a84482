"""KPI tiles: one figure each, with everything needed to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.markup import Markup, tag, tip
from dashboard.charts.sparkline import Point, draw_sparkline


@dataclass(frozen=True, slots=True)
class Tile:
    """What one tile shows; durations and shares in the KPI's own ``unit``.

    ``change`` is the value minus that of the period before; ``less_is_better`` decides its colour
    (None: neither). ``band`` is the 95 % interval, ``dated_share`` the share that rests on times
    known to the day only. What is unknown is left out.
    """

    id: str
    label: str
    formula: str
    unit: str
    value: float | None
    n: int
    open_share: float | None = None
    p90: float | None = None
    band: tuple[float | None, float | None] = (None, None)
    dated_share: float | None = None
    change: float | None = None
    less_is_better: bool | None = None
    target: float | None = None
    as_of: str = ""
    money: str = ""
    trend: Sequence[Point] = ()


def draw_tiles(tiles: Sequence[Tile], *, chosen: str | None = None) -> Markup:
    """Compose the tiles; clicking one selects its KPI by id."""
    return tag("div", *(_tile(tile, chosen == tile.id) for tile in tiles), cls="tiles")


def _tile(tile: Tile, chosen: bool) -> Markup:
    rows = [("", tile.formula)] + ([("", f"As of {tile.as_of}.")] if tile.as_of else [])
    if tile.dated_share:
        told = formats.share(tile.dated_share)
        rows.append(("", f"{told} rest on end-of-day files: times estimated, band widened."))
    info = tag("i", "i", cls="info", aria_hidden="true")
    value = tag("span", formats.measure(tile.value, tile.unit), cls="value")
    return tag(
        "button",
        tag("span", tile.label, info, cls="title", data_tip=tip(tile.label, rows)),
        tag("span", value, _change(tile), cls="row"),
        draw_sparkline(tile.trend, unit=tile.unit),
        tag("span", *(tag("span", row) for row in _figures(tile)), cls="figures"),
        type="button",
        cls="tile chosen" if chosen else "tile",
        data_id=tile.id,
        aria_pressed="true" if chosen else "false",
    )


def _figures(tile: Tile) -> list[str]:
    rows = [f"n {formats.number(tile.n)}"]
    if tile.open_share is not None:
        rows.append(f"{formats.share(tile.open_share)} open")
    if within := formats.band(*tile.band, tile.unit):
        rows.append(f"{within} (95 %)")
    if tile.p90 is not None:
        rows.append(f"p90 {formats.measure(tile.p90, tile.unit)}")
    if tile.target is not None:
        rows.append(f"target {formats.measure(tile.target, tile.unit)}")
    return [*rows, tile.money] if tile.money else rows


def _change(tile: Tile) -> Markup:
    if tile.change is None or tile.value is None:
        return Markup()
    note = "against the period of the same length before"
    if abs(tile.change) < 0.005 * abs(tile.value):
        return tag("span", "unchanged", cls="change", title=note)
    arrow = "\N{UPWARDS ARROW}" if tile.change > 0 else "\N{DOWNWARDS ARROW}"
    tone = ""
    if tile.less_is_better is not None:
        tone = " good" if (tile.change < 0) == tile.less_is_better else " bad"
    size = formats.measure(abs(tile.change), tile.unit)
    size = size.replace(" %", " pts") if tile.unit == "share" else size
    return tag("span", f"{arrow} {size}", cls=f"change{tone}", title=note)
