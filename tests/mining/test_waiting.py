"""Waits split by cause: reference pairs, small shifts anyone can check, and sums that hold."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mining.calendars import DAY_US, Calendar
from mining.waiting import CAUSES, concurrent_activities, split_waits

HOUR = 3_600_000_000
PAIRS = ["handoff-test", *(f"manual_log_{n}" for n in range(1, 6))]
LONG, SPLIT = [["10:00", "20:00"]], [["10:00", "12:00"], ["12:30", "20:00"]]
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")


def read_instances(path):
    rows = pd.read_csv(path, keep_default_na=False, dtype=str)
    times = {
        name: pd.to_datetime(rows[column], utc=True).dt.as_unit("us").astype("int64")
        for name, column in (("start_us", "start_time"), ("end_us", "end_time"))
    }
    return pd.DataFrame(
        {
            "case_id": rows["case_id"],
            "activity": rows["Activity"],
            "resource": rows["Resource"],
            **times,
        }
    )


def shifts_of(resource):
    spells = SPLIT if resource == "Marcus" else LONG
    return Calendar.parse(resource, "UTC", json.dumps(dict.fromkeys(WORKDAYS, spells)))


def seen_at_work(instances):
    """Weekly hours of each resource as its own log shows them, by quarters of an hour."""
    hours = {}
    for row in instances.itertuples():
        mine = hours.setdefault(row.resource, set())
        for moment in (row.start_us, row.end_us):
            day = (moment // DAY_US + 3) % 7
            mine.add((day, moment % DAY_US // (15 * 60_000_000)))
    return hours


def off_duty_by(instances, pair):
    if pair != "handoff-test":

        def off(resource, begins, ends):
            time = shifts_of(resource).over(begins, ends)
            edges = np.concatenate([[begins], time.spells.ravel(), [ends]]).reshape(-1, 2)
            return np.clip(edges, begins, ends)

        return off
    hours = seen_at_work(instances)
    quarter = 15 * 60_000_000

    def unseen(resource, begins, ends):
        spans = []
        for slot in range(begins // quarter, -(-ends // quarter)):
            day, nth = (slot * quarter // DAY_US + 3) % 7, slot * quarter % DAY_US // quarter
            if (day, nth) not in hours[resource]:
                spans.append((max(begins, slot * quarter), min(ends, (slot + 1) * quarter)))
        return np.array(spans, np.int64).reshape(-1, 2)

    return unseen


@pytest.mark.parametrize("pair", PAIRS)
def test_the_reference_pairs_are_reproduced_exactly(pair, shared_data):
    folder = shared_data / "wta_tests"
    sizes = json.loads((folder / "parameters.json").read_text())["batch_size"]
    instances = read_instances(folder / f"{pair}.csv")
    waits = split_waits(
        instances, off_duty=off_duty_by(instances, pair), smallest_batch=sizes[pair]
    )
    keys = ["source_activity", "source_resource", "activity", "resource"]
    columns = ["wait_us", *(f"{cause}_us" for cause in CAUSES)]
    found = waits.groupby(keys)[columns].sum()
    found.insert(0, "frequency", waits.groupby(keys)["case_id"].count())
    expected = pd.read_csv(folder / f"{pair}_expected.csv", keep_default_na=False)
    expected = expected.rename(
        columns={"target_activity": "activity", "target_resource": "resource"}
    ).set_index(keys)
    table = pd.DataFrame({"frequency": expected["frequency"].astype(int)})
    for column, name in zip(columns, ("total", *CAUSES), strict=True):
        said = pd.to_timedelta(expected[f"wt_{name}"])
        table[column] = said.dt.as_unit("us").astype("int64")
    pd.testing.assert_frame_equal(found.sort_index(), table.sort_index(), check_dtype=False)


def shift(*rows):
    """``(case, activity, resource, start hour, end hour)`` per row."""
    frame = pd.DataFrame(rows, columns=["case_id", "activity", "resource", "start_us", "end_us"])
    frame[["start_us", "end_us"]] = (frame[["start_us", "end_us"]] * HOUR).astype("int64")
    return frame


def hours(waits, case):
    [row] = waits[waits["case_id"] == case].to_dict("records")
    return {cause: row[f"{cause}_us"] / HOUR for cause in CAUSES if row[f"{cause}_us"]}


def test_work_that_was_there_before_is_contention_and_work_that_came_later_priority():
    instances = shift(
        ("1", "a", "x", 0, 1),
        ("2", "a", "y", 0, 2),
        ("3", "a", "z", 1, 4),
        ("1", "b", "ann", 1, 3),
        ("3", "b", "ann", 4, 5),
        ("2", "b", "ann", 6, 7),
    )
    assert hours(split_waits(instances), "2") == {
        "contention": 1,
        "prioritization": 1,
        "extraneous": 2,
    }


def test_the_first_of_a_batch_waits_for_the_last():
    instances = shift(
        ("1", "a", "x", 0, 1),
        ("2", "a", "y", 0, 5),
        ("1", "b", "ann", 6, 7),
        ("2", "b", "ann", 7, 8),
    )
    waits = split_waits(instances)
    assert hours(waits, "1") == {"batching": 4, "extraneous": 1}
    assert hours(waits, "2") == {"extraneous": 1, "contention": 1}
    assert "batching" not in hours(split_waits(instances, smallest_batch=3), "1")


def test_a_wait_while_off_duty_is_unavailability():
    instances = shift(("1", "a", "x", 0, 1), ("1", "b", "ann", 9, 10))
    waits = split_waits(instances, off_duty=lambda *_: np.array([[2 * HOUR, 8 * HOUR]]))
    assert hours(waits, "1") == {"unavailability": 6, "extraneous": 2}


def test_concurrent_activities_do_not_enable_each_other():
    rows = []
    for n in range(10):
        first, second = ("b", "c") if n % 2 else ("c", "b")
        rows += [(str(n), "a", "x", 0, 1), (str(n), first, "y", 2, 3), (str(n), second, "z", 4, 5)]
    instances = shift(*rows)
    assert concurrent_activities(instances) == {"b": {"c"}, "c": {"b"}}
    waits = split_waits(instances)
    assert set(waits["source_activity"]) == {"a"}


ROWS = st.lists(
    st.tuples(
        st.sampled_from("123456"),
        st.sampled_from("abc"),
        st.sampled_from("xy"),
        st.integers(0, 40),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(ROWS)
def test_the_causes_always_sum_to_the_wait_and_none_is_negative(rows):
    instances = shift(*((c, a, r, start, start + long) for c, a, r, start, long in rows))
    waits = split_waits(instances, off_duty=lambda *_: np.array([[8 * HOUR, 16 * HOUR]]))
    parts = waits[[f"{cause}_us" for cause in CAUSES]]
    assert (parts >= 0).all(axis=None)
    assert (parts.sum(axis=1) == waits["wait_us"]).all()
    assert (waits["wait_us"] == waits["start_us"] - waits["enabled_us"]).all()
