"""Reserves roll forward and tie; what cannot be promised yet is counted day by day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mining import load
from mining.calendars import Calendar
from mining.reconciliation import promise_gap, reconcile_frames, reserves

START = pd.Timestamp("2026-03-02T00:00Z")


@pytest.fixture(scope="module")
def log(small_home):
    return load(small_home)


@pytest.fixture(scope="module")
def books(log):
    return reserves(log)


def test_balances_roll_forward_and_tie_to_the_open_lines(books):
    assert books.ties
    rows = books.roll_forward
    led_to = rows["opening"] + rows["recognised"] - rows["used"] - rows["released"]
    assert led_to.to_numpy() == pytest.approx(rows["closing"].to_numpy())
    for _, part in rows.groupby("account"):
        assert part["opening"].iloc[0] == 0
        assert part["opening"].to_numpy()[1:] == pytest.approx(part["closing"].to_numpy()[:-1])
    standing = books.open_lines.groupby("account")["amount"].sum()
    assert standing.min() > 0


def test_what_was_used_is_what_was_credited_and_received(log, books):
    used = books.roll_forward.groupby("account")["used"].sum()
    credited = """
    select sum(amount) as n from log_events
    where activity = 'Post credit memo' and financial_outcome not like 'REPLACE%'
        and document_id not in (
            select reversal_of from log_events
            where activity = 'Reverse posting' and reversal_of is not null
        )
    """
    amount = float(log.engine.select(credited)["n"][0].as_py())
    assert used["refund liability"] == pytest.approx(amount)
    assert used["return asset"] > 0


def test_write_offs_are_the_units_that_left_for_good(log, books):
    gone = """
    select sum(quantity) as n from log_events where activity = 'Execute disposition'
        and disposition in ('SCRAP', 'DONATE', 'LIQUIDATE', 'FIELD_DESTROY_FOR_CREDIT')
    """
    assert books.write_offs["units"].sum() == float(log.engine.select(gone)["n"][0].as_py())
    assert {"defect", "transit damage"} <= set(books.write_offs["class"])


def put_away(name, hours, **values):
    common = {"line": name, "sku": "S1", "kind": "transfer", "status": "AVAILABLE", "site": "D1"}
    at = START + pd.Timedelta(hours=hours)
    return common | {"movement_id": name, "quantity": 1.0, "occurred_at": at} | values


def gap_of(left, right, days, **more):
    empty = pd.DataFrame([put_away("none", 0)]).iloc[:0]
    frames = [pd.DataFrame(rows) if rows else empty for rows in (left, right)]
    found = reconcile_frames(*frames, as_of=START + pd.Timedelta(days=days))
    return promise_gap(found, **more)


def test_a_unit_counts_from_the_day_it_is_put_away_until_it_is_posted():
    left = [
        put_away("W1", 10, unit_cost=2.0),
        put_away("W2", 30, quantity=5.0, unit_cost=2.0),
        put_away("W3", 10, status="SCRAPPED"),
    ]
    right = [put_away("E1", 58, line="W1")]
    gap = gap_of(left, right, 3.5)
    assert gap["day"].dt.day.tolist() == [2, 3, 4, 5]
    assert gap["units"].tolist() == [1, 6, 5, 5]
    assert gap["value"].tolist() == [2, 12, 10, 10]


def test_days_end_at_midnight_of_the_site():
    left, right = [put_away("W1", 23.5)], [put_away("E1", 23.9, line="W1")]
    assert gap_of(left, right, 3).empty
    new_york = Calendar("D1", ZoneInfo("America/New_York"), ((),) * 7)
    left, right = [put_away("W1", 28)], [put_away("E1", 30, line="W1")]
    assert gap_of(left, right, 3).empty
    assert gap_of(left, right, 3, calendars=[new_york])["day"].dt.day.tolist() == [2]


@settings(max_examples=25, deadline=None)
@given(
    units=st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 100) | st.none(), st.integers(1, 9)),
        min_size=1,
        max_size=12,
    )
)
def test_each_midnight_counts_what_is_put_away_and_not_posted(units):
    left = [put_away(f"W{i}", at, quantity=float(n)) for i, (at, _, n) in enumerate(units)]
    right = [
        put_away(f"E{i}", at + wait, quantity=float(n), line=f"W{i}")
        for i, (at, wait, n) in enumerate(units)
        if wait is not None
    ]
    gap = gap_of(left, right, 14)
    counted = dict(zip(gap["day"].dt.date, gap["units"], strict=True))
    for day in range(14):
        midnight = 24 * (day + 1)
        open_units = sum(
            n for at, wait, n in units if at < midnight and (wait is None or at + wait >= midnight)
        )
        date = (datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=day)).date()
        assert counted.get(date, 0) == open_units
