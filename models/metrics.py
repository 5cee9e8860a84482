"""How good class probabilities are, and whether one model really beats another."""

from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats, Ints

RESAMPLES = 400
LEAST = 1e-3
"""Smallest probability a loss is taken of: one certain error must not decide a comparison."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with its 95 % bootstrap interval over whole cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Quality of one classifier on one slice; shares are 0-1, ``log_loss`` is in nats."""

    n: int
    accuracy: float
    macro_f1: float
    balanced_accuracy: float
    log_loss: float
    ece: float


@dataclass(frozen=True, slots=True)
class Errors:
    """Quality of predicted durations on one slice, in days; ``bias`` is predicted less true."""

    n: int
    mae: float
    median_error: float
    bias: float


def errors(missed: Floats) -> Errors:
    """Judge differences ``predicted - true`` in days.

    >>> errors(np.array([1.0, -3.0]))
    Errors(n=2, mae=2.0, median_error=2.0, bias=-1.0)
    """
    size = np.abs(missed)
    return Errors(len(missed), float(size.mean()), float(np.median(size)), float(missed.mean()))


def scores(probability: Floats, label: Ints) -> Scores:
    """Judge calibrated probabilities of shape (n, classes) against true class indices."""
    chosen = probability.argmax(axis=1)
    table = confusion(chosen, label, probability.shape[1])
    return Scores(
        n=len(label),
        accuracy=float(np.mean(chosen == label)),
        macro_f1=macro_f1(table),
        balanced_accuracy=balanced_accuracy(table),
        log_loss=float(losses(probability, label).mean()),
        ece=calibration_error(probability, label),
    )


def confusion(chosen: Ints, label: Ints, classes: int, weight: Floats | None = None) -> Floats:
    """Weighted counts of shape (classes, classes): truth in rows, choice in columns."""
    flat = np.bincount(label * classes + chosen, weights=weight, minlength=classes * classes)
    table: Floats = flat.reshape(classes, classes).astype(float)
    return table


def macro_f1(table: Floats) -> float:
    """Mean F1 over the classes that occur, in truth or as a choice."""
    hits = np.diag(table)
    total = table.sum(axis=0) + table.sum(axis=1)
    seen = total > 0
    return float(np.mean(2 * hits[seen] / total[seen]))


def balanced_accuracy(table: Floats) -> float:
    """Mean recall over the classes that occur in truth."""
    truth = table.sum(axis=1)
    seen = truth > 0
    return float(np.mean(np.diag(table)[seen] / truth[seen]))


def calibration_error(probability: Floats, label: Ints, *, bins: int = 15) -> float:
    """Expected calibration error of the chosen class, in bins of equal size.

    >>> calibration_error(np.array([[0.5, 0.5]] * 10), np.array([0, 1] * 5), bins=1)
    0.0
    """
    hit = probability.argmax(axis=1) == label
    return _gap(probability.max(axis=1), hit, bins)


def chance_error(probability: Floats, *, bins: int = 15, seed: int = 0) -> float:
    """Calibration error that perfect probabilities stay under in 95 of 100 draws."""
    rng = np.random.default_rng(seed)
    confidence = probability.max(axis=1)
    drawn = [_gap(confidence, rng.random(len(confidence)) < confidence, bins) for _ in range(100)]
    return float(np.quantile(drawn, 0.95))


def _gap(confidence: Floats, hit: Bools, bins: int) -> float:
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    gaps = [len(p) * abs(hit[p].mean() - confidence[p].mean()) for p in parts if len(p)]
    return float(sum(gaps) / len(confidence))


def losses(probability: Floats, label: Ints) -> Floats:
    """Surprise of each row in nats: minus the log of the probability given to the truth."""
    surprise: Floats = -np.log(np.maximum(probability[np.arange(len(label)), label], LEAST))
    return surprise


def paired_gain(ours: Floats, theirs: Floats, cases: Ints, *, seed: int = 0) -> Interval:
    """Mean of ``theirs - ours`` with its bootstrap interval over whole cases.

    Parameters
    ----------
    ours, theirs : arrays of shape (n,)
        Losses of two models on the same rows.
    cases : array of shape (n,)
        Case number of each row; a resample takes whole cases.

    >>> paired_gain(np.zeros(4), np.ones(4), np.arange(4))
    Interval(value=1.0, low=1.0, high=1.0)
    """
    gain = theirs - ours
    place = np.unique(cases, return_inverse=True)[1]
    total, size = np.bincount(place, weights=gain), np.bincount(place)
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(size), size=(RESAMPLES, len(size)))
    means = total[draws].sum(axis=1) / size[draws].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(gain.mean()), float(low), float(high))
