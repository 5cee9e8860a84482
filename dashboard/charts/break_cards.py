"""Breaks as cards: a sentence a controller can check, what to do, how much, how old, whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, tag


@dataclass(frozen=True, slots=True)
class BreakCard:
    """One open break; ``amount`` is the value at risk in words."""

    id: str
    explanation: str
    fix: str
    amount: str
    age_days: float
    owner: str
    confidence: str


def draw_breaks(cards: Sequence[BreakCard], *, more: int = 0) -> Markup:
    """Compose the cards in the order given; ``more`` says how many the list leaves out."""
    if not cards:
        return draw_note("No open breaks.")
    rest = draw_note(f"and {formats.number(more)} more in the download") if more else Markup()
    return tag("div", *(_card(card) for card in cards), rest, cls="breaks")


def _card(card: BreakCard) -> Markup:
    facts = [f"{formats.number(card.age_days)} days old", card.owner, f"match {card.confidence}"]
    return tag(
        "article",
        tag("p", tag("b", card.amount), tag("span", card.explanation), cls="said"),
        tag("p", card.fix, cls="fix"),
        tag("p", " \N{MIDDLE DOT} ".join(filter(None, facts)), cls="soft"),
        data_break=card.id,
    )
