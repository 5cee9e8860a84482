"""KPIs by site: a row per site, a column per KPI, a bar from median to 90th percentile in each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, join, tag, tip


@dataclass(frozen=True, slots=True)
class Cell:
    """One KPI at one site; ``band`` is its 95 % interval."""

    value: float | None
    n: int
    open_share: float | None = None
    p90: float | None = None
    band: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Column:
    """One KPI over all sites; ``cells`` by site."""

    id: str
    label: str
    unit: str
    less_is_better: bool | None
    cells: Mapping[str, Cell]

    @property
    def top(self) -> float:
        """Value at the right end of the bars."""
        if self.unit == "share":
            return 1.0
        sizes = [size for cell in self.cells.values() for size in (cell.value, cell.p90)]
        known = [size for size in sizes if size is not None and math.isfinite(size)]
        return max(known, default=1.0) or 1.0

    @property
    def worst(self) -> str | None:
        """Site to look at first, if the KPI has a good direction and the sites differ."""
        known = {site: cell.value for site, cell in self.cells.items() if cell.value is not None}
        if self.less_is_better is None or len(set(known.values())) < 2:
            return None
        pick = max if self.less_is_better else min
        return pick(sorted(known), key=lambda site: known[site])


def draw_sites(
    columns: Sequence[Column], sites: Sequence[str], *, chosen: str | None = None
) -> Markup:
    """Compose the table; the chosen site's row is set off."""
    if not sites or not columns:
        return draw_note("No site of this slice has lines to compare.")
    head = tag("tr", *(tag("th", name) for name in ("Site", "Lines", *(c.label for c in columns))))
    rows = (_row(columns, site, site == chosen) for site in sites)
    return join(
        [tag("table", tag("thead", head), tag("tbody", *rows), cls="sites"), _explanation()]
    )


def _row(columns: Sequence[Column], site: str, chosen: bool) -> Markup:
    first = columns[0].cells.get(site)
    lines = formats.compact(first.n) if first else formats.MISSING
    cells = (_cell(column, site) for column in columns)
    head = (tag("th", site, scope="row"), tag("td", lines, cls="figure soft"))
    return tag("tr", *head, *cells, cls="chosen" if chosen else None)


def _explanation() -> Markup:
    return tag(
        "p",
        tag("span", cls="mark"),
        "median or share",
        tag("span", cls="reach"),
        "up to the 90th percentile; each column marks the site to look at first",
        cls="soft key",
    )


def _cell(column: Column, site: str) -> Markup:
    cell = column.cells.get(site)
    if cell is None or cell.value is None:
        return tag("td", formats.MISSING, cls="soft")
    bars = [tag("span", cls="mark", style=f"width:{_percent(cell.value, column.top):.1f}%")]
    if cell.p90 is not None:
        reach = tag("span", cls="reach", style=f"width:{_percent(cell.p90, column.top):.1f}%")
        bars.insert(0, reach)
    return tag(
        "td",
        tag("span", formats.measure(cell.value, column.unit), cls="value"),
        tag("span", *bars, cls="bar"),
        cls="worst" if column.worst == site else None,
        data_tip=_tip(column, site, cell),
    )


def _percent(value: float, top: float) -> float:
    return 100 * min(value / top, 1.0) if math.isfinite(value) else 100.0


def _tip(column: Column, site: str, cell: Cell) -> str:
    name = "Share" if column.unit == "share" else "Median"
    rows = [(name, formats.measure(cell.value, column.unit))]
    if within := formats.band(*cell.band, column.unit):
        rows.append(("95 % band", within))
    if cell.p90 is not None:
        rows.append(("90th percentile", formats.measure(cell.p90, column.unit)))
    rows.append(("Count", formats.number(cell.n)))
    if cell.open_share is not None:
        rows.append(("Still open", formats.share(cell.open_share)))
    return tip(f"{column.label}, {site}", rows)
