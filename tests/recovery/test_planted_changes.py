"""Planted change points are found on their day; where nothing changed, nothing is found."""

import json

import numpy as np
import pandas as pd
import pytest
import ruptures

from mining.changepoints import Series, changes, find_changes
from mining.shifts import SHORTEST, find_shift, find_shifts


def noise(random, days, *, memory=0.0):
    series = np.zeros(days + 30)
    for day, drawn in enumerate(random.standard_normal(days + 30)):
        series[day] = memory * series[day - 1] + drawn
    return series[30:]


def found(values, seed=1):
    return find_shift(values, np.ones(len(values)), random=np.random.default_rng(seed))


def test_the_place_is_that_of_least_squares():
    """ruptures fits one change of mean by least squares."""
    random = np.random.default_rng(3)
    for _ in range(25):
        values = noise(random, 60) + 1.5 * (np.arange(60) >= random.integers(15, 45))
        [place, _] = ruptures.Dynp(model="l2", min_size=SHORTEST, jump=1).fit_predict(values, 1)
        # Both maximise the same sum of squares; ours needs SHORTEST days on either side too.
        assert found(values).place == place


@pytest.mark.parametrize("memory", [0.0, 0.4])
def test_without_a_shift_p_values_are_small_no_more_often_than_they_say(memory):
    random = np.random.default_rng(11)
    p_values = [found(noise(random, 60, memory=memory), seed).p_value for seed in range(200)]
    # Standard error of a share of 0.05 in 200 runs is 0.015: two of them above.
    assert np.mean(np.array(p_values) <= 0.05) <= 0.08


def test_two_shifts_are_found_on_their_days_and_a_short_series_has_none():
    values = noise(np.random.default_rng(5), 90)
    values[30:] += 4
    values[60:] -= 6
    shifts = find_shifts(values, np.ones(90), p_limit=1e-3, random=np.random.default_rng(1))
    assert [shift.place for shift in shifts] == [30, 60]
    assert shifts[0].after - shifts[0].before == pytest.approx(4, abs=1)
    assert found(values[:11]) is None


def family(seed, *, planted=()):
    """Forty measures of two sites over sixty days; a quarter has a rhythm of the week."""
    random = np.random.default_rng(seed)
    days = pd.date_range("2026-01-05", periods=60)
    series = []
    for number in range(40):
        values = 20 + noise(random, 60, memory=0.3)
        if number % 4 == 0:
            values += np.where(days.day_of_week == 0, 6.0, 0.0)
        if number in planted:
            values += 4 * (np.arange(60) >= 35)
        frame = pd.DataFrame({"value": values, "n": random.integers(20, 40, 60)}, index=days)
        site = "DC1" if number % 2 else "DC2"
        series.append(Series(site, f"m{number}", "hours", frame, worth=1_000.0))
    return series


def test_forty_series_without_a_change_stay_silent():
    loud = [len(find_changes(family(seed), seed=seed).frame) > 0 for seed in range(20)]
    assert np.mean(loud) <= 0.05


def test_what_changed_together_at_a_site_is_one_change_with_its_money():
    said = find_changes(family(7, planted=(4, 8, 12)))
    assert set(said.frame["measure"]) == {"m4", "m8", "m12"}
    assert set(said.frame["site"]) == {"DC2"}
    assert said.frame["change"].nunique() == 1
    day = pd.Timestamp("2026-01-05") + pd.Timedelta(days=35)
    off = (pd.to_datetime(said.frame["day"]) - day).dt.days.abs()
    assert off.max() <= 2
    # four hours on lines worth 1,000 a day, at 12 % a year and 2 % a month
    per_hour = 1_000 / 24 * (0.12 / 365 + 0.02 / 30)
    steps = said.frame["after"] - said.frame["before"]
    assert said.frame["money_per_day"].tolist() == pytest.approx(
        (steps * per_hour).tolist(), abs=0.01
    )
    [change] = said.to_dict()["changes"]
    assert len(change["measures"]) == 3
    json.dumps(said.to_dict(), allow_nan=False)


@pytest.mark.slow
def test_the_new_reason_list_of_a_drifting_year_is_found_at_the_busy_sites(tmp_path):
    from ingestion.intake import ingest
    from ingestion.settings import Settings
    from ingestion.simulator import simulate
    from mining import load

    simulate(tmp_path / "sim", lines=12_000, seed=1, scenario="drift")
    settings = Settings.load(tmp_path / "home")
    ingest(settings, [tmp_path / "sim" / "sources"])
    told = pd.read_csv(tmp_path / "sim" / "truth" / "happenings.csv").set_index("kind")
    day = pd.Timestamp(told.loc["reason_list_change", "start"]).tz_localize(None).normalize()
    frame = changes(load(settings.home)).frame
    other = frame[frame["measure"] == "reason OTHER"]
    assert {"DC1", "DC2", "DC3"} <= set(other["site"])
    assert ((pd.to_datetime(other["day"]) - day).dt.days.abs() <= 2).all()
    assert (other["after"] > other["before"] + 0.1).all()
