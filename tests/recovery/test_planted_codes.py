"""Codes that came into use or went out of it are found on their day; steady ones are not."""

import math

import numpy as np
import pandas as pd
import pytest

from mining.changepoints import find_changes
from mining.codes import ENOUGH_DAYS, turns

DAYS = pd.date_range("2026-03-02", periods=80)


def by_day(random, *, share=0.02, first=0, last=80, lines=60):
    """Share of a code among sixty lines a day, borne from one day to another."""
    used = (np.arange(len(DAYS)) >= first) & (np.arange(len(DAYS)) < last)
    hits = random.binomial(lines, share, len(DAYS)) * used
    return pd.DataFrame({"value": hits / lines, "n": float(lines)}, index=DAYS)


def test_a_code_in_steady_use_is_suspected_no_more_often_than_the_p_values_say():
    random = np.random.default_rng(1)
    p_values = [
        turn.p_value for _ in range(400) for turn in turns("DC1", "x", by_day(random, share=0.004))
    ]
    assert len(p_values) > 300
    # Standard error of a share of 0.05 among 300 is 0.013: two of them above.
    assert np.mean(np.array(p_values) <= 0.05) <= 0.076


def test_the_p_value_is_the_chance_of_staying_out_of_the_first_days():
    days = by_day(np.random.default_rng(2), first=30)
    days["value"] = np.where(np.arange(len(DAYS)) % 5 == 0, 0.1, 0.0) * (np.arange(80) >= 30)
    [new, *gone] = turns("DC1", "x", days)
    assert new.day == DAYS[30].date()
    assert (new.before, new.after) == (0.0, pytest.approx(0.02))
    assert new.p_value == pytest.approx(math.comb(50, 10) / math.comb(80, 10))
    assert [turn.day for turn in gone] == [DAYS[76].date()]


def test_new_and_vanished_codes_are_found_among_many_steady_ones():
    random = np.random.default_rng(3)
    codes = [
        turn
        for site in ("DC1", "DC2")
        for number in range(40)
        for turn in turns(site, f"reason {number}", by_day(random))
    ]
    codes += [*turns("DC1", "reason NEW", by_day(random, first=44))]
    codes += [*turns("DC1", "reason OLD", by_day(random, last=44))]
    found = find_changes([], codes=codes).frame
    assert set(found["measure"]) == {"reason NEW", "reason OLD"}
    assert ((pd.to_datetime(found["day"]) - DAYS[44]).dt.days.abs() <= 3).all()
    assert found["change"].nunique() == 1


def test_a_code_seen_on_a_few_days_is_no_evidence():
    days = by_day(np.random.default_rng(4), first=80 - ENOUGH_DAYS // 2, share=0.5)
    assert not list(turns("DC1", "x", days))


@pytest.mark.slow
def test_the_new_reason_list_of_an_ordinary_year_is_found_to_the_day(tmp_path):
    from ingestion.intake import ingest
    from ingestion.settings import Settings
    from ingestion.simulator import simulate
    from mining import load
    from mining.changepoints import changes

    simulate(tmp_path / "sim", lines=20_000, seed=1)
    settings = Settings.load(tmp_path / "home")
    ingest(settings, [tmp_path / "sim" / "sources"])
    told = pd.read_csv(tmp_path / "sim" / "truth" / "happenings.csv").set_index("kind")
    day = pd.Timestamp(told.loc["reason_list_change", "start"]).tz_localize(None).normalize()
    frame = changes(load(settings.home)).frame
    for code in ("reason FULFIL.INCOMPATIBLE", "reason CHOICE.BETTER_PRICE"):
        found = frame[frame["measure"] == code]
        assert len(found) >= 3
        off = (pd.to_datetime(found["day"]) - day).dt.days
        assert off.abs().median() <= 1
        assert off.abs().max() <= 7
