"""What holds for every input: order does not matter, nothing is lost, sentences tell the truth."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mining.reconciliation import reconcile_frames
from mining.reconciliation.subsets import subsets_adding_up
from mining.reconciliation.typos import one_slip

QUICK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def small(trade_of):
    return trade_of(700, seed=5, skus=60)


@pytest.fixture(scope="module")
def answer(small):
    return reconcile_frames(small.left, small.right, **small.given)


@QUICK
@given(seed=st.integers(0, 10_000), cuts=st.integers(1, 5))
def test_shuffling_and_splitting_rows_changes_nothing(small, answer, seed, cuts):
    rng = np.random.default_rng(seed)

    def mixed(frame):
        parts = np.array_split(rng.permutation(len(frame)), cuts)
        return pd.concat([frame.iloc[part] for part in parts], ignore_index=True)

    again = reconcile_frames(mixed(small.left), mixed(small.right), **small.given)
    assert again.to_dict() == answer.to_dict()
    assert again.breaks == answer.breaks


def test_every_movement_is_in_exactly_one_match_or_break(trade):
    found = reconcile_frames(trade.left, trade.right, **trade.given)
    rows = found.movements
    for side, frame in (("left", trade.left), ("right", trade.right)):
        mine = rows[rows["side"] == side]
        assert sorted(mine["movement_id"]) == sorted(frame["movement_id"])
    members = [member for one in found for member in one.members]
    assert len(members) == len(set(members))
    broken = rows[rows["type"] != ""]
    assert sorted(broken["movement_id"]) == sorted(members)
    assert found.matched == ((rows["side"] == "left") & (rows["type"] == "")).sum()
    assert rows.groupby("group")["type"].nunique().max() == 1


def test_quantities_tie_to_the_breaks(trade):
    found = reconcile_frames(trade.left, trade.right, **trade.given)
    gap = trade.right["quantity"].sum() - trade.left["quantity"].sum()
    assert sum(one.delta_quantity for one in found) == pytest.approx(gap)


def test_ids_do_not_repeat_and_breaks_are_in_order(trade):
    found = reconcile_frames(trade.left, trade.right, **trade.given)
    keys = [(one.type, one.break_id) for one in found]
    assert keys == sorted(set(keys))
    assert len({one.break_id for one in found}) == len(found.breaks)
    assert found.by_type == {
        code: sum(one.type == code for one in found) for code in sorted({one.type for one in found})
    }


def test_sentences_quote_their_members_and_their_numbers(trade):
    found = reconcile_frames(trade.left, trade.right, **trade.given)
    quantity = {
        row.movement_id: row.quantity
        for frame in (trade.left, trade.right)
        for row in frame.itertuples()
    }
    for one in found:
        text = one.explanation
        assert all(member in text for member in one.members), text
        moved = sum(quantity[m] for m in one.members if m.startswith("W"))
        if moved:
            assert re.search(rf"(received|moved) {moved:g}\b", text), text
        if one.type in ("B04", "B05", "B06", "B11"):
            assert re.search(rf"\b{abs(one.delta_quantity):g}\b", text), text
        if one.type in ("B01", "B02", "B04", "B05", "B06", "B13"):
            assert f"{abs(one.delta_value):,.2f}" in text, text
        if one.type == "B06":
            big, small, factor = re.search(r"(\d+)/(\d+) = (\d+) is the pack", text).groups()
            assert int(big) == int(small) * int(factor)


@given(
    values=st.lists(st.integers(1, 20), min_size=1, max_size=9),
    target=st.integers(1, 40),
)
def test_subsets_add_up_and_no_smaller_one_does(values, target):
    found = subsets_adding_up(values, target).solutions
    reachable = {
        bits: sum(v for i, v in enumerate(values) if bits >> i & 1)
        for bits in range(1 << len(values))
    }
    sizes = [bits.bit_count() for bits, total in reachable.items() if total == target]
    if not sizes:
        assert found == []
        return
    assert {len(one) for one in found} == {min(sizes)}
    assert all(sum(values[i] for i in one) == target for one in found)
    assert len(found) == sizes.count(min(sizes))


@given(a=st.text("0123", max_size=6), b=st.text("0123", max_size=6))
def test_one_slip_is_alignment_distance_one(a, b):
    assert one_slip(a, b) == (_distance(a, b) == 1)


def _distance(a, b):
    d = np.zeros((len(a) + 1, len(b) + 1), int)
    d[:, 0], d[0, :] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = a[i - 1] != b[j - 1]
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + cost)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return d[len(a), len(b)]
