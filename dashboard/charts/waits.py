"""Waits as stacked bars: what waiting for a step costs, split by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, join, tag, tip

CAUSES: Mapping[str, tuple[str, str]] = {
    "contention": ("Contention", "Somebody was at work, on something else first."),
    "prioritization": ("Prioritization", "Later work was taken before it."),
    "batching": ("Batching", "It waited until a batch was complete or a run began."),
    "unavailability": ("Nobody on duty", "Outside the working hours of those who do it."),
    "extraneous": ("Unexplained", "None of the other causes explains it."),
    "external": ("Outside", "Customers, carriers and suppliers took the time."),
}


@dataclass(frozen=True, slots=True)
class CausePart:
    """What one cause adds: mean hours per step, and money per calendar day."""

    cause: str
    hours: float
    money_per_day: float


@dataclass(frozen=True, slots=True)
class StepWait:
    """One step at one site; ``parts`` are its causes, the dearest first."""

    id: str
    title: str
    owner: str
    steps: int
    parts: tuple[CausePart, ...]

    @property
    def hours(self) -> float:
        return sum(part.hours for part in self.parts)

    @property
    def money_per_day(self) -> float:
        return sum(part.money_per_day for part in self.parts)


def draw_waits(steps: Sequence[StepWait], *, currency: str) -> Markup:
    """Compose the ranking with its legend; bars and order are money."""
    if not steps:
        return draw_note("Nothing waited in this slice.")
    dearest = max(step.money_per_day for step in steps) or 1.0
    rows = (_row(place, step, dearest, currency) for place, step in enumerate(steps, start=1))
    seen = {part.cause for step in steps for part in step.parts}
    keys = (_key(cause) for cause in CAUSES if cause in seen)
    return join([tag("div", *keys, cls="causes"), tag("ol", *rows, cls="ranking plain waits")])


def _key(cause: str) -> Markup:
    name, meaning = CAUSES[cause]
    return tag("span", tag("i", cls=f"cause {cause}"), name, data_tip=tip(name, [("", meaning)]))


def _row(place: int, step: StepWait, dearest: float, currency: str) -> Markup:
    parts = (
        tag(
            "i",
            cls=f"cause {part.cause}",
            style=f"width:{100 * part.money_per_day / dearest:.2f}%",
        )
        for part in step.parts
    )
    rows = [("Mean wait per step", formats.duration(3600 * step.hours))]
    rows += [(CAUSES[part.cause][0], formats.duration(3600 * part.hours)) for part in step.parts]
    money = f"{formats.money(step.money_per_day, currency)} a day"
    note = f"{formats.duration(3600 * step.hours)} per step, {formats.compact(step.steps)} steps"
    return tag(
        "li",
        tag("span", tag("span", str(place), cls="place"), step.title, cls="label"),
        tag("span", money, cls="figure"),
        tag("span", *parts, cls="track"),
        tag("span", f"{note}, {step.owner}", cls="soft"),
        data_tip=tip(step.title, rows),
    )
