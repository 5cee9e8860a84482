"""The most frequent variants with their coverage, as a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, join, tag


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


def main_path(top: Sequence[VariantCount], steps: Mapping[tuple[str, str], int]) -> tuple[str, ...]:
    """Return the variant that most traffic agrees with: the happy path of the map.

    The most frequent variant alone would do for a short process; in a long one that splits into
    thousands of variants it is often the early way out (a rejection).  So each variant is
    credited with the traffic of its steps, and charged a tenth of the busiest step for each.

    >>> top = [VariantCount(9, ("ask", "reject")), VariantCount(5, ("ask", "send", "pay"))]
    >>> main_path(top, {("ask", "reject"): 9, ("ask", "send"): 40, ("send", "pay"): 38})
    ('ask', 'send', 'pay')
    """
    charge = 0.1 * max(steps.values(), default=0)

    def credit(variant: VariantCount) -> float:
        pairs = set(zip(variant.activities, variant.activities[1:], strict=False))
        return sum(steps.get(pair, 0) - charge for pair in pairs)

    best = max(top, key=lambda variant: (credit(variant), variant.cases), default=None)
    return best.activities if best else ()


def draw_variants(found: VariantTable, *, most: int = 8) -> Markup:
    """Compose the list: share and number of cases, length, steps on hover, coverage in all."""
    if not found.cases:
        return draw_note("No cases in this slice.")
    top = found.top[:most]
    covered = sum(variant.cases for variant in top) / found.cases
    rows = (_row(place, variant, found) for place, variant in enumerate(top, start=1))
    coverage = (
        f"{formats.number(found.variants)} variants; the {len(top)} most frequent "
        f"cover {formats.share(covered)} of the cases."
    )
    return join([draw_note(coverage), tag("ol", *rows, cls="variants")])


def _row(place: int, variant: VariantCount, found: VariantTable) -> Markup:
    width = 100 * variant.cases / found.top[0].cases
    count = f"{formats.compact(variant.cases)} cases, {_steps(len(variant.activities))}"
    return tag(
        "li",
        tag("span", str(place), cls="place"),
        tag("span", tag("i", style=f"width:{width:.1f}%"), cls="track"),
        tag("span", formats.share(variant.cases / found.cases), cls="figure"),
        tag("span", count, cls="soft"),
        data_tip=_tip(place, variant.activities),
        tabindex=0,
    )


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _tip(place: int, activities: Sequence[str], *, limit: int = 26) -> str:
    rows = [f"{number}. {name}" for number, name in enumerate(activities[:limit], start=1)]
    if len(activities) > limit:
        rows.append(f"and {len(activities) - limit} more")
    return "\n".join([f"Variant {place}", *rows])
