"""Runs held in memory give the figures of the SQL, to the last count and quantile."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mining import directly_follows_graph, load
from mining.cells import Cells
from mining.engine import DuckDBEngine
from mining.runs import Groups, Runs

SITES = st.sampled_from([None, "DC1", "DC2"])
MOMENTS = st.sampled_from(["2026-01-01", "2026-01-15T12:00Z", "2026-02-01", "2026-03-31"])
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["c1", "c2", "c3", "c4", "c5"]),
        st.sampled_from("abcd"),
        st.integers(0, 95 * 24),
        st.sampled_from(["DC1", "DC2"]),
    ),
    min_size=1,
    max_size=60,
)


def log_of_rows(rows):
    frame = pd.DataFrame(rows, columns=["case_id", "activity", "hour", "site"])
    hours = pd.to_timedelta(frame.pop("hour"), unit="h")
    return load(frame.assign(occurred_at=pd.Timestamp("2026-01-01", tz="UTC") + hours))


def without_cells(log):
    return replace(log, _cells=Cells(most_events_at_once=-1))


def assert_same_graph(fast, slow):
    for found, expected in ((fast.edges, slow.edges), (fast.activities, slow.activities)):
        pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-12, atol=1e-9)
    assert (fast.cases, fast.events, fast.cases_with_ties) == (
        slow.cases,
        slow.events,
        slow.cases_with_ties,
    )
    assert (fast.start, fast.end) == (slow.start, slow.end)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVENTS, SITES, MOMENTS, MOMENTS)
def test_any_slice_of_any_log_is_what_the_sql_says(rows, site, start, end):
    log = log_of_rows(rows)
    site = site if site in log.sites else None
    where = {"site": site, "start": start, "end": end}
    log.hold()
    assert log.cells(log.slice(**where)) is not None
    assert_same_graph(
        directly_follows_graph(log, **where), directly_follows_graph(without_cells(log), **where)
    )


@pytest.mark.parametrize("site", [None, "DC1", "DC4"])
@pytest.mark.parametrize(
    ("start", "end"), [("2026-06-25", "2026-07-01"), ("2026-06-01", "2026-08-01")]
)
def test_simulated_returns_with_calendars_too(small_home, site, start, end):
    log = load(small_home)
    log.hold()
    fast = directly_follows_graph(log, site=site, start=start, end=end)
    assert fast.cases > 0
    if site is not None:
        assert fast.edges["business_p50_s"].notna().any()
    assert_same_graph(
        fast, directly_follows_graph(without_cells(log), site=site, start=start, end=end)
    )


def test_months_that_do_not_fit_are_dropped_and_read_again():
    rows = [
        (f"c{day}", name, 24 * day + n, "DC1") for day in range(90) for n, name in enumerate("ab")
    ]
    log = log_of_rows(rows)
    tight = replace(log, _cells=Cells(most_bytes=1))
    for _ in range(3):
        for start, end in (("2026-01-01", "2026-02-01"), ("2026-02-01", "2026-04-01")):
            assert_same_graph(
                directly_follows_graph(tight, start=start, end=end),
                directly_follows_graph(without_cells(log), start=start, end=end),
            )
    assert len(tight._cells._held) == 1


def test_a_month_is_read_when_it_is_asked_for_again():
    log = log_of_rows([(f"c{day}", "a", 24 * day, "DC1") for day in range(90)])
    january, both = (log.slice(start="2026-01-01", end=end) for end in ("2026-02-01", "2026-03-01"))
    assert log.cells(january) is None
    assert log.cells(both) is None
    assert len(log.cells(january).cases["events"]) == 31
    assert len(log.cells(both).cases["events"]) == 59


def test_holding_all_months_leaves_nothing_to_read(monkeypatch):
    log = log_of_rows([(f"c{day}", name, 24 * day, "DC1") for day in range(90) for name in "ab"])
    expected = directly_follows_graph(log, start="2026-01-01", end="2026-03-01").to_dict()
    log.hold()

    def refuse(*_, **__):
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(DuckDBEngine, "fetch", refuse)
    found = directly_follows_graph(log, start="2026-01-01", end="2026-03-01")
    assert found.to_dict() == expected


def test_quantiles_and_deviations_are_numpys():
    random = np.random.default_rng(3)
    values = np.sort(random.integers(0, 10**13, 500))
    groups = Groups(np.array([7]), np.array([0, len(values)]), values)
    for q in (0.0, 0.5, 0.9, 0.95, 1.0):
        assert groups.quantile(q) == pytest.approx([np.quantile(values, q)], rel=1e-14)
    assert groups.deviations() == pytest.approx([np.std(values, ddof=1)], rel=1e-12)


def test_sums_beyond_64_bits_do_not_wrap_around():
    values = np.full(100, 2**62, np.int64)
    groups = Groups(np.array([0]), np.array([0, 100]), values)
    assert groups.sums().tolist() == [100.0 * 2**62]


def test_runs_of_nothing_are_no_groups():
    names = ("site_no", "source", "target", "value", "opened_us")
    empty = Runs.of(pa.table({name: pa.array([], pa.int64()) for name in names}))
    assert Groups.merged([empty, empty.at(3).between(0, 1)]).sizes.tolist() == []
