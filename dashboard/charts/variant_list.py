"""The most frequent variants with their coverage, as a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dashboard import formats


@dataclass(frozen=True, slots=True)
class VariantCount:
    """A distinct order of activities and the number of cases that took it."""

    cases: int
    activities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VariantTable:
    """The top variants, out of ``variants`` that ``cases`` cases took."""

    variants: int
    cases: int
    top: tuple[VariantCount, ...]


def draw_variants(found: VariantTable) -> str:
    """Compose the list: share and number of cases, length, steps on hover, coverage in all."""
    if not found.cases:
        return '<p class="soft">No cases in this slice.</p>'
    rows = "".join(
        _row(place, variant, found) for place, variant in enumerate(found.top, start=1)
    )
    covered = sum(variant.cases for variant in found.top) / found.cases
    return (
        f'<p class="soft">{formats.number(found.variants)} variants; the {len(found.top)} most frequent '
        f"cover {formats.share(covered)} of the cases.</p>"
        f'<ol class="variants">{rows}</ol>'
    )


def _row(place: int, variant: VariantCount, found: VariantTable) -> str:
    share = variant.cases / found.cases
    most = found.top[0].cases / found.cases
    return (
        f'<li data-tip="{_tip(place, variant.activities)}" tabindex="0"><span class="place">{place}</span>'
        f'<span class="track"><i style="width:{100 * share / most:.1f}%"></i></span>'
        f'<span class="figure">{formats.share(share)}</span>'
        f'<span class="soft">{formats.compact(variant.cases)} cases, {len(variant.activities)} steps</span></li>'
    )


def _tip(place: int, activities: Sequence[str], *, most: int = 24) -> str:
    rows = [f"Variant {place}", *(f"{n}. {name}" for n, name in enumerate(activities[:most], start=1))]
    if len(activities) > most:
        rows.append(f"and {len(activities) - most} more")
    return escape("\n".join(rows), quote=True)
