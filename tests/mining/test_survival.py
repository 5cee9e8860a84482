"""Kaplan-Meier and Aalen-Johansen against the library others trust, and the lies they correct."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mining.survival import ENDED, FINISHED, OPEN, aalen_johansen, kaplan_meier

lifelines = pytest.importorskip("lifelines")

WATCHED = st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=60)
OUTCOMES = st.lists(st.sampled_from([OPEN, FINISHED, ENDED]), min_size=2, max_size=60)
LEVELS = (0.113, 0.517, 0.893)  # not a ratio of small counts: no rounding at a step


@pytest.mark.filterwarnings("ignore:Approximating using")
@settings(max_examples=60, deadline=None)
@given(WATCHED)
def test_quantiles_equal_lifelines(rows):
    durations = np.array([duration for duration, _ in rows], float)
    ended = np.array([seen for _, seen in rows])
    theirs = lifelines.KaplanMeierFitter().fit(durations, ended)
    curve = kaplan_meier(durations, ended)
    surviving = theirs.survival_function_at_times(curve.times).to_numpy()
    np.testing.assert_allclose(curve.surviving, surviving, atol=1e-12)
    for q in LEVELS:
        expected = theirs.percentile(1 - q)
        found = curve.quantile(q)
        assert found == (None if np.isinf(expected) else expected)


@pytest.mark.filterwarnings("ignore:Approximating using")
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 120))
def test_the_band_of_a_quantile_equals_lifelines(seed, n):
    random = np.random.default_rng(seed)
    durations = random.integers(1, 40, n).astype(float)
    ended = random.random(n) < 0.8
    durations[-1], ended[-1] = 41.0, False  # the curve ends above zero, where theirs has no band
    theirs = lifelines.KaplanMeierFitter().fit(durations, ended).confidence_interval_
    curve = kaplan_meier(durations, ended)
    for q in LEVELS:
        low, high = lifelines.utils.qth_survival_times(1 - q, theirs).iloc[0].sort_values().tolist()
        assert curve.band(q) == tuple(None if np.isinf(x) else x for x in (low, high))


@settings(max_examples=60, deadline=None)
@given(OUTCOMES, st.randoms(use_true_random=False))
def test_competing_ends_equal_lifelines(outcomes, random):
    durations = np.array(random.sample(range(1, 200), len(outcomes)), float)
    outcomes = np.array(outcomes)
    if not (outcomes == FINISHED).any():
        assert aalen_johansen(durations, outcomes).quantile(0.5) is None
        return
    fitter = lifelines.AalenJohansenFitter()
    with np.errstate(all="ignore"):
        theirs = fitter.fit(durations, outcomes, event_of_interest=FINISHED)
    curve = aalen_johansen(durations, outcomes)
    share = theirs.cumulative_density_.iloc[:, 0].reindex(curve.times).to_numpy()
    np.testing.assert_allclose(1 - curve.surviving, share, atol=1e-12)
    variance = theirs.variance_.reindex(curve.times).to_numpy(float)
    comparable = np.isfinite(variance)  # theirs divides by nobody at the last one at risk
    np.testing.assert_allclose(curve.variance[comparable], variance[comparable], atol=1e-12)
    with np.errstate(all="ignore"):
        others = fitter.fit(durations, outcomes, event_of_interest=ENDED)
    assert curve.ended == pytest.approx(others.cumulative_density_.iloc[-1, 0])


def test_a_quantile_is_of_the_lines_that_do_not_end_otherwise():
    durations = np.arange(1.0, 11)
    outcomes = np.array([ENDED] * 4 + [FINISHED] * 6)
    curve = aalen_johansen(durations, outcomes)
    assert curve.ended == pytest.approx(0.4)
    assert (curve.quantile(0.5), curve.quantile(1.0)) == (7.0, 10.0)
    as_open = kaplan_meier(durations, outcomes == FINISHED)
    assert as_open.surviving[0] == pytest.approx(5 / 6)  # pretends the four might yet have finished
    assert curve.surviving[0] == pytest.approx(9 / 10)
    still_open = np.where(durations > 8, OPEN, outcomes)
    assert aalen_johansen(durations, still_open).quantile(0.9) is None


def test_the_band_covers_the_median_as_often_as_it_says():
    random = np.random.default_rng(11)
    hits = 0
    for _ in range(400):
        truth, other, watched = (random.exponential(scale, 150) for scale in (5.0, 12.0, 20.0))
        durations = np.minimum(np.minimum(truth, other), watched)
        outcomes = np.where(durations == watched, OPEN, np.where(durations == truth, 1, 2))
        curve = aalen_johansen(durations, outcomes)
        low, high = curve.band(0.5)
        # the level is estimated too, so compare at the level the curve itself used
        level = 0.5 * (1 - curve.ended)
        rate = 1 / 5 + 1 / 12
        hits += low <= -np.log(1 - level * rate * 5) / rate <= high
    assert 0.92 <= hits / 400 <= 0.98  # s.e. 0.011


def test_an_open_line_is_censored_not_finished_and_not_dropped():
    durations = np.array([1.0, 2.0, 3.0, 10.0, 10.0, 10.0])
    ended = np.array([True, True, True, False, False, False])
    assert kaplan_meier(durations, ended).quantile(0.5) == 3.0
    assert kaplan_meier(durations[:3], ended[:3]).quantile(0.5) == 2.0
    assert kaplan_meier(durations, ended).quantile(0.9) is None


def test_the_curve_recovers_the_truth_that_closed_cases_understate():
    random = np.random.default_rng(4)
    truth = random.lognormal(np.log(9.2), 0.89, 20_000)
    watched = random.uniform(0, 30, 20_000)
    durations, ended = np.minimum(truth, watched), truth <= watched
    found = kaplan_meier(durations, ended)
    assert found.quantile(0.5) == pytest.approx(9.2, rel=0.04)  # s.e. of the median about 0.1
    low, high = found.band(0.5)
    assert low < 9.2 < high
    assert np.median(durations[ended]) < 0.8 * 9.2


def test_no_observation_has_no_quantile():
    assert kaplan_meier([], []).quantile(0.5) is None
    assert kaplan_meier([], []).band(0.5) == (None, None)
