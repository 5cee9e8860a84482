"""How good class probabilities are, and whether one model really beats another."""

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Ints

RESAMPLES = 400


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


def scores(probability: Floats, label: Ints) -> Scores:
    """Judge calibrated probabilities of shape (n, classes) against true class indices."""
    chosen = probability.argmax(axis=1)
    table = confusion(chosen, label, probability.shape[1])
    truth = np.maximum(probability[np.arange(len(label)), label], 1e-9)
    return Scores(
        n=len(label),
        accuracy=float(np.mean(chosen == label)),
        macro_f1=macro_f1(table),
        balanced_accuracy=balanced_accuracy(table),
        log_loss=float(-np.mean(np.log(truth))),
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

    >>> calibration_error(np.array([[0.5, 0.5]] * 10), np.array([0, 1] * 5), bins=2)
    0.0
    """
    confidence = probability.max(axis=1)
    hit = probability.argmax(axis=1) == label
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    gaps = [len(p) * abs(hit[p].mean() - confidence[p].mean()) for p in parts if len(p)]
    return float(sum(gaps) / len(label))


def paired_gain(
    ours: Floats, theirs: Floats, label: Ints, cases: Ints, *, seed: int = 0
) -> Interval:
    """Macro-F1 of ``ours`` minus that of ``theirs`` (choices), bootstrapped over cases.

    Parameters
    ----------
    ours, theirs : arrays of shape (n,)
        Chosen class indices on the same rows.
    cases : array of shape (n,)
        Case index of each row; a resample takes whole cases.
    """
    classes = int(max(ours.max(), theirs.max(), label.max())) + 1
    rng = np.random.default_rng(seed)
    members = int(cases.max()) + 1
    gains = np.empty(RESAMPLES)
    for draw in range(RESAMPLES):
        weight = np.bincount(rng.integers(members, size=members), minlength=members)[cases]
        gains[draw] = macro_f1(confusion(ours.astype(int), label, classes, weight)) - macro_f1(
            confusion(theirs.astype(int), label, classes, weight)
        )
    plain = macro_f1(confusion(ours.astype(int), label, classes)) - macro_f1(
        confusion(theirs.astype(int), label, classes)
    )
    low, high = np.quantile(gains, [0.025, 0.975])
    return Interval(plain, float(low), float(high))
