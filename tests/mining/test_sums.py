"""Postings summed over lines: shared out where day, goods and quantity leave no doubt."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mining import load
from mining.lines import return_lines
from mining.milestones import Milestones

DAY = pd.Timestamp("2026-03-02T12:00", tz="UTC")
NIGHT = pd.Timedelta(hours=17)
GOODS = {
    "sku": "POW-1",
    "inventory_status": "AVAILABLE",
    "disposition": "RESTOCK",
    "site": "DC4",
    "lot": None,
}


def moved(case, quantity, at=DAY, **other):
    said = {"case_id": case, "activity": "Execute disposition", "document_id": f"W-{case}"}
    return GOODS | said | {"occurred_at": at, "quantity": quantity} | other


def posted(document, quantity, at=DAY + NIGHT, case=None, **other):
    said = {"case_id": case or document, "activity": "Post stock transfer"}
    amounts = {"document_id": document, "quantity": quantity, "amount": 10.0 * quantity}
    return GOODS | said | amounts | {"occurred_at": at} | other


def log_of_rows(*rows):
    begun = [
        {"case_id": case, "activity": "Receive", "occurred_at": DAY - NIGHT, "site": "DC4"}
        for case in sorted({row["case_id"] for row in rows if row["case_id"].startswith("R")})
    ]
    return load(pd.DataFrame([*begun, *rows]))


def transfers_of(log):
    """What each line has of stock transfers: {case: (number, hours after the movement)}."""
    lines = Milestones(log, log.slice()).lines.set_index("case_id")
    hours = (lines["transferred_us"] - DAY.value // 1000) / 3.6e9
    return {
        case: (int(n), h)
        for case, n, h in zip(lines.index, lines["transfers"].fillna(0), hours, strict=True)
        if n > 0
    }


def test_a_sum_counts_for_every_line_it_holds():
    log = log_of_rows(moved("R1", 4), moved("R2", 6), posted("49-1", 10))
    assert transfers_of(log) == {"R1": (1, 17.0), "R2": (1, 17.0)}
    books = return_lines(log).set_index("case_id")
    assert set(books.index) >= {"R1", "R2"}
    assert books["posted_status"].loc[["R1", "R2"]].tolist() == ["AVAILABLE", "AVAILABLE"]
    lags = Milestones(log, log.slice()).movements
    transfers = lags[lags["moved_us"] == DAY.value // 1000]
    assert (transfers["entered_us"] - transfers["moved_us"]).tolist() == [17 * 3.6e9] * 2


def test_its_money_is_shared_by_quantity():
    rows = [moved("R1", 4, disposition="SCRAP"), moved("R2", 6, disposition="SCRAP")]
    log = log_of_rows(*rows, posted("49-1", 10, disposition="SCRAP"))
    lines = Milestones(log, log.slice()).lines.set_index("case_id")
    assert lines["written_off_value"].loc[["R1", "R2"]].tolist() == [40.0, 60.0]


@pytest.mark.parametrize(
    "others",
    [
        [moved("R3", 1)],
        [moved("R3", 1, at=DAY + pd.Timedelta(hours=2))],
        [moved("R1", 1, at=DAY + pd.Timedelta(minutes=5))],
    ],
    ids=["one more line", "later that day", "a line twice"],
)
def test_what_does_not_add_up_is_left_alone(others):
    log = log_of_rows(moved("R1", 4), moved("R2", 6), posted("49-1", 10), *others)
    assert set(transfers_of(log)) == {"49-1"}


@pytest.mark.parametrize(
    "other",
    [
        moved("R3", 1, sku="POW-2"),
        moved("R3", 1, site="DC5"),
        moved("R3", 1, lot="L7"),
        moved("R3", 1, inventory_status="B_STOCK"),
        moved("R3", 1, disposition="DONATE"),
        moved("R3", 1, at=DAY - pd.Timedelta(days=1)),
        moved("R3", 10, at=DAY - pd.Timedelta(days=1)),
        moved("R3", 1, at=DAY + pd.Timedelta(days=1)),
    ],
    ids=["sku", "site", "lot", "status", "disposition", "before", "before, the same", "after"],
)
def test_other_goods_and_other_days_do_not_matter(other):
    log = log_of_rows(moved("R1", 4), moved("R2", 6), posted("49-1", 10), other)
    assert set(transfers_of(log)) == {"R1", "R2"}


def test_a_line_with_a_posting_of_its_own_needs_none_of_a_sum():
    own = posted("49-2", 5, case="R3")
    log = log_of_rows(moved("R1", 4), moved("R2", 6), moved("R3", 5), own, posted("49-1", 10))
    assert transfers_of(log) == {case: (1, 17.0) for case in ("R1", "R2", "R3")}


def test_a_line_moved_twice_in_a_day_has_its_part_of_both_sums():
    held = {"inventory_status": "QUARANTINE", "disposition": "QUARANTINE"}
    rows = [moved("R1", 4), moved("R2", 6), moved("R1", 4, **held), moved("R3", 5, **held)]
    log = log_of_rows(*rows, posted("49-1", 10), posted("49-2", 9, **held))
    log.engine.create("sum_parts", "sum_parts")
    parts = log.engine.select("select case_id, quantity from sum_parts order by case_id, quantity")
    assert parts.to_pydict() == {"case_id": ["R1", "R1", "R2", "R3"], "quantity": [4, 4, 6, 5]}


def test_a_sum_posted_twice_counts_once_and_the_second_stays_by_itself():
    log = log_of_rows(moved("R1", 4), moved("R2", 6), posted("49-1", 10), posted("49-2", 10))
    assert {case: n for case, (n, _) in transfers_of(log).items()} in (
        {"R1": 1, "R2": 1, "49-1": 1},
        {"R1": 1, "R2": 1, "49-2": 1},
    )


def test_a_sum_of_last_week_is_too_old():
    log = log_of_rows(moved("R1", 4), posted("49-1", 4, at=DAY + pd.Timedelta(days=8, hours=1)))
    assert set(transfers_of(log)) == {"49-1"}


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.permutations([1, 2, 3, 4, 5]), st.randoms(use_true_random=False))
def test_parts_make_up_the_whole_in_any_order(quantities, chance):
    rows = [moved(f"R{i}", quantity) for i, quantity in enumerate(quantities)]
    rows.append(posted("49-1", 15))
    chance.shuffle(rows)
    log = log_of_rows(*rows)
    log.engine.create("sum_parts", "sum_parts")
    parts = log.engine.select("select case_id, quantity, share from sum_parts order by case_id")
    assert parts["quantity"].to_pylist() == quantities
    assert sum(parts["share"].to_pylist()) == pytest.approx(1.0)
