"""Scenarios, and the singular happenings of every run: a recall, a strike, a price error."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from ingestion.errors import RetraceError
from ingestion.simulator.catalogue import Catalogue
from ingestion.simulator.clock import DAY, utc_midnight
from ingestion.simulator.line import Line
from ingestion.simulator.network import CARRIERS


class UnknownScenario(RetraceError):
    """There is no such scenario."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"No scenario is called {name!r}. Known: {', '.join(SCENARIOS)}.")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What differs from the baseline.

    ``volume`` multiplies arrivals (and shortens the window of a given number of lines),
    ``trouble`` multiplies outages and bad file days, ``drift`` how strongly habits change halfway.
    """

    volume: float = 1.0
    trouble: float = 1.0
    drift: float = 1.0


SCENARIOS: Final = {
    "baseline": Scenario(),
    "peak": Scenario(volume=1.6),
    "outage": Scenario(trouble=3.5),
    "drift": Scenario(drift=4.0),
}


def scenario_of(name: str) -> Scenario:
    """The scenario of a name."""
    try:
        return SCENARIOS[name]
    except KeyError:
        raise UnknownScenario(name) from None


@dataclass(frozen=True, slots=True)
class Happening:
    """Something singular, with its stretch of time (seconds since 1970)."""

    kind: str
    entity: str
    start: float
    end: float


class Happenings:
    """The singular happenings of one run."""

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        catalogue: Catalogue,
        first: date,
        last: date,
        scenario: Scenario,
    ) -> None:
        days = (last - first).days + 1
        food = [item for item in catalogue.items if item.family.name == "food" and item.lot]
        dear = [item for item in catalogue.items if item.family.name == "electronics"]
        self._recalled = food[int(rng.integers(len(food)))]
        self._mispriced = dear[int(rng.integers(len(dear)))]
        self._strikers = CARRIERS[3]
        self.recall = _spell(
            "recall", self._recalled.sku, first=first, days=days, at=0.40, length=11
        )
        self.strike = _spell(
            "carrier_strike", self._strikers.code, first=first, days=days, at=0.62, length=7
        )
        self.price_error = _spell(
            "price_error", self._mispriced.sku, first=first, days=days, at=0.25, length=9
        )
        self.code_change = utc_midnight(first) + 0.55 * days * DAY
        self.drift = scenario.drift

    def all(self) -> list[Happening]:
        """Every happening, for the truth."""
        change = Happening("reason_list_change", "", self.code_change, self.code_change)
        return [self.recall, self.strike, self.price_error, change]

    def befall(self, line: Line) -> None:
        """Change a line that a happening catches when it is asked for."""
        draw = line.rng.random()
        if line.item.family.name == "food" and draw < 0.10 and _during(self.recall, line):
            line.item, line.lot, line.serial = self._recalled, "L66666", None
            line.reason, line.declared = "QUALITY.RECALL", "QUALITY.RECALL"
            line.condition = "NEW_SEALED" if line.rng.random() < 0.6 else "CONTAMINATED"
            line.grade, line.policy = "A" if line.condition == "NEW_SEALED" else "E", "P9"
            line.unit_price = self._recalled.price
        elif line.policy == "P1" and draw < 0.10 and self._mispriced_now(line):
            line.item, line.reason = self._mispriced, "CHOICE.BETTER_PRICE"
            line.declared, line.condition, line.grade = line.reason, "NEW_SEALED", "A"
            line.unit_price = round(self._mispriced.price * 1.4, 2)
            line.quantity, line.uom = 1, "EA"
            line.serial = line.serial if self._mispriced.serialised else None
        elif line.carrier is self._strikers and draw < 0.06 and _during(self.strike, line):
            line.reason, line.condition, line.grade = "TRANSIT.DAMAGED", "BROKEN", "E"
        self._drift_reason(line)

    def _mispriced_now(self, line: Line) -> bool:
        return line.item.family.name == "electronics" and _during(self.price_error, line)

    def on_strike(self, line: Line, moment: float) -> bool:
        """Whether the line's parcel meets the strike."""
        return line.carrier is self._strikers and self.strike.start <= moment < self.strike.end

    def _drift_reason(self, line: Line) -> None:
        """Before the reason list changed there was no code for what does not fit together."""
        if line.declared == "FULFIL.INCOMPATIBLE" and line.requested_at < self.code_change:
            line.declared = "FULFIL.NOT_AS_DESCRIBED"
        elif line.requested_at >= self.code_change:
            if line.declared == "CHOICE.BETTER_PRICE":
                line.declared = "CHOICE.UNWANTED"
            elif self.drift > 1 and line.declared and line.rng.random() < 0.05 * self.drift:
                line.declared = "OTHER"


def _during(happening: Happening, line: Line) -> bool:
    return happening.start <= line.requested_at < happening.end


def _spell(kind: str, entity: str, *, first: date, days: int, at: float, length: int) -> Happening:
    start = utc_midnight(first + timedelta(days=int(days * at)))
    return Happening(kind, entity, start, start + min(length, max(days // 3, 1)) * DAY)
