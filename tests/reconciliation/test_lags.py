"""Lags against hours counted by hand."""

from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from mining.calendars import Calendar
from mining.reconciliation import lags, reconcile_frames

OFFICE = Calendar("D", ZoneInfo("Europe/Berlin"), (((480, 1080),),) * 5 + ((), ()))


def rows(*moments, prefix):
    """One row per moment (UTC) at site D; ids count up."""
    return pd.DataFrame(
        {
            "movement_id": [f"{prefix}{i}" for i in range(len(moments))],
            "line": [f"R{i}:1" for i in range(len(moments))],
            "site": "D",
            "quantity": 2.0,
            "unit_cost": 10.0,
            "occurred_at": pd.to_datetime(list(moments), utc=True),
        }
    )


@pytest.fixture
def table():
    """Friday 17:00 to Monday 09:00 in Berlin, across the change to summer time; one still open."""
    moved = rows("2026-03-27 16:00", "2026-03-27 16:00", prefix="W")
    posted = rows("2026-03-30 07:00", prefix="E")
    found = reconcile_frames(moved, posted, keys=[("line",)], as_of="2026-03-31 07:00")
    return lags(found, calendars=[OFFICE]).set_index(["lag", "site"])


def test_business_hours_leave_out_nights_and_the_weekend(table):
    mine = table.loc[("posting_lag", "D")]
    assert mine["p50_h"] == pytest.approx(63)
    assert mine["business_p50_h"] == pytest.approx(2)


def test_what_is_open_is_censored_and_counts_its_value(table):
    mine = table.loc[("match_lag", "D")]
    assert (mine["n"], mine["open_share"]) == (2, 0.5)
    assert mine["p90_h"] is None or pd.isna(mine["p90_h"])
    value = table.loc[("value_days", "D")]
    assert value["value_days"] == pytest.approx(20 * 63 / 24 + 20 * 87 / 24)
    assert value["equivalent_lag_days"] == pytest.approx((63 + 87) / 48)
