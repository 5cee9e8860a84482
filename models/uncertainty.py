"""Honest probabilities and promises: calibration, prediction sets, interval radii.

Everything fitted here is a frozen bag of arrays that is saved as such; scikit-learn is needed to
fit an isotonic map, never to apply one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from models.arrays import Bools, Floats, Ints

ISOTONIC_FROM = 300
"""Calibration rows from which an isotonic map of the confidence is worth trying."""

_FLOOR = 1e-6
_BIN = 40
"""Rows per point of the isotonic map: fewer would follow noise."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Map from a model's class probabilities to calibrated ones.

    Parameters
    ----------
    temperature : float
        Probabilities are raised to ``1 / temperature`` and normalised.
    knots, values : arrays
        Piecewise linear map of the highest probability applied after that; the others keep
        their proportions. Where labels are noisy a temperature alone is too sure at the top and
        too timid at the bottom. Empty for none.
    """

    temperature: float = 1.0
    knots: Floats = field(default_factory=lambda: np.zeros(0))
    values: Floats = field(default_factory=lambda: np.zeros(0))

    def apply(self, probability: Floats) -> Floats:
        """Calibrated probabilities, rows summing to one."""
        tempered: Floats = np.clip(probability, _FLOOR, 1.0) ** (1.0 / self.temperature)
        tempered = tempered / tempered.sum(axis=1, keepdims=True)
        if not len(self.knots):
            return tempered
        rows, top = np.arange(len(tempered)), tempered.argmax(axis=1)
        before = np.minimum(tempered[rows, top], 1.0 - _FLOOR)
        after = np.clip(np.interp(before, self.knots, self.values), _FLOOR, 1.0 - _FLOOR)
        mapped: Floats = tempered * ((1.0 - after) / (1.0 - before))[:, None]
        mapped[rows, top] = after
        mapped /= mapped.sum(axis=1, keepdims=True)
        return mapped

    def to_arrays(self) -> dict[str, Floats]:
        """Named arrays for an ``.npz`` file."""
        return {
            "temperature": np.array([self.temperature]),
            "knots": self.knots,
            "values": self.values,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> "Calibration":
        """Inverse of :meth:`to_arrays`."""
        return cls(float(arrays["temperature"][0]), arrays["knots"], arrays["values"])


def fit_calibration(probability: Floats, label: Ints) -> Calibration:
    """Temperature, and an isotonic map of the confidence where that helps on unseen rows.

    Parameters
    ----------
    probability : array of shape (n, classes)
    label : array of shape (n,)
        Index of the true class.
    """
    plain = _fit_temperature(probability, label)
    if len(label) < ISOTONIC_FROM:
        return plain
    odd, even = slice(1, None, 2), slice(0, None, 2)
    base = _fit_temperature(probability[even], label[even])
    trial = _fit_confidence(base, probability[even], label[even])
    gain = _loss(base.apply(probability[odd]), label[odd]) - _loss(
        trial.apply(probability[odd]), label[odd]
    )
    return _fit_confidence(plain, probability, label) if gain > 0 else plain


def _fit_temperature(probability: Floats, label: Ints) -> Calibration:
    choices = np.exp(np.linspace(np.log(0.4), np.log(4.0), 61))
    losses = [_loss(Calibration(float(t)).apply(probability), label) for t in choices]
    return Calibration(float(choices[int(np.argmin(losses))]))


def _fit_confidence(base: Calibration, probability: Floats, label: Ints) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    tempered = base.apply(probability)
    confidence, hit = tempered.max(axis=1), tempered.argmax(axis=1) == label
    parts = np.array_split(np.argsort(confidence, kind="stable"), max(len(label) // _BIN, 2))
    points = np.array([confidence[part].mean() for part in parts])
    rates = np.array([hit[part].mean() for part in parts])
    weights = np.array([len(part) for part in parts])
    mapped = IsotonicRegression(y_min=0.0, y_max=1.0).fit(points, rates, sample_weight=weights)
    return Calibration(
        base.temperature,
        np.asarray(mapped.X_thresholds_, dtype=float),
        np.asarray(mapped.y_thresholds_, dtype=float),
    )


def _loss(probability: Floats, label: Ints) -> float:
    return float(-np.mean(np.log(np.maximum(probability[np.arange(len(label)), label], _FLOOR))))


def conformal_quantile(scores: Floats, *, coverage: float) -> float:
    """Smallest score that at least ``coverage`` of new rows stay at or below.

    Parameters
    ----------
    scores : array of shape (n_calibration,)
        Nonconformity on rows the model has not seen.
    coverage : float in (0, 1)

    Returns
    -------
    float
        ``inf`` when there are too few rows to promise anything.

    Source: Lei et al. (2018), JASA 113(523), Theorem 2.2.
    >>> conformal_quantile(np.arange(1.0, 20.0), coverage=0.9)
    18.0
    """
    rank = int(np.ceil((len(scores) + 1) * coverage))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float("inf")


@dataclass(frozen=True, slots=True)
class PredictionSets:
    """Sets of classes that hold the true one with probability ``coverage``.

    A class belongs to the set when its probability is at least ``1 - quantile``.
    """

    quantile: float
    coverage: float
    rows: int

    @classmethod
    def fit(cls, probability: Floats, label: Ints, *, coverage: float) -> "PredictionSets":
        """Fit on calibrated probabilities of rows neither model nor calibration has seen."""
        scores = 1.0 - probability[np.arange(len(label)), label]
        return cls(conformal_quantile(scores, coverage=coverage), coverage, len(label))

    def members(self, probability: Floats) -> Bools:
        """Membership, shape (n, classes); a row may be empty."""
        inside: Bools = 1.0 - probability <= self.quantile + 1e-12
        return inside
