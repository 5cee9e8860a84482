"""Balances: opening plus postings against what the ERP reports."""

import numpy as np
import pandas as pd
import pytest

from mining.reconciliation import Policy, reconcile, roll_forward
from mining.reconciliation.balances import BadBalances, balance_breaks

DAY = pd.Timestamp("2026-03-01", tz="UTC")
KEYS = ["site", "sku", "status"]


def stock_of(seed=3, skus=40, days=5):
    """Random postings and the true balances after each day."""
    rng = np.random.default_rng(seed)
    n = 2_000
    postings = pd.DataFrame(
        {
            "site": rng.choice(["D1", "D2"], n),
            "sku": [f"S{i:02d}" for i in rng.integers(skus, size=n)],
            "status": rng.choice(["AVAILABLE", "SCRAPPED"], n),
            "quantity": rng.integers(-5, 9, n).astype(float),
            "occurred_at": DAY + pd.to_timedelta(rng.integers(1, days * 1440, n), "min"),
        }
    )
    keys = postings[KEYS].drop_duplicates()
    reports = []
    for day in range(days + 1):
        at = DAY + pd.Timedelta(days=day)
        total = postings[postings["occurred_at"] <= at].groupby(KEYS)["quantity"].sum()
        level = 100 + total.reindex(pd.MultiIndex.from_frame(keys)).fillna(0.0)
        reports.append(level.rename("quantity").reset_index().assign(at=at))
    return pd.concat(reports, ignore_index=True), postings


def test_true_balances_tie():
    rolled = roll_forward(*stock_of())
    assert rolled.ties
    assert len(rolled.frame) > 500


def test_every_silent_edit_is_found_with_its_size():
    balances, postings = stock_of()
    edited = balances[KEYS].drop_duplicates().iloc[::7]
    for step, row in enumerate(edited.itertuples(index=False)):
        mine = (balances[KEYS] == pd.Series(row._asdict())).all(axis=1)
        late = balances["at"] >= DAY + pd.Timedelta(days=3)
        balances.loc[mine & late, "quantity"] -= 1 + step
    found = balance_breaks(
        roll_forward(balances.sample(frac=1, random_state=1), postings),
        policy=Policy.load(),
        as_of=(DAY + pd.Timedelta(days=9)).to_pydatetime(),
        unit_cost=dict.fromkeys(postings["sku"], 2.5),
    )
    told = {one.members[0]: one.delta_quantity for one in found}
    assert told == {"|".join(row): -1.0 - i for i, row in enumerate(edited.to_numpy().tolist())}
    assert all(one.type == "B16" and one.age_days == 6 for one in found)
    assert all(one.value_at_risk == -2.5 * one.delta_quantity for one in found)
    assert all(f"drift of {one.delta_quantity:g}" in one.explanation for one in found)


def test_a_transfer_leaves_the_status_it_came_from():
    balances = pd.DataFrame(
        [("D", "S", status, DAY + pd.Timedelta(days=day), quantity)
         for status, levels in {"HOLD": (10, 6), "AVAILABLE": (0, 4)}.items()
         for day, quantity in enumerate(levels)],
        columns=[*KEYS, "at", "quantity"],
    )  # fmt: skip
    moved = pd.DataFrame(
        [("D", "S", "AVAILABLE", 4.0, DAY + pd.Timedelta(hours=3), "HOLD")],
        columns=[*KEYS, "quantity", "occurred_at", "from_status"],
    )
    assert roll_forward(balances, moved).ties


def test_frames_without_balances_are_refused():
    balances, postings = stock_of()
    with pytest.raises(BadBalances, match="no column at"):
        roll_forward(balances.drop(columns="at"), postings)


def test_a_home_reports_drift_of_the_balances_it_is_given(small_home):
    key = {"site": "DC1", "sku": "NOSUCH", "status": "AVAILABLE"}
    times = pd.to_datetime(["2026-07-01", "2026-07-05"], utc=True)
    balances = pd.DataFrame(
        [key | {"at": at, "quantity": q} for at, q in zip(times, (5.0, 3.0), strict=True)]
    )
    [one] = reconcile(small_home, balances=balances).of_type("B16")
    assert one.members == ("DC1|NOSUCH|AVAILABLE",)
    assert one.delta_quantity == -2
