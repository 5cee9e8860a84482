"""What 40,000 lines show against the ranges of the simulator's specification.

A range that is wider here than in the specification says so.
"""

import numpy as np
import pytest

from tests.simulator import measures


@pytest.fixture(scope="module")
def con(forty_thousand):
    return measures.truth(forty_thousand)


def medians(values):
    return {site: float(np.median(days)) for site, days in values.items()}


def test_arrival_to_close(con):
    days = medians(measures.days_between(con, "A08", "X03"))
    assert all(2.5 <= days[site] <= 4.0 for site in measures.MODERN), days
    assert 5.0 <= days["DC4"] <= 7.0, days
    assert 7.0 <= days["DC5"] <= 11.0, days


def test_credit_after_receipt(con):
    """2, 5 and 9 days are meant, give or take a credit run.

    Runs are a day apart, so that a median jumps by a whole day; the mean of the middle half does
    not.
    """
    days = {
        site: measures.midmean(values)
        for site, values in measures.days_between(con, "A09", "E05").items()
    }
    assert all(1.5 <= days[site] <= 3.1 for site in measures.MODERN), days
    assert 4.5 <= days["DC4"] <= 6.0, days
    assert 8.0 <= days["DC5"] <= 10.0, days


def test_lag_of_postings(con):
    """Minutes where movements are sent at once, 13 h by file, 1.5 to 3 days by mail."""
    lag = measures.days_to_post(con)
    middle = medians(lag)
    assert all(1 <= 1440 * middle[site] <= 5 for site in measures.MODERN), middle
    assert 11 <= 24 * middle["DC4"] <= 15, middle
    assert 1.5 <= middle["DC5"] <= 3.0, middle
    assert 4.5 <= float(np.quantile(lag["DC5"], 0.9)) <= 7.0


def test_open_breaks_by_movement(con):
    share = measures.break_shares(con)
    assert all(0.015 <= share[site] <= 0.03 for site in measures.MODERN), share
    assert 0.08 <= share["DC4"] <= 0.12, share
    assert 0.15 <= share["DC5"] <= 0.22, share


def test_claim_windows_missed(con):
    claims = measures.missed_windows(con)
    modern = [claims[site] for site in measures.MODERN]
    assert 0.08 <= sum(m for _, m in modern) / sum(n for n, _ in modern) <= 0.15, claims
    assert 0.30 <= claims["DC5"][1] / claims["DC5"][0] <= 0.45, claims


def test_ten_variants_hold_most_lines_but_not_all(con):
    variants, share = measures.variety(con)
    assert variants >= 60
    assert 0.55 <= share <= 0.75


def test_leakage_is_a_pareto(con):
    assert 0.75 <= measures.concentration(con) <= 0.80


def test_closed_lines_alone_understate_the_last_month(con):
    assert measures.understatement(con) > 1.15


def test_every_broken_rule_is_there_often_enough(con):
    fired = dict(con.execute("select rule, count(*) from deviations group by 1").fetchall())
    assert {rule for rule, count in fired.items() if count < 20} <= {"C13", "C14", "C22"}
    assert min(fired.values()) >= 5
