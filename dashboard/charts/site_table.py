"""KPIs by site: one row a site, one column a KPI, a bar from median to 90th percentile in each cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from dashboard import formats


@dataclass(frozen=True, slots=True)
class Cell:
    """One KPI at one site."""

    value: float | None
    n: int
    open_share: float | None = None
    p90: float | None = None


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
        sizes = [size for cell in self.cells.values() for size in (cell.value, cell.p90) if size is not None]
        return max([1.0] if self.unit == "share" else [size for size in sizes if math.isfinite(size)], default=1.0) or 1.0

    @property
    def worst(self) -> str | None:
        """Site to look at first, if the KPI has a good direction and the sites differ."""
        known = {site: cell.value for site, cell in self.cells.items() if cell.value is not None}
        if self.less_is_better is None or len(known) < 2 or len(set(known.values())) < 2:
            return None
        return (max if self.less_is_better else min)(sorted(known), key=lambda site: known[site] or 0.0)


def draw_sites(columns: Sequence[Column], sites: Sequence[str]) -> str:
    """Compose the table."""
    if not sites or not columns:
        return '<p class="soft">These events name no site, so there is nothing to compare.</p>'
    head = "".join(f"<th>{escape(column.label)}</th>" for column in columns)
    lines = {site: columns[0].cells[site].n if site in columns[0].cells else 0 for site in sites}
    rows = "".join(
        f'<tr><th scope="row">{escape(site)}</th><td class="figure soft">{formats.compact(lines[site])}</td>{"".join(_cell(column, site) for column in columns)}</tr>' for site in sites
    )
    return (
        f'<table class="sites"><thead><tr><th>Site</th><th>Lines</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
        '<p class="soft key"><span class="mark"></span>median or share <span class="reach"></span>up to the 90th percentile; '
        "the site to look at first is marked in each column</p>"
    )


def _cell(column: Column, site: str) -> str:
    cell = column.cells.get(site)
    if cell is None or cell.value is None:
        return f'<td class="soft">{formats.MISSING}</td>'
    worst = ' class="worst"' if column.worst == site else ""
    middle = 100 * min(cell.value / column.top, 1.0) if math.isfinite(cell.value) else 100.0
    reach = 100.0 if cell.p90 is not None and not math.isfinite(cell.p90) else 100 * (cell.p90 or 0.0) / column.top
    bar = f'<span class="reach" style="width:{reach:.1f}%"></span><span class="mark" style="width:{middle:.1f}%"></span>'
    return (
        f'<td{worst} data-tip="{_tip(column, site, cell)}"><span class="value">{formats.measure(cell.value, column.unit)}</span>'
        f'<span class="bar">{bar}</span></td>'
    )


def _tip(column: Column, site: str, cell: Cell) -> str:
    name = "Share" if column.unit == "share" else "Median"
    rows = [f"{column.label}, {site}", f"{name}\t{formats.measure(cell.value, column.unit)}"]
    if cell.p90 is not None:
        rows.append(f"90th percentile\t{formats.measure(cell.p90, column.unit)}")
    rows.append(f"Lines\t{formats.number(cell.n)}")
    if cell.open_share is not None:
        rows.append(f"Still open\t{formats.share(cell.open_share)}")
    return escape("\n".join(rows), quote=True)
