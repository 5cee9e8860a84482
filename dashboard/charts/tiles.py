"""KPI tiles: one figure each, with everything needed to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dashboard import formats
from dashboard.charts.sparkline import Point, draw_sparkline


@dataclass(frozen=True, slots=True)
class Tile:
    """What one tile shows; durations and shares in the KPI's own ``unit``.

    ``change`` is the value minus that of the period before; ``less_is_better`` decides its colour
    (None: neither). ``target`` and ``p90`` are left out where unknown.
    """

    id: str
    label: str
    formula: str
    unit: str
    value: float | None
    n: int
    open_share: float | None = None
    p90: float | None = None
    change: float | None = None
    change_note: str = ""
    less_is_better: bool | None = None
    target: float | None = None
    as_of: str = ""
    money: str = ""
    trend: Sequence[Point] = ()


def draw_tiles(tiles: Sequence[Tile], *, chosen: str | None = None) -> str:
    """Compose the tiles; clicking one selects its KPI by id."""
    return f'<div class="tiles">{"".join(_tile(tile, chosen == tile.id) for tile in tiles)}</div>'


def _tile(tile: Tile, chosen: bool) -> str:
    tip = escape("\n".join([tile.label, tile.formula, *([f"As of {tile.as_of}"] if tile.as_of else [])]), quote=True)
    rows = [f"n {formats.number(tile.n)}"]
    if tile.open_share is not None:
        rows.append(f"{formats.share(tile.open_share)} open")
    if tile.p90 is not None:
        rows.append(f"p90 {formats.measure(tile.p90, tile.unit)}")
    if tile.target is not None:
        rows.append(f"target {formats.measure(tile.target, tile.unit)}")
    if tile.money:
        rows.append(tile.money)
    figures = "".join(f"<span>{escape(row)}</span>" for row in rows)
    return (
        f'<button type="button" class="tile{" chosen" if chosen else ""}" data-id="{escape(tile.id)}" '
        f'aria-pressed="{"true" if chosen else "false"}">'
        f'<span class="title" data-tip="{tip}">{escape(tile.label)}<i class="info" aria-hidden="true">i</i></span>'
        f'<span class="row"><span class="value">{escape(formats.measure(tile.value, tile.unit))}</span>{_change(tile)}</span>'
        f"{draw_sparkline(tile.trend, unit=tile.unit)}"
        f'<span class="figures">{figures}</span></button>'
    )


def _change(tile: Tile) -> str:
    if tile.change is None or tile.value is None:
        return ""
    if abs(tile.change) < 0.005 * abs(tile.value):
        return f'<span class="change" title="{escape(tile.change_note)}">unchanged</span>'
    arrow = "\N{UPWARDS ARROW}" if tile.change > 0 else "\N{DOWNWARDS ARROW}"
    tone = ""
    if tile.less_is_better is not None:
        tone = " good" if (tile.change < 0) == tile.less_is_better else " bad"
    size = formats.measure(abs(tile.change), tile.unit)
    size = size.replace(" %", " pts") if tile.unit == "share" else size
    return f'<span class="change{tone}" title="{escape(tile.change_note)}">{arrow} {escape(size)}</span>'
