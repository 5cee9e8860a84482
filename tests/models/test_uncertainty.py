import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import metrics
from models.uncertainty import Calibration, PredictionSets, conformal_quantile, fit_calibration


def drawn(rng, rows, *, sharpen=1.0, classes=4):
    """Probabilities that state the truth once their temperature is undone."""
    truth = rng.dirichlet(np.full(classes, 0.6), size=rows)
    label = np.array([rng.choice(classes, p=row) for row in truth])
    stated = truth**sharpen
    return stated / stated.sum(axis=1, keepdims=True), label


def test_conformal_sets_cover_what_the_theorem_promises():
    # E[coverage] is in [0.9, 0.9 + 1/101] for 100 calibration rows (Lei et al. 2018);
    # 400 repeats of 100 test rows -> standard error below 0.003
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        probability, label = drawn(rng, 200)
        sets = PredictionSets.fit(probability[:100], label[:100], coverage=0.9)
        inside = sets.members(probability[100:])
        covered.append(inside[np.arange(100), label[100:]].mean())
    assert 0.9 - 0.01 < np.mean(covered) < 0.9 + 1 / 101 + 0.01


def test_too_few_rows_promise_nothing_and_every_class_stays_in_the_set():
    sets = PredictionSets.fit(np.array([[0.9, 0.1]]), np.array([0]), coverage=0.9)
    assert sets.quantile == float("inf")
    assert sets.members(np.array([[0.999, 0.001]])).all()


def test_the_quantile_is_an_observed_score_of_the_right_rank():
    assert conformal_quantile(np.arange(1.0, 101.0), coverage=0.9) == 91.0


def test_overconfident_probabilities_are_tempered():
    rng = np.random.default_rng(2)
    stated, label = drawn(rng, 6000, sharpen=2.0)
    calibration = fit_calibration(stated[:3000], label[:3000])
    before = metrics.calibration_error(stated[3000:], label[3000:])
    after = metrics.calibration_error(calibration.apply(stated[3000:]), label[3000:])
    assert after < 0.5 * before
    assert calibration.temperature == pytest.approx(2.0, abs=0.35)


def test_noisy_labels_lower_the_top_without_lowering_the_rest():
    rng = np.random.default_rng(3)
    stated, label = drawn(rng, 8000)
    noisy = np.where(rng.random(8000) < 0.15, (label + 1) % 4, label)
    calibration = fit_calibration(stated[:4000], noisy[:4000])
    after = metrics.calibration_error(calibration.apply(stated[4000:]), noisy[4000:])
    assert after < 0.6 * metrics.calibration_error(stated[4000:], noisy[4000:])


@given(st.integers(0, 10_000), st.floats(0.3, 5.0))
def test_calibrated_rows_are_probabilities(seed, temperature):
    rng = np.random.default_rng(seed)
    stated, _ = drawn(rng, 20)
    mapped = Calibration(temperature, np.array([0.2, 0.9]), np.array([0.3, 0.7])).apply(stated)
    assert np.all(mapped >= 0)
    assert np.allclose(mapped.sum(axis=1), 1.0)


def test_a_calibration_survives_being_saved():
    calibration = Calibration(1.3, np.array([0.1, 0.9]), np.array([0.2, 0.8]))
    again = Calibration.from_arrays(calibration.to_arrays())
    stated, _ = drawn(np.random.default_rng(4), 10)
    assert np.array_equal(calibration.apply(stated), again.apply(stated))
