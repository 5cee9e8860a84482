"""The advice a model gives on one return line: options, a promise, and the right to abstain."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.arrays import Bools, Floats

MANY: Final = 4
"""Prediction sets of this size or more are no advice (PITFALLS L17)."""

OPTIONS_SHOWN: Final = 5
LEAST_PULL: Final = 0.01
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Source:
    """Which model said it, learnt from which state of the facts."""

    model: str
    version: str
    data_version: str


@dataclass(frozen=True, slots=True)
class Because:
    """One thing that spoke for the chosen class; ``weight`` is in log-odds."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer; ``expected_value`` is money for the whole line, or None."""

    name: str
    probability: float
    expected_value: float | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """What one classifier advises for one line.

    Parameters
    ----------
    question : str
        Names the option key in the payload: ``reason`` or ``disposition``.
    recommended : str or None
        None when the model abstains.
    abstained_because : str or None
    prediction_set : tuple of str
        Holds the true answer with probability ``coverage``.
    """

    question: str
    recommended: str | None
    abstained_because: str | None
    options: tuple[Option, ...]
    prediction_set: tuple[str, ...]
    coverage: float
    reasons: tuple[Because, ...]
    source: Source
    currency: str | None = None

    @property
    def abstained(self) -> bool:
        return self.recommended is None

    @property
    def confidence(self) -> float:
        """Calibrated probability of the recommended answer, else of the most probable one."""
        chosen = [o.probability for o in self.options if o.name == self.recommended]
        return chosen[0] if chosen else max((o.probability for o in self.options), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Render as a block of the HTTP answer."""
        return {
            "recommended": self.recommended,
            "abstained": self.abstained,
            "abstained_because": self.abstained_because,
            "confidence": round(self.confidence, _DIGITS),
            "options": [self._option(option) for option in self.options],
            "prediction_set": list(self.prediction_set),
            "coverage": self.coverage,
            "reasons": [
                {"text": because.text, "weight": round(because.weight, _DIGITS)}
                for because in self.reasons
            ],
            **({"currency": self.currency} if self.currency else {}),
            "model": self.source.model,
            "version": self.source.version,
            "data_version": self.source.data_version,
        }

    def _option(self, option: Option) -> dict[str, Any]:
        rendered: dict[str, Any] = {
            self.question: option.name,
            "probability": round(option.probability, _DIGITS),
        }
        if option.expected_value is not None:
            rendered["expected_value"] = round(option.expected_value, 2)
        return rendered


def abstention(members: Bools, classes: int) -> str | None:
    """Why a prediction set is no advice, or None when it is."""
    size = int(members.sum())
    if size == 0:
        return "no answer is plausible enough: the line is unlike the history"
    if size >= MANY:
        return f"{size} of {classes} answers remain plausible"
    return None


def ranked(probability: Floats, members: Bools) -> list[int]:
    """Class indices to show: the prediction set and the most probable, best first."""
    order = [int(i) for i in np.argsort(-probability, kind="stable")]
    shown = order[:OPTIONS_SHOWN]
    return shown + [i for i in order[OPTIONS_SHOWN:] if members[i]]


def strongest(pulls: Floats, say: Callable[[int], str], *, top: int = 4) -> tuple[Because, ...]:
    """The contributions that spoke most for the choice, in words.

    Parameters
    ----------
    pulls : array of shape (contributions,)
        In log-odds, towards the chosen class.
    say : function of a position
        Words for a contribution.
    """
    best = [int(i) for i in np.argsort(-pulls, kind="stable")[:top] if pulls[i] > LEAST_PULL]
    return tuple(Because(say(i), float(pulls[i])) for i in best)
