"""Reconciling what arrives piece by piece gives the answer of a run over everything."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mining.reconciliation import RunningReconciliation, reconcile_frames
from mining.reconciliation.movements import BadMovements

COLUMNS = ["side", "movement_id", "type", "pass", "key", "quantity", "occurred_at"]


@pytest.fixture(scope="module")
def small(trade_of):
    return trade_of(900, seed=11, skus=40)


def canonical(found):
    """What became of each row, and who it belongs with, whatever the groups are called."""
    rows = found.movements
    named = rows[COLUMNS].astype({"side": str, "type": str, "pass": str, "key": str})
    partners = rows.groupby("group")["movement_id"].transform(lambda ids: " ".join(sorted(ids)))
    return sorted(named.assign(partners=partners).itertuples(index=False, name=None))


def running(trade):
    given = {name: value for name, value in trade.given.items() if name != "as_of"}
    return RunningReconciliation(**given)


def assert_same(found, whole):
    assert found.to_dict() == whole.to_dict()
    assert found.breaks == whole.breaks
    assert canonical(found) == canonical(whole)
    assert found.ignored == whole.ignored


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), parts=st.integers(2, 5), repeats=st.integers(0, 30))
def test_any_split_in_any_order_gives_the_answer_of_one_run(small, seed, parts, repeats):
    rng = np.random.default_rng(seed)
    frames = []
    for frame in (small.left, small.right):
        again = frame.iloc[rng.integers(0, len(frame), repeats)]
        whole = pd.concat([frame, again], ignore_index=True)
        frames.append(whole.iloc[rng.permutation(len(whole))])
    books = running(small)
    cuts = [np.array_split(frame, parts) for frame in map(np.arange, map(len, frames))]
    for lefts, rights in zip(*cuts, strict=True):
        found = books.add(frames[0].iloc[lefts], frames[1].iloc[rights], as_of=small.as_of)
    assert_same(found, reconcile_frames(*frames, **small.given))


def test_every_step_is_the_answer_of_a_run_over_what_has_arrived(small):
    books = running(small)
    moments = pd.date_range("2026-03-05", "2026-04-17", freq="4D", tz="UTC")
    before = pd.Timestamp("2026-01-01", tz="UTC")
    for moment in moments:
        new = [
            frame[(frame["occurred_at"] > before) & (frame["occurred_at"] <= moment)]
            for frame in (small.left, small.right)
        ]
        so_far = [frame[frame["occurred_at"] <= moment] for frame in (small.left, small.right)]
        late = so_far[0]["recorded_at"].max()
        asked = max(moment, late)
        found = books.add(*new, as_of=asked)
        assert_same(found, reconcile_frames(*so_far, **{**small.given, "as_of": asked}))
        before = moment


def test_a_posting_reversed_early_is_missing_once_due():
    moved = pd.DataFrame(
        {
            "movement_id": ["W1"],
            "line": ["R1:1"],
            "sku": ["S1"],
            "quantity": [5.0],
            "occurred_at": pd.to_datetime(["2026-03-03T10:00Z"]),
        }
    )
    posted = pd.concat([moved.assign(movement_id="E1"), moved.assign(movement_id="E2")])
    posted = posted.assign(quantity=[5.0, -5.0], reversal_of=[None, "E1"])
    books = RunningReconciliation(keys=[("line",)])
    told = [
        books.add(*frames, as_of=day).breaks[0].secondary
        for frames, day in (((moved, posted), "2026-03-03T12:00"), ((), "2026-03-09"))
    ]
    assert told == [(), ("B01",)]
    whole = reconcile_frames(moved, posted, keys=[("line",)], as_of="2026-03-09")
    assert whole.breaks[0].secondary == ("B01",)


@pytest.fixture
def sizes(monkeypatch):
    """How many rows each call matches."""
    from mining.reconciliation import incremental

    sizes = []
    plain = incremental.reconcile_tables

    def counted(left, right, **more):
        sizes.append(len(left) + len(right))
        return plain(left, right, **more)

    monkeypatch.setattr(incremental, "reconcile_tables", counted)
    return sizes


def test_only_what_is_touched_is_matched_again(trade, sizes):
    books = running(trade)
    books.add(trade.left.iloc[:-80], trade.right, as_of=trade.as_of)
    books.add(trade.left.iloc[-80:], as_of=trade.as_of)
    assert sizes[0] > 15_000
    assert sizes[1] < 0.35 * sizes[0]


def test_the_past_is_not_looked_at(small):
    books = running(small)
    books.add(small.left, small.right, as_of=small.as_of)
    with pytest.raises(BadMovements, match="reconcile_frames"):
        books.add(as_of="2026-03-05")


def changed(frame, rng, *, lost, altered):
    """A later reading of the same records: some are gone, some say another quantity."""
    kept = frame.iloc[rng.permutation(len(frame))[: len(frame) - lost]].copy()
    where = kept.index[rng.integers(0, len(kept), altered)]
    kept.loc[where, "quantity"] = kept.loc[where, "quantity"] + 1.0
    return kept


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), lost=st.integers(0, 60), altered=st.integers(0, 60))
def test_records_that_change_or_go_are_forgotten(small, seed, lost, altered):
    rng = np.random.default_rng(seed)
    books = running(small)
    for _ in range(3):
        frames = [
            changed(frame, rng, lost=lost, altered=altered) for frame in (small.left, small.right)
        ]
        again = frames[0].iloc[rng.integers(0, len(frames[0]), 5)]
        frames[0] = pd.concat([frames[0], again], ignore_index=True)
        found = books.restate(*frames, as_of=small.as_of)
        assert_same(found, reconcile_frames(*frames, **small.given))


def test_an_earlier_moment_is_reconciled_from_scratch(small):
    books = running(small)
    books.restate(small.left, small.right, as_of=small.as_of)
    early = pd.Timestamp("2026-03-20", tz="UTC")
    frames = [
        frame[pd.to_datetime(frame[clock], utc=True) <= early]
        for frame, clock in ((small.left, "recorded_at"), (small.right, "occurred_at"))
    ]
    found = books.restate(*frames, as_of=early)
    assert_same(found, reconcile_frames(*frames, **{**small.given, "as_of": early}))


def test_saying_the_same_again_matches_nothing_again(trade, sizes):
    books = running(trade)
    books.restate(trade.left, trade.right, as_of=trade.as_of)
    assert books.changes == sizes[0] == len(trade.left) + len(trade.right)
    books.restate(trade.left, trade.right, as_of=trade.as_of)
    assert books.changes == 0
    assert sizes[1] < 0.05 * sizes[0]


@pytest.fixture
def setting(small):
    from mining.reconciliation.frames import Setting
    from mining.reconciliation.policy import Policy

    return Setting(Policy.load(), tuple(small.given["calendars"]), small.given["site_sla_h"])


def test_a_kept_state_goes_on_where_it_was_left(small, setting, tmp_path):
    from mining.reconciliation.held import Holder

    first = RunningReconciliation.by(setting)
    cut = len(small.left) * 2 // 3
    first.restate(small.left.iloc[:cut], small.right, as_of=small.as_of)
    Holder(tmp_path / "kept", setting).save(first.state)
    second = RunningReconciliation.by(setting)
    second.resume(Holder(tmp_path / "kept", setting).load())
    found = second.restate(small.left, small.right, as_of=small.as_of)
    assert second.changes == len(small.left) - cut
    assert_same(found, reconcile_frames(small.left, small.right, **small.given))


def test_a_state_by_other_rules_or_in_pieces_is_none(small, setting, tmp_path):
    from dataclasses import replace

    from mining.reconciliation.held import Holder

    books = RunningReconciliation.by(setting)
    books.restate(small.left, small.right, as_of=small.as_of)
    holder = Holder(tmp_path / "kept", setting)
    assert holder.load() is None
    holder.save(books.state)
    holder.save(books.state)
    assert holder.load() is not None
    assert len(list((tmp_path / "kept").iterdir())) == 2
    assert Holder(tmp_path / "kept", replace(setting, site_sla_h={"M1": 3.0})).load() is None
    [cut] = (tmp_path / "kept").glob("*/breaks.parquet")
    cut.write_bytes(cut.read_bytes()[:100])
    assert holder.load() is None
