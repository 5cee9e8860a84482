"""Which breaks to look at first: expected loss, given the chance that a break clears itself.

The chance is learned from the recorded lives of former breaks; it orders work and never touches a
match, a type or an amount. Without enough history a fixed rule takes its place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from mining.reconciliation.life import RETRACE, Life, Step

EDGES: Final = (0.0, 1.0, 3.0, 7.0, 30.0, float("inf"))
"""Ages in days between which the hazard of a type is taken as constant."""
ENOUGH: Final = 30
"""Breaks that must have cleared themselves before the model is trusted."""
_PRIOR_DAYS: Final = 40.0  # exposure the pooled hazard counts for in a type's own


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of a break's life under one type; ages in days, ``cleared`` by later data."""

    type: str
    begin: float
    end: float
    cleared: bool


@dataclass(frozen=True)
class ClearingModel:
    """Chance that an open break clears itself, by type and age.

    A piecewise exponential model: per type and age band clearings over exposure, drawn towards the
    hazard of all types in that band by ``_PRIOR_DAYS`` of exposure.

    Parameters
    ----------
    hazards : dict of type to tuple
        Clearings per day in each band of ``EDGES``; "" for all types together.
    cleared : int
        Breaks it was learned from that cleared themselves.
    """

    hazards: Mapping[str, tuple[float, ...]]
    cleared: int

    def chance(self, kind: str, age_days: float, *, horizon_days: float = 30.0) -> float:
        """Probability of clearing itself within the horizon, in [0, 1]."""
        rates = self.hazards.get(kind, self.hazards[""])
        risk = 0.0
        for rate, low, high in zip(rates, EDGES, EDGES[1:], strict=False):
            inside = min(age_days + horizon_days, high) - max(age_days, low)
            risk += rate * max(inside, 0.0)
        return float(-np.expm1(-risk))


@dataclass(frozen=True, slots=True)
class FixedRule:
    """What is used without history: what is in flight arrives, nothing else clears itself."""

    cleared: int = 0

    def chance(self, kind: str, age_days: float, *, horizon_days: float = 30.0) -> float:
        """1 for what is not overdue yet (B03), else 0."""
        return 1.0 if kind == "B03" else 0.0


def fit_clearing(lives: Iterable[Life], *, known_at: datetime | None) -> ClearingModel | FixedRule:
    """Learn from recorded lives how breaks clear themselves.

    What a person closed or corrected counts as unknown from then on (censored).

    Parameters
    ----------
    known_at : datetime
        State of the data of the last recorded reconciliation.
    """
    spells = [spell for life in lives for spell in spells_of(life, known_at=known_at)]
    cleared = sum(spell.cleared for spell in spells)
    if cleared < ENOUGH:
        return FixedRule(cleared)
    kinds = sorted({spell.type for spell in spells})
    events, exposure = {}, {}
    for kind in kinds:
        mine = [spell for spell in spells if spell.type == kind]
        events[kind], exposure[kind] = _counted(mine)
    total, days = sum(events.values()), sum(exposure.values())
    pooled = total / np.maximum(days, 1e-9)
    hazards = {
        kind: (events[kind] + pooled * _PRIOR_DAYS) / (exposure[kind] + _PRIOR_DAYS)
        for kind in kinds
    }
    told = {kind: tuple(map(float, rates)) for kind, rates in {**hazards, "": pooled}.items()}
    return ClearingModel(told, cleared)


def fit_baseline(lives: Iterable[Life], *, known_at: datetime | None) -> ClearingModel:
    """The naive model: every break clears itself at the same rate, whatever its type and age."""
    spells = [spell for life in lives for spell in spells_of(life, known_at=known_at)]
    days = sum(spell.end - spell.begin for spell in spells)
    cleared = sum(spell.cleared for spell in spells)
    rate = cleared / days if days else 0.0
    return ClearingModel({"": (rate,) * (len(EDGES) - 1)}, cleared)


def _counted(spells: list[Spell]) -> tuple[Any, Any]:
    """Clearings and days of exposure per age band."""
    begin = np.array([spell.begin for spell in spells])[:, None]
    end = np.array([spell.end for spell in spells])[:, None]
    low, high = np.array(EDGES[:-1]), np.array(EDGES[1:])
    exposure = np.clip(np.minimum(end, high) - np.maximum(begin, low), 0.0, None).sum(axis=0)
    cleared = np.array([spell.cleared for spell in spells])[:, None]
    events = (cleared & (end > low) & (end <= high)).sum(axis=0)
    return events, exposure


def spells_of(life: Life, *, known_at: datetime | None) -> list[Spell]:
    """The stretches of a life in which it could clear itself."""
    spells: list[Spell] = []
    kind, since, age = "", None, 0.0
    for step in life.steps:
        if since is not None and _ends(step):
            end = age + _days(since, step.known_at)
            gone = step.kind == "closed" and step.actor == RETRACE
            spells.append(Spell(kind, age, end, gone))
            since = None
        if step.facts is not None and step.kind in ("opened", "reclassified", "reopened"):
            kind, age = str(step.facts["type"]), float(step.facts["age_days"])
            since = step.known_at
    if since is not None and known_at is not None and known_at > since:
        spells.append(Spell(kind, age, age + _days(since, known_at), False))
    return spells


def _ends(step: Step) -> bool:
    return step.kind in ("reclassified", "corrected", "closed")


def _days(begin: datetime, end: datetime) -> float:
    return max((end - begin) / timedelta(days=1), 0.0)


def rank_breaks(
    breaks: Iterable[Mapping[str, Any]],
    model: ClearingModel | FixedRule,
    *,
    horizon_days: float = 30.0,
) -> pd.DataFrame:
    """Order breaks by expected loss: value at risk times the chance that they stay.

    Parameters
    ----------
    breaks : dictionaries
        break_id, type, age_days, value_at_risk.

    Returns
    -------
    frame: break_id, type, value_at_risk, chance_to_clear, expected_loss, rank (1 is the first)
    """
    rows = []
    for one in breaks:
        chance = model.chance(one["type"], one["age_days"], horizon_days=horizon_days)
        loss = float(one["value_at_risk"]) * (1.0 - chance)
        rows.append((one["break_id"], one["type"], one["value_at_risk"], chance, loss))
    columns = ["break_id", "type", "value_at_risk", "chance_to_clear", "expected_loss"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.sort_values(["expected_loss", "break_id"], ascending=[False, True])
    return frame.reset_index(drop=True).assign(rank=lambda found: found.index + 1)
