"""Honest probabilities and promises: calibration, prediction sets, interval radii.

Everything fitted here is a frozen bag of arrays that is saved as such; scikit-learn is needed to
fit an isotonic map, never to apply one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats, Ints

ISOTONIC_FROM = 1000
"""Calibration rows from which an isotonic map is worth trying (PITFALLS L16)."""

_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """Map from a model's class probabilities to calibrated ones.

    Parameters
    ----------
    temperature : float
        Probabilities are raised to ``1 / temperature`` and normalised.
    knots, values : tuple of arrays, one pair per class
        Piecewise linear map applied after the temperature; empty for none.
    """

    temperature: float = 1.0
    knots: tuple[Floats, ...] = ()
    values: tuple[Floats, ...] = ()

    def apply(self, probability: Floats) -> Floats:
        """Calibrated probabilities, rows summing to one."""
        sharpened = np.clip(probability, _FLOOR, 1.0) ** (1.0 / self.temperature)
        sharpened = sharpened / sharpened.sum(axis=1, keepdims=True)
        if not self.knots:
            return sharpened
        mapped = [
            np.interp(column, x, y)
            for column, x, y in zip(sharpened.T, self.knots, self.values, strict=True)
        ]
        floored = np.maximum(np.stack(mapped, axis=1), _FLOOR)
        calibrated: Floats = floored / floored.sum(axis=1, keepdims=True)
        return calibrated

    def to_arrays(self) -> dict[str, Floats]:
        """Named arrays for an ``.npz`` file."""
        arrays: dict[str, Floats] = {"temperature": np.array([self.temperature])}
        for name, parts in (("knots", self.knots), ("values", self.values)):
            arrays |= {f"{name}_{i}": part for i, part in enumerate(parts)}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> "Calibration":
        """Inverse of :meth:`to_arrays`."""
        classes = sum(name.startswith("knots_") for name in arrays)
        return cls(
            float(arrays["temperature"][0]),
            tuple(arrays[f"knots_{i}"] for i in range(classes)),
            tuple(arrays[f"values_{i}"] for i in range(classes)),
        )


def fit_calibration(probability: Floats, label: Ints) -> Calibration:
    """Temperature, or temperature and isotonic where that helps on rows it has not seen.

    Parameters
    ----------
    probability : array of shape (n, classes)
    label : array of shape (n,)
        Index of the true class.
    """
    plain = _fit_temperature(probability, label)
    if len(label) < ISOTONIC_FROM:
        return plain
    even, odd = np.arange(len(label)) % 2 == 0, np.arange(len(label)) % 2 == 1
    trial = _fit_isotonic(_fit_temperature(probability[even], label[even]), probability, label, even)
    if _loss(trial.apply(probability[odd]), label[odd]) < _loss(
        plain.apply(probability[odd]), label[odd]
    ):
        return _fit_isotonic(plain, probability, label, np.ones(len(label), dtype=bool))
    return plain


def _fit_temperature(probability: Floats, label: Ints) -> Calibration:
    choices = np.exp(np.linspace(np.log(0.4), np.log(4.0), 61))
    losses = [_loss(Calibration(float(t)).apply(probability), label) for t in choices]
    return Calibration(float(choices[int(np.argmin(losses))]))


def _fit_isotonic(base: Calibration, probability: Floats, label: Ints, rows: Bools) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    tempered = Calibration(base.temperature).apply(probability[rows])
    knots, values = [], []
    for index in range(tempered.shape[1]):
        fitted = IsotonicRegression(out_of_bounds="clip").fit(
            tempered[:, index], (label[rows] == index).astype(float)
        )
        knots.append(np.asarray(fitted.X_thresholds_, dtype=float))
        values.append(np.asarray(fitted.y_thresholds_, dtype=float))
    return Calibration(base.temperature, tuple(knots), tuple(values))


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
