import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

from models import metrics


@pytest.fixture
def judged():
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.ones(5), size=400)
    return probability, rng.integers(5, size=400)


def test_scores_agree_with_scikit_learn(judged):
    probability, label = judged
    ours, chosen = metrics.scores(probability, label), probability.argmax(axis=1)
    assert ours.macro_f1 == pytest.approx(f1_score(label, chosen, average="macro"))
    assert ours.balanced_accuracy == pytest.approx(balanced_accuracy_score(label, chosen))
    floored = np.maximum(probability, metrics.LEAST)
    expected = log_loss(label, floored / floored.sum(axis=1, keepdims=True))
    assert ours.log_loss == pytest.approx(expected, abs=0.01)


def test_a_model_gains_nothing_over_itself(judged):
    loss = metrics.losses(*judged)
    gain = metrics.paired_gain(loss, loss, np.arange(400))
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_repeated_lines_of_one_case_do_not_narrow_the_interval(judged):
    loss = metrics.losses(*judged)
    worse = loss + np.random.default_rng(1).normal(0.1, 1.0, size=400)
    alone = metrics.paired_gain(loss, worse, np.arange(400))
    copied = metrics.paired_gain(np.repeat(loss, 9), np.repeat(worse, 9), np.arange(3600) // 9)
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.25)


def test_perfect_probabilities_stay_under_the_chance_error():
    rng = np.random.default_rng(2)
    probability = rng.dirichlet(np.ones(3), size=800)
    label = np.array([rng.choice(3, p=row) for row in probability])
    assert metrics.calibration_error(probability, label) < 1.3 * metrics.chance_error(probability)
