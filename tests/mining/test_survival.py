"""Kaplan-Meier against the library others trust, and against the lie it corrects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mining.survival import kaplan_meier

lifelines = pytest.importorskip("lifelines")

WATCHED = st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=60)


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
    for q in (0.113, 0.517, 0.893):  # not a ratio of small counts: no rounding at a step
        expected = theirs.percentile(1 - q)
        found = curve.quantile(q)
        assert found == (None if np.isinf(expected) else expected)


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
    found = kaplan_meier(durations, ended).quantile(0.5)
    assert found == pytest.approx(9.2, rel=0.04)  # s.e. of the median about 0.1
    assert np.median(durations[ended]) < 0.8 * 9.2


def test_no_observation_has_no_quantile():
    assert kaplan_meier([], []).quantile(0.5) is None
