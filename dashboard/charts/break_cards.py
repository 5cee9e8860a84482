"""Breaks as cards: a sentence a controller can check, what to do, how much, how old, whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, tag


@dataclass(frozen=True, slots=True)
class BreakCard:
    """One open break; ``amount`` is the value at risk in words, ``chance`` to clear itself too."""

    id: str
    explanation: str
    fix: str
    amount: str
    age_days: float
    owner: str
    confidence: str
    status: str = "open"
    chance: str = ""


def draw_breaks(cards: Sequence[BreakCard], *, more: int = 0, chosen: str | None = None) -> Markup:
    """Compose the cards in the order given; clicking one selects it by id.

    ``more`` says how many the list leaves out.
    """
    if not cards:
        return draw_note("No open breaks.")
    rest = draw_note(f"and {formats.number(more)} more in the download") if more else Markup()
    return tag("div", *(_card(card, card.id == chosen) for card in cards), rest, cls="breaks")


def _card(card: BreakCard, chosen: bool) -> Markup:
    chance = f"{card.chance} likely to clear itself" if card.chance else ""
    status = "" if card.status == "open" else card.status
    age = f"{formats.number(card.age_days)} days old"
    facts = [age, status, card.owner, f"match {card.confidence}", chance]
    return tag(
        "article",
        tag("p", tag("b", card.amount), tag("span", card.explanation), cls="said"),
        tag("p", card.fix, cls="fix"),
        tag("p", " \N{MIDDLE DOT} ".join(filter(None, facts)), cls="soft"),
        cls="chosen" if chosen else None,
        data_id=card.id,
        tabindex=0,
        role="button",
        aria_pressed="true" if chosen else "false",
    )


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One step in the life of a break, all in words."""

    when: str
    what: str
    who: str
    why: str


def draw_story(steps: Sequence[StoryStep]) -> Markup:
    """Compose the life of a break as a list in time."""
    if not steps:
        return draw_note("Nothing has been recorded about this break yet: run retrace reconcile.")
    rows = (
        tag(
            "li",
            tag("span", step.when, cls="soft"),
            tag("b", step.what),
            tag("span", step.who, cls="soft"),
            tag("span", step.why, cls="why"),
        )
        for step in steps
    )
    return tag("ol", *rows, cls="story")
