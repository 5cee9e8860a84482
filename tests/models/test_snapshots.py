from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from ingestion.vocabulary import Activity
from models.errors import FutureFeature
from models.snapshots import FIELDS, Field, Moment, take_snapshots
from models.targets import decided_dispositions, inspected_reasons

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
REQUEST = ("R1:1", "Request return", 0, {"reason": "CHOICE.UNWANTED", "sku": "DRILL"})
RECEIVE = ("R1:1", "Receive", 40, {"site": "DC1", "quantity": 3})
INSPECT = (
    "R1:1",
    "Finish inspection",
    48,
    {"reason": "QUALITY.DOA", "condition": "BROKEN", "note": "dead", "extras": '{"grade":"E"}'},
)
DECIDE = ("R1:1", "Decide disposition", 49, {"disposition": "SCRAP"})


def test_a_snapshot_holds_what_was_said_by_the_end_of_inspection(lake_of):
    [row] = take_snapshots(lake_of(REQUEST, RECEIVE, INSPECT, DECIDE)).to_dict("records")
    assert row["reason_declared"] == "CHOICE.UNWANTED"
    assert row["reason_inspected"] == "QUALITY.DOA"
    assert (row["site"], row["sku"], row["quantity"]) == ("DC1", "DRILL", 3.0)
    assert (row["condition"], row["grade"], row["note"]) == ("BROKEN", "E", "dead")


def test_a_planted_future_field_fails_the_build(lake_of):
    planted = Field("final_disposition", "disposition", (Activity.A16,))
    with pytest.raises(FutureFeature, match="final_disposition"):
        take_snapshots(lake_of(REQUEST, INSPECT, DECIDE), (*FIELDS, planted))


def test_every_field_is_refused_when_asked_before_its_activity(lake_of):
    with pytest.raises(FutureFeature):
        take_snapshots(lake_of(REQUEST), FIELDS, asked=Moment.REQUESTED)


def test_a_correction_after_the_question_does_not_change_the_snapshot(lake_of):
    again = ("R1:1", "Finish inspection", 90, {"condition": "NEW_SEALED", "reason": "OTHER"})
    before = take_snapshots(lake_of(REQUEST, RECEIVE, INSPECT))
    after = take_snapshots(lake_of(REQUEST, RECEIVE, INSPECT, again))
    assert_frame_equal(before, after)


def test_a_late_recorded_request_is_not_known_yet(lake_of):
    late = {**REQUEST[3], "recorded_at": MONDAY + timedelta(hours=60)}
    [row] = take_snapshots(lake_of((*REQUEST[:3], late), RECEIVE, INSPECT)).to_dict("records")
    assert row["reason_declared"] is None or row["reason_declared"] != row["reason_declared"]


@given(hour=st.integers(0, 120), shifts=st.lists(st.integers(0, 80), min_size=6, max_size=6))
@tuned(max_examples=25, deadline=None)
def test_the_future_never_changes_a_snapshot(lake_of, hour, shifts):
    as_of = MONDAY + timedelta(hours=hour)
    rows = []
    for n, shift in enumerate(shifts):
        for case, activity, hours, columns in (REQUEST, RECEIVE, INSPECT, DECIDE):
            rows.append((case.replace("R1", f"R{n}"), activity, hours + shift, columns))
    past = [row for row in rows if MONDAY + timedelta(hours=row[2]) <= as_of]
    whole = take_snapshots(lake_of(*rows), as_of=as_of)
    assert_frame_equal(whole, take_snapshots(lake_of(*past), as_of=as_of), check_dtype=False)


def test_an_override_is_the_answer_and_a_recommendation_never_is(lake_of):
    advice = ("R1:1", "Recommend disposition", 48.5, {"disposition": "RESTOCK"})
    override = ("R1:1", "Override disposition", 50, {"disposition": "REFURBISH"})
    con = lake_of(REQUEST, INSPECT, advice, DECIDE, override)
    assert decided_dispositions(con)["answer"].tolist() == ["REFURBISH"]
    assert decided_dispositions(lake_of(INSPECT, advice)).empty
    assert inspected_reasons(con)["answer"].tolist() == ["QUALITY.DOA"]
