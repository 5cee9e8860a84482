"""Train the reason head. Training only: scikit-learn is imported here and not in ``reason``."""

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.arrays import Floats, Ints
from models.encoder import Encoder
from models.examples import (
    COVERAGE,
    Examples,
    halves,
    masked,
    padded,
    usual_shares,
    value_of,
)
from models.features import Vocabulary
from models.items import Items
from models.reason import FLAG_WEIGHT, FLAGS, ReasonModel, notes_of, softmax
from models.text import Terms, learn_terms
from models.uncertainty import Calibration, PredictionSets, fit_calibration

STRENGTHS: Final = (0.3, 1.0, 3.0, 10.0, 30.0)
TERMS_KEPT: Final = 2_500
SEARCH_LINES: Final = 3_000
MASKED: Final = {"condition": 0.35, "reason_declared": 0.10, "sku": 0.10}
"""Share of fit lines that lack a field, so that sparse requests are answered well too."""

_ITERATIONS: Final = 60


def fit_reason(
    material: Examples, encoder: Encoder, items: Items, *, seed: int = 0
) -> tuple[ReasonModel, dict[str, Any]]:
    """Fit on the first slice, choose the strength on the second, calibrate on the third.

    Returns
    -------
    model, parameters
        What was chosen, for the record.
    """
    slices = material.slices
    fit, tune = material.within(slices.fit), material.within(slices.tune)
    hidden = material.with_columns(masked(material.columns, MASKED, np.random.default_rng(seed)))
    notes = notes_of(material.columns)
    terms, vocabulary = _learn(material, notes, fit, items)
    bench = _Bench(terms, vocabulary, notes, encoder.encode(notes), items)
    rows = np.concatenate([fit, tune])
    train = _dense(bench, hidden, rows)
    strength = _search(train, material.label[rows], len(fit), seed)
    weights, intercept = _fit(train, material.label[rows], strength)
    calibrate = material.slices.calibrate
    held = _dense(bench, material, calibrate)
    raw = softmax(held @ weights + intercept)
    calibration, sets = calibrated(raw, material.label[calibrate])
    model = ReasonModel(material.classes, weights, intercept, terms, vocabulary, calibration, sets)
    return model, {"C": strength, "terms": len(terms.names), "encoder": encoder.digest[:16]}


def calibrated(raw: Floats, label: Ints) -> tuple[Calibration, PredictionSets]:
    """Calibrate on one half of the held-out rows, fit prediction sets on the other."""
    first, second = halves(np.arange(len(label)))
    known = first[label[first] >= 0]
    calibration = fit_calibration(raw[known], label[known])
    probability, truth = padded(calibration.apply(raw[second]), label[second])
    return calibration, PredictionSets.fit(probability, truth, coverage=COVERAGE)


def baselines(material: Examples) -> dict[str, Floats]:
    """Naive answers: always the majority, or what is usual for the declared reason."""
    return {
        "majority": usual_shares(material, []),
        "declared_reason": usual_shares(material, [value_of("reason_declared")]),
    }


def _learn(
    material: Examples, notes: list[str], fit: Ints, items: Items
) -> tuple[Terms, Vocabulary]:
    from sklearn.feature_selection import chi2

    some = learn_terms([notes[row] for row in fit], at_least=3 if len(fit) < 5_000 else 5)
    families = items.look_up(material.columns["sku"], material.columns["family"])[0]
    columns = {**material.take(fit), "family": [families[row] for row in fit]}
    vocabulary = Vocabulary.learn(columns, list(FLAGS))
    if len(some.names) <= TERMS_KEPT:
        return some, vocabulary
    weights = some.weigh([notes[row] for row in fit])
    telling = np.nan_to_num(chi2(weights, material.label[fit])[0])
    kept = np.sort(np.argsort(-telling, kind="stable")[:TERMS_KEPT])
    names = tuple(some.names[place] for place in kept)
    return Terms(names, some.idf[kept], some.known_words), vocabulary


@dataclass(frozen=True, slots=True)
class _Bench:
    """What the matrix of any lines is made from."""

    terms: Terms
    vocabulary: Vocabulary
    notes: list[str]
    vectors: Floats
    items: Items


def _dense(bench: _Bench, material: Examples, rows: Ints) -> Floats:
    """Inputs of the head as one float32 matrix: vector, terms, flags."""
    columns = material.take(rows)
    families = bench.items.look_up(columns["sku"], columns["family"])[0]
    flagged = {**columns, "family": families}
    weights = bench.terms.weigh([bench.notes[row] for row in rows])
    blocks = [bench.vectors[rows], np.asarray(weights.toarray(), dtype=np.float32)]
    for name in FLAGS:
        codes = bench.vocabulary.encode(name, flagged[name]).astype(int)
        places = np.arange(len(bench.vocabulary.values[name]))
        blocks.append(FLAG_WEIGHT * (codes[:, None] == places))
    return np.hstack(blocks).astype(np.float32)


def _search(train: Floats, label: Ints, fitted: int, seed: int) -> float:
    """Strength with the smallest log loss on the tune slice, judged on a sample of fit lines."""
    rng = np.random.default_rng(seed)
    some = rng.permutation(fitted)[:SEARCH_LINES]
    some = some[np.isin(label[some], label)]
    held = np.arange(fitted, len(label))
    losses = []
    for strength in STRENGTHS:
        weights, intercept = _fit(train[some], label[some], strength, int(label.max()) + 1)
        probability = softmax(train[held] @ weights + intercept)
        losses.append(-np.mean(np.log(probability[np.arange(len(held)), label[held]] + 1e-9)))
    return STRENGTHS[int(np.argmin(losses))]


def _fit(
    train: Floats, label: Ints, strength: float, classes: int | None = None
) -> tuple[Floats, Floats]:
    """Multinomial logistic regression: weights of shape (inputs, classes) and intercepts."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with warnings.catch_warnings(), threadpool_limits(1):  # two threads wait for each other
        warnings.simplefilter("ignore", ConvergenceWarning)  # a capped fit is tuned as it is
        head = LogisticRegression(C=strength, max_iter=_ITERATIONS, tol=1e-3).fit(train, label)
    size = classes or int(label.max()) + 1
    weights = np.zeros((train.shape[1], size), dtype=np.float32)
    intercept = np.full(size, -20.0, dtype=np.float32)
    weights[:, head.classes_] = head.coef_.T
    intercept[head.classes_] = head.intercept_
    return weights, intercept
