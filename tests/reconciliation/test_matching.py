"""Single situations, in a few words each."""

import pandas as pd
import pytest

from mining.reconciliation import Policy, reconcile_frames
from mining.reconciliation.movements import BadMovements
from mining.reconciliation.policy import BadPolicy, Pass

NOON = pd.Timestamp("2026-03-03T12:00Z")


def movement(name, **values):
    row = {
        "movement_id": name,
        "line": "R26000001:1",
        "sku": "SKU1",
        "kind": "receipt",
        "status": "AVAILABLE",
        "site": "D",
        "quantity": 24.0,
        "unit_cost": 15.5,
        "occurred_at": NOON,
    }
    return row | values


def posting(name, **values):
    return movement(name, **({"occurred_at": NOON + pd.Timedelta(hours=2)} | values))


def compared(left, right, **given):
    given.setdefault("as_of", NOON + pd.Timedelta(days=10))
    return reconcile_frames(pd.DataFrame(left), pd.DataFrame(right), **given)


def only(found):
    [one] = found.breaks
    return one


def test_equal_records_match():
    found = compared([movement("W1")], [posting("E1")])
    assert (found.matched, found.breaks) == (1, ())


def test_a_case_posted_as_a_piece_is_a_unit_mismatch_that_names_the_factor():
    one = only(compared([movement("W1", pack_factor=12)], [posting("E1", quantity=2.0)]))
    assert one.type == "B06"
    assert one.delta_quantity == -22
    assert one.value_at_risk == 341.0
    assert "24/2 = 12 is the pack factor" in one.explanation
    assert "341.00" in one.explanation


def test_another_quantity_without_a_factor_is_a_count_error():
    one = only(compared([movement("W1", pack_factor=12)], [posting("E1", quantity=23.0)]))
    assert (one.type, one.delta_quantity, one.delta_value) == ("B05", -1, -15.5)


def test_two_postings_that_add_up_are_one_movement_in_parts():
    parts = [posting("E1", quantity=20.0), posting("E2", quantity=4.0)]
    found = compared([movement("W1", reference="M1")], [p | {"reference": "M1"} for p in parts])
    assert (found.matched, found.breaks) == (1, ())


def test_the_same_posting_twice_is_a_duplicate():
    again = posting("E2", occurred_at=NOON + pd.Timedelta(hours=9))
    one = only(compared([movement("W1")], [posting("E1"), again]))
    assert one.type == "B04"
    assert one.members == ("W1", "E1", "E2")
    assert one.delta_quantity == 24
    assert one.suggested_fix == "Reverse E2."


def test_a_duplicate_that_was_reversed_leaves_nothing():
    back = posting("E3", quantity=-24.0, reversal_of="E2", occurred_at=NOON + pd.Timedelta(days=1))
    again = posting("E2", occurred_at=NOON + pd.Timedelta(hours=9))
    assert compared([movement("W1")], [posting("E1"), again, back]).breaks == ()


@pytest.mark.parametrize("named", ["E1", None])
def test_a_posting_reversed_and_never_repeated_is_an_unpaired_reversal(named):
    back = posting("E2", quantity=-24.0, reversal_of=named, occurred_at=NOON + pd.Timedelta(days=1))
    one = only(compared([movement("W1")], [posting("E1"), back]))
    assert (one.type, one.members, one.delta_quantity) == ("B14", ("W1", "E1", "E2"), -24)
    assert one.secondary == ("B01",)  # it is missing, too: nothing stands for it


def test_what_is_missing_by_a_reversal_is_so_once_due_or_failed():
    back = posting("E2", quantity=-24.0, reversal_of="E1", occurred_at=NOON + pd.Timedelta(hours=9))
    early = only(compared([movement("W1")], [posting("E1"), back], as_of=back["occurred_at"]))
    assert (early.type, early.secondary) == ("B14", ())
    failed = only(compared([movement("W1", failed=True)], [posting("E1"), back]))
    assert (failed.type, failed.secondary) == ("B14", ("B02",))


def test_a_reversal_of_part_of_a_posting_counts():
    back = posting("E2", quantity=-4.0, reversal_of="E1", occurred_at=NOON + pd.Timedelta(days=1))
    one = only(compared([movement("W1")], [posting("E1"), back]))
    assert (one.type, one.delta_quantity) == ("B05", -4)


def test_a_reversal_of_nothing_stands_alone():
    back = posting("E9", quantity=-24.0, reversal_of="E0")
    one = only(compared([movement("W1")], [posting("E1"), back]))
    assert (one.type, one.members) == ("B14", ("E9",))


def test_a_missing_posting_waits_for_its_service_level():
    early = compared([movement("W1")], [], as_of=NOON + pd.Timedelta(hours=5))
    late = compared([movement("W1")], [], as_of=NOON + pd.Timedelta(hours=30))
    assert [only(early).type, only(late).type] == ["B03", "B01"]
    assert only(early).break_id == only(late).break_id
    assert only(early).value_at_risk == 0
    assert only(late).value_at_risk == 372.0


def test_a_failed_message_is_told_apart_from_a_lost_one():
    one = only(compared([movement("W1", failed=True, error="E_PERIOD", reference="M7")], []))
    assert one.type == "B02"
    assert "M7 failed with E_PERIOD" in one.explanation


def test_a_posting_without_a_movement_is_unsupported():
    one = only(
        compared([movement("W1")], [posting("E1"), posting("E2", line="ADJ1:1", quantity=3)])
    )
    assert (one.type, one.members, one.delta_quantity) == ("B11", ("E2",), 3)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sku": "SKU2"}, "B09"),
        ({"status": "SCRAPPED"}, "B07"),
        ({"location": "ZZ"}, "B08"),
        ({"site": "E"}, "B08"),
        ({"value": 400.0}, "B13"),
        ({"posting_date": NOON.date() + pd.Timedelta(days=40)}, "B12"),
    ],
)
def test_each_difference_has_its_type(change, code):
    left = movement("W1", location="PICK", reference="M1", value=None)
    right = posting("E1", **({"location": "PICK", "reference": "M1", "value": 372.0} | change))
    assert only(compared([left], [right])).type == code


def test_identity_outranks_quantity_and_the_rest_is_secondary():
    one = only(
        compared(
            [movement("W1", reference="M1")],
            [posting("E1", reference="M1", sku="SKU2", quantity=20.0, status="SCRAPPED")],
        )
    )
    assert (one.type, one.secondary) == ("B09", ("B05", "B07"))


@pytest.mark.parametrize("wrong", ["R26000010:1", "R2600001:1", "R260000011:1", "R27000001:1"])
def test_a_mistyped_return_number_is_found(wrong):
    one = only(compared([movement("W1")], [posting("E1", line=wrong)]))
    assert (one.type, one.confidence, one.found_by) == ("B10", "derived", "P4/K5")


def test_a_mistyped_number_that_fits_two_returns_is_left_alone():
    left = [movement("W1"), movement("W2", line="R26000003:1")]
    found = compared(left, [posting("E1", line="R26000002:1")])
    assert found.by_type == {"B01": 2, "B11": 1}


def nameless(name, quantity, **values):
    return posting(name, line=None, quantity=quantity, **values)


def test_a_days_sum_matches_the_days_movements():
    left = [movement("W1", quantity=3.0), movement("W2", quantity=5.0, line="R2:1")]
    found = compared(left, [nameless("E1", 8.0)])
    assert (found.matched, found.breaks) == (2, ())


def test_a_sum_holds_no_movement_whose_message_failed():
    left = [movement(f"W{i}", line=f"R{i}:1", quantity=q) for i, q in enumerate([3.0, 5.0, 5.0])]
    found = compared([*left[:2], left[2] | {"failed": True}], [nameless("E1", 8.0)])
    assert (found.matched, only(found).members, only(found).type) == (2, ("W2",), "B02")


def test_a_late_files_sum_is_told_from_that_of_the_day_before():
    """Both are posted on one day; each adds up to the movements of a day of its own."""
    week = NOON - pd.Timedelta(days=6)
    old = [
        movement(f"W{i}", line=f"R{i}:1", quantity=q, occurred_at=week)
        for i, q in enumerate([3.0, 5.0, 24.0, 24.0])
    ]
    new = [movement("W8", line="R8:1", quantity=13.0), movement("W9", line="R9:1", quantity=2.0)]
    found = compared([*old, *new], [nameless("E1", 56.0), nameless("E2", 15.0)])
    assert (found.matched, found.by_type) == (2, {"B12": 1})  # a week before was another month
    groups = found.movements.groupby("group")["movement_id"].agg(set)
    assert sorted(map(sorted, groups)) == [["E1", "W0", "W1", "W2", "W3"], ["E2", "W8", "W9"]]


def test_the_only_subset_that_adds_up_is_accepted_and_the_rest_is_missing():
    left = [movement(f"W{i}", line=f"R{i}:1", quantity=q) for i, q in enumerate([3.0, 5.0, 9.0])]
    found = compared(left, [nameless("E1", 8.0)])
    assert (found.matched, only(found).members) == (2, ("W2",))


def test_several_subsets_go_to_review_with_all_candidates():
    left = [movement(f"W{i}", line=f"R{i}:1", quantity=q) for i, q in enumerate([3.0, 5.0, 5.0])]
    one = only(found := compared(left, [nameless("E1", 8.0)]))
    assert (one.type, one.members) == ("B01", ("W0", "W1", "W2", "E1"))
    assert (one.delta_quantity, one.value_at_risk) == (-5, 77.5)  # one of them, not all three
    assert one.confidence == "suggested"
    assert "W0 + W1; W0 + W2" in one.explanation
    assert "in one sum that does not say for which of them: 5 missing" in one.explanation
    assert found.reviews["candidates"].tolist() == [(("W0", "W1"), ("W0", "W2"))]


def test_subsets_of_several_days_stay_apart():
    earlier = {"occurred_at": NOON - pd.Timedelta(days=1)}
    left = [movement("W0", quantity=5.0), movement("W1", line="R1:1", quantity=5.0, **earlier)]
    found = compared(left, [nameless("E1", 5.0), nameless("E2", 7.0)])
    assert found.by_type == {"B01": 1, "B11": 1}


def test_a_sum_that_lacks_more_than_three_movements_is_not_taken_for_theirs():
    left = [movement(f"W{i}", line=f"R{i}:1", quantity=1.0) for i in range(9)]
    assert compared(left, [nameless("E1", 6.0)]).by_type == {"B01": 1}
    assert compared(left, [nameless("E1", 5.0)]).by_type == {"B01": 9, "B11": 1}


def test_a_movement_whose_posting_was_reversed_is_in_no_sum():
    left = [movement(f"W{i}", line=f"R{i}:1", quantity=q) for i, q in enumerate([3.0, 5.0, 5.0])]
    undone = [
        posting("E2", line="R2:1", quantity=5.0),
        posting("E3", line="R2:1", quantity=-5.0, reversal_of="E2"),
    ]
    found = compared(left, [*undone, nameless("E1", 8.0)])
    assert (found.matched, only(found).type) == (2, "B14")


def test_a_record_sent_again_is_left_out_and_counted():
    row = movement("W1")
    found = compared([row, dict(row)], [posting("E1")])
    assert (found.matched, found.ignored, found.breaks) == (1, 1, ())


def test_codes_of_the_erp_are_translated_before_they_are_compared():
    found = compared([movement("W1", location="DOCK")], [posting("E1", location="RET1")])
    assert found.breaks == ()


def test_what_became_known_later_is_not_looked_at():
    late = posting("E1", recorded_at=NOON + pd.Timedelta(days=3))
    found = compared([movement("W1")], [late], as_of=NOON + pd.Timedelta(days=2))
    assert found.by_type == {"B01": 1}


def test_empty_frames_reconcile():
    left, right = pd.DataFrame([movement("W1")]), pd.DataFrame([posting("E1")])
    found = reconcile_frames(left.iloc[:0], right.iloc[:0])
    assert found.to_dict() == {"matched": 0, "breaks": [], "by_type": {}}


def test_frames_without_movements_are_refused():
    with pytest.raises(BadMovements, match="no column quantity"):
        compared([{"movement_id": "W1", "occurred_at": NOON}], [posting("E1")])
    with pytest.raises(BadMovements, match="text, not timestamps"):
        compared([movement("W1", occurred_at="yesterday")], [posting("E1")])


def test_a_pass_over_unknown_columns_is_refused(tmp_path):
    with pytest.raises(BadPolicy, match="colour"):
        Pass("P2", "K1", ("colour",))
    (tmp_path / "policy.yaml").write_text("passes: 3")
    with pytest.raises(BadPolicy, match="cannot be read"):
        Policy.load(tmp_path / "policy.yaml")


def test_the_answer_has_the_shape_of_the_contract():
    found = compared([movement("W1")], []).to_dict()
    assert list(found) == ["matched", "breaks", "by_type"]
    assert list(found["breaks"][0]) == [
        *("break_id", "type", "members", "delta_quantity", "delta_value", "value_at_risk"),
        *("explanation", "suggested_fix", "age_days", "confidence", "secondary"),
    ]
