"""The page in two sentences: how long, where to look first, how much money."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.markup import Markup, join, tag


@dataclass(frozen=True, slots=True)
class Summary:
    """What the sentences are made of; a figure that is None is not spoken of. Durations in days."""

    cycle_p50: float | None = None
    cycle_p90: float | None = None
    open_share: float | None = None
    slowest_site: str | None = None
    slowest_p50: float | None = None
    written_off_share: float | None = None
    written_off: str = ""
    ended_share: float | None = None


def draw_summary(facts: Summary) -> Markup:
    """Compose the sentences, or nothing where nothing is known."""
    parts: list[str] = []
    if facts.cycle_p50 is not None:
        parts += ["Half of the return lines are done within ", _days(facts.cycle_p50)]
        if facts.cycle_p90 is not None:
            parts += [", nine of ten within ", _days(facts.cycle_p90)]
        if facts.open_share is not None:
            parts.append(f"; {formats.share(facts.open_share)} are still open")
        if facts.ended_share:
            ended = formats.share(facts.ended_share)
            parts.append(f"; {ended} were cancelled, expired or rejected and are left out")
        parts.append(". ")
    if facts.slowest_site is not None and facts.slowest_p50 is not None:
        parts += ["Slowest is ", tag("b", facts.slowest_site), " with a median of "]
        parts += [_days(facts.slowest_p50), ". "]
    if facts.written_off_share is not None:
        parts += [tag("b", formats.share(facts.written_off_share)), " of the value received is "]
        parts.append("written off")
        parts += [" (", tag("b", facts.written_off), ")."] if facts.written_off else ["."]
    return tag("p", *parts, cls="short") if parts else join(())


def _days(days: float) -> Markup:
    return tag("b", formats.measure(days, "days"))
