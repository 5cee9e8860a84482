"""Waits as stacked bars: how long a step waits, split by cause, ranked by what it costs."""

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
class StepWait:
    """One step at one site: money per day and mean hours per step, both split by cause."""

    id: str
    title: str
    owner: str
    steps: int
    money_per_day: float
    hours_by_cause: Mapping[str, float]

    @property
    def hours(self) -> float:
        return sum(self.hours_by_cause.values())


def draw_waits(steps: Sequence[StepWait], *, currency: str) -> Markup:
    """Compose the ranking with its legend; bars show hours, the order is money."""
    if not steps:
        return draw_note("Nothing waited in this slice.")
    longest = max(step.hours for step in steps) or 1.0
    rows = (_row(place, step, longest, currency) for place, step in enumerate(steps, start=1))
    seen = {cause for step in steps for cause in step.hours_by_cause}
    keys = (_key(cause) for cause in CAUSES if cause in seen)
    return join([tag("div", *keys, cls="causes"), tag("ol", *rows, cls="ranking plain waits")])


def _key(cause: str) -> Markup:
    name, meaning = CAUSES[cause]
    return tag("span", tag("i", cls=f"cause {cause}"), name, data_tip=tip(name, [("", meaning)]))


def _row(place: int, step: StepWait, longest: float, currency: str) -> Markup:
    parts = (
        tag("i", cls=f"cause {cause}", style=f"width:{100 * hours / longest:.2f}%")
        for cause, hours in step.hours_by_cause.items()
    )
    rows = [("Mean wait per step", formats.duration(3600 * step.hours))]
    rows += [
        (CAUSES[cause][0] if cause in CAUSES else cause, formats.duration(3600 * hours))
        for cause, hours in step.hours_by_cause.items()
    ]
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
