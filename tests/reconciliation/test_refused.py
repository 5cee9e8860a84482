"""Postings whose movement was refused at the door wait for its repair."""

import json

import pandas as pd
import pytest

from mining.reconciliation import close_out, reconcile_frames
from mining.reconciliation.refused import await_refused, file_by_text

RECORD = {"rma": "R26000001", "item": {"line": 2, "sku": "S1"}, "day": "31/02/2026", "qty": "3"}


def unsupported(**values):
    common = {"line": "R26000001:2", "sku": "S1", "quantity": 3.0}
    rows = [
        {"movement_id": "E1", "occurred_at": pd.Timestamp("2026-03-03T12:00Z")} | common,
        {"movement_id": "E2", "occurred_at": pd.Timestamp("2026-03-04T12:00Z")} | common | values,
    ]
    frame = pd.DataFrame(rows)
    return reconcile_frames(frame.iloc[:0], frame)


def filed(*records):
    raw = [b"\xff not json", *(json.dumps(one).encode() for one in records)]
    return file_by_text([{"quarantine_id": f"q{i}", "raw": one} for i, one in enumerate(raw)])


def test_a_posting_that_agrees_with_a_refused_record_is_no_break():
    found = await_refused(unsupported(line="R26000009:1"), filed(RECORD))
    assert [one.members for one in found] == [("E2",)]
    assert found.reviews["candidates"].tolist() == [(("quarantine q1",),)]
    proof = close_out(found)
    assert (proof["posted_refused"].sum(), proof["quantity_refused"].sum()) == (1, 3)
    assert proof["posted_in_breaks"].sum() == 1
    assert (proof["unexplained"] == 0).all()


def test_a_refused_record_supports_one_posting_only():
    found = await_refused(unsupported(), filed(RECORD))
    assert len(found.breaks) == 1
    assert len(await_refused(unsupported(), filed(RECORD, RECORD)).breaks) == 0


@pytest.mark.parametrize(
    "other", [{"qty": "4"}, {"item": {"line": 1, "sku": "S1"}}, {"item": {"line": 2, "sku": "S2"}}]
)
def test_a_record_that_states_other_things_supports_nothing(other):
    before = unsupported(line="R26000009:1")
    found = await_refused(before, filed(RECORD | other))
    assert {one.break_id for one in found} == {one.break_id for one in before}


def test_a_record_of_the_line_with_another_quantity_is_pointed_at():
    found = await_refused(unsupported(line="R26000009:1"), filed(RECORD | {"qty": "4"}))
    [one] = [one for one in found if one.members == ("E1",)]
    assert "lies in quarantine as q1, but states other things" in one.explanation
    assert one.confidence == "suggested"
    assert await_refused(found, {}) is found


def test_a_posting_waits_for_the_refused_record_whose_number_it_names():
    """An EPCIS event states its line inside an address, but bears the warehouse's number."""
    event = {"rma": "https://returns.example/R26000001%3A2", "document": "W9", "n": 3, "sku": "S1"}
    before = unsupported()
    named = {"E1": ("W9", "MSG1"), "E2": ("W8",)}
    assert len(await_refused(before, filed(event)).breaks) == 2
    assert [one.members for one in await_refused(before, filed(event), named)] == [("E2",)]
    [one] = [
        one for one in await_refused(before, filed(event | {"n": 4}), named) if "E1" in one.members
    ]
    assert "states other things" in one.explanation


GOODS = {"site": "DC4", "sku": "S1", "kind": "transfer", "status": "AVAILABLE"}
LOST_ROW = {"DCNO": "DC4", "ITEMNO": "S1", "STAT": "AVAILABLE", "QTY": "3", "BUSDATE": "31.02."}


def summed(quantity=10.0, **values):
    """A posting that names no line, hours after two movements of 4 and 3."""
    at = pd.Timestamp("2026-03-03T20:00Z")
    left = [
        GOODS | {"movement_id": f"W{n}", "line": f"R{n}:1", "quantity": float(n), "occurred_at": at}
        for n in (4, 3)
    ]
    late = pd.Timestamp("2026-03-04T05:00Z")
    right = GOODS | {"movement_id": "E1", "line": None, "quantity": quantity, "occurred_at": late}
    as_of = pd.Timestamp("2026-03-20T00:00Z")
    return reconcile_frames(pd.DataFrame(left), pd.DataFrame([right | values]), as_of=as_of)


def test_a_sum_and_its_movements_wait_for_the_one_record_they_lack():
    before = summed()
    assert before.by_type == {"B01": 2, "B11": 1}
    found = await_refused(before, filed(LOST_ROW))
    assert (found.breaks, found.matched) == ((), 2)
    assert found.reviews["candidates"].tolist() == [(("quarantine q1",),)]
    proof = close_out(found)
    assert (proof["unexplained"] == 0).all()
    assert proof["quantity_refused"].sum() == 3
    assert (proof["moved"] == proof["moved_matched"] + proof["moved_in_breaks"]).all()


@pytest.mark.parametrize(
    "other", [{"QTY": "2"}, {"STAT": "SCRAPPED"}, {"ITEMNO": "S2"}, {"DCNO": "DC5"}]
)
def test_other_goods_or_another_quantity_complete_no_sum(other):
    before = summed()
    assert await_refused(before, filed(LOST_ROW | other)).breaks == before.breaks


def test_a_posting_of_less_than_was_moved_lacks_no_record():
    before = summed(quantity=6.0)
    assert await_refused(before, filed(LOST_ROW)).breaks == before.breaks


def test_a_sum_of_another_week_lacks_no_record_of_this_one():
    before = summed(occurred_at=pd.Timestamp("2026-03-14T05:00Z"))
    assert await_refused(before, filed(LOST_ROW)).breaks == before.breaks
