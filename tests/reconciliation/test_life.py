"""The life of a break: opened, handed over, explained, cleared by data, back again."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.database import engine
from ingestion.settings import Settings
from mining.reconciliation import reconcile_frames
from mining.reconciliation.life import BadStep, BreakLog, UnknownBreak

NOON = pd.Timestamp("2026-03-03T12:00Z")
CLOCK = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def log(settings):
    opened = engine(settings)
    yield BreakLog(opened)
    opened.dispose()


def row(name, hours=0, **values):
    common = {"line": "R1:1", "sku": "S1", "kind": "receipt", "quantity": 5.0, "unit_cost": 2.0}
    return common | {"movement_id": name, "occurred_at": NOON + pd.Timedelta(hours=hours)} | values


def found(left, right, days=5):
    frames = [pd.DataFrame(rows or [row("none")]).iloc[: len(rows)] for rows in (left, right)]
    return reconcile_frames(*frames, as_of=NOON + pd.Timedelta(days=days))


def kinds(life):
    return [step.kind for step in life.steps]


def only(log):
    [life] = log.lives().values()
    return life


def test_a_break_that_data_clears_closes_itself_and_says_why(log):
    assert log.record(found([row("W1")], []), at=CLOCK).opened == 1
    assert only(log).status == "open"
    late = row("E1", hours=100)
    assert log.record(found([row("W1")], [late], days=6), at=CLOCK).closed == 1
    life = only(log)
    assert life.status == "closed"
    assert life.steps[-1].why == "WMS W1 and ERP E1 agree since 2026-03-07 16:00 UTC."
    assert life.steps[-1].actor == "retrace"


def test_recording_the_same_again_adds_nothing(log):
    first = found([row("W1")], [])
    log.record(first, at=CLOCK)
    again = log.record(first, at=CLOCK + timedelta(days=1))
    assert (again.opened, again.closed, again.reclassified, again.reopened) == (0, 0, 0, 0)
    assert kinds(only(log)) == ["opened"]


def test_a_break_that_returns_is_reopened(log):
    posted = row("E1", hours=1)
    back = row("E2", hours=130, quantity=-5.0, reversal_of="E1")
    log.record(found([row("W1")], [], days=3), at=CLOCK)
    log.record(found([row("W1")], [posted], days=4), at=CLOCK)
    log.record(found([row("W1")], [], days=5), at=CLOCK)  # the delivery was taken back
    assert kinds(only(log)) == ["opened", "closed", "reopened"]
    assert only(log).steps[-1].why.startswith("It is back: WMS W1 received 5")
    log.record(found([row("W1")], [posted, back], days=9), at=CLOCK)
    lives = log.lives()
    states = {life.facts["type"]: life.status for life in lives.values()}
    assert states == {"B01": "closed", "B14": "open"}
    [first] = [life for life in lives.values() if life.status == "closed"]
    [other] = [life for life in lives.values() if life.status == "open"]
    assert first.steps[-1].why == f"Its records are part of {other.break_id} (B14) now."


def test_what_is_in_flight_and_then_overdue_is_one_break_reclassified(log):
    log.record(found([row("W1")], [], days=0.5), at=CLOCK)
    log.record(found([row("W1")], [], days=5), at=CLOCK)
    assert kinds(only(log)) == ["opened", "reclassified"]
    assert only(log).facts["type"] == "B01"
    assert "B03 became B01" in only(log).steps[-1].why


def test_records_a_corrected_delivery_replaced_are_gone(log):
    log.record(found([row("W1"), row("W2", line="R2:1")], []), at=CLOCK)
    log.record(found([row("W1")], []), at=CLOCK)
    [gone] = [life for life in log.lives().values() if life.status == "closed"]
    assert gone.facts["members"] == ["W2"]
    assert "no longer in the lake" in gone.steps[-1].why


def test_people_assign_explain_correct_and_the_data_closes(log):
    log.record(found([row("W1")], []), at=CLOCK)
    one = only(log).break_id
    log.act(one, "assigned", by="ann", why="", at=CLOCK, assignee="bob")
    log.act(one, "explained", by="bob", why="The file of the 3rd was cut off", at=CLOCK)
    log.act(one, "corrected", by="bob", why="Posted as E1", at=CLOCK)
    assert (only(log).status, only(log).assignee) == ("corrected", "bob")
    log.record(found([row("W1")], []), at=CLOCK)
    assert only(log).status == "corrected"
    log.record(found([row("W1")], [row("E1", hours=100)], days=6), at=CLOCK)
    steps = ["opened", "assigned", "explained", "corrected", "closed"]
    assert kinds(only(log)) == steps
    assert [step.actor for step in only(log).steps] == ["retrace", "ann", "bob", "bob", "retrace"]


def test_what_a_person_closed_comes_back_only_if_it_changes(log):
    log.record(found([row("W1")], []), at=CLOCK)
    one = only(log).break_id
    log.act(one, "closed", by="ann", why="Written off, memo 12", at=CLOCK)
    log.record(found([row("W1")], [], days=6), at=CLOCK)
    assert only(log).status == "closed"
    log.record(found([row("W1", quantity=7.0)], [], days=7), at=CLOCK)
    assert only(log).break_id == one
    assert (only(log).status, only(log).facts["delta_quantity"]) == ("open", -7.0)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("explained", {"why": " "}, "why the break is explained"),
        ("assigned", {"why": ""}, "whom the break is assigned to"),
        ("forgotten", {"why": "x"}, "cannot be 'forgotten'"),
        ("reopened", {"why": "x"}, "is open and cannot be reopened"),
        ("explained", {"why": "x", "by": ""}, "who did it"),
    ],
)
def test_steps_that_make_no_sense_are_refused(log, kind, given, said):
    log.record(found([row("W1")], []), at=CLOCK)
    with pytest.raises(BadStep, match=said):
        log.act(only(log).break_id, kind, at=CLOCK, **({"by": "ann"} | given))
    assert kinds(only(log)) == ["opened"]


def test_a_break_nobody_recorded_is_unknown(log):
    with pytest.raises(UnknownBreak, match="BR0"):
        log.act("BR0", "closed", by="ann", why="x", at=CLOCK)


def test_the_past_is_not_written_again_and_can_be_read(log):
    log.record(found([row("W1")], [], days=3), at=CLOCK)
    log.record(found([row("W1")], [row("E1", hours=100)], days=6), at=CLOCK)
    assert log.record(found([row("W1")], [], days=2), at=CLOCK) is None
    [then] = log.lives(as_of=(NOON + pd.Timedelta(days=4)).to_pydatetime()).values()
    assert (then.status, only(log).status) == ("open", "closed")


def test_types_that_were_not_looked_for_stay_open(log):
    from dataclasses import replace

    drift = replace(found([row("W1")], []).breaks[0], break_id="BRdrift", type="B16")
    with_balances = replace(found([], []), breaks=(drift,), examined=frozenset({"B16"}))
    log.record(with_balances, at=CLOCK)
    log.record(found([], []), at=CLOCK)
    assert only(log).status == "open"


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(12)), cut=st.integers(1, 11))
def test_ids_and_steps_do_not_depend_on_the_order_of_rows(order, cut):
    import tempfile

    left = [row(f"W{i}", line=f"R{i}:1", quantity=1.0 + i) for i in range(12)]
    right = [row(f"E{i}", hours=2, line=f"R{i}:1", quantity=1.0 + i) for i in range(0, 12, 2)]
    with tempfile.TemporaryDirectory() as home:
        opened = engine(Settings.load(home))
        log = BreakLog(opened)
        log.record(found(left, right[: cut // 2]), at=CLOCK)
        shuffled = [left[i] for i in order]
        again = log.record(found(shuffled, right[: cut // 2][::-1]), at=CLOCK)
        assert (again.opened, again.closed, again.reopened) == (0, 0, 0)
        log.record(found(shuffled, right), at=CLOCK)
        closed = {life.facts["members"][0] for life in log.lives().values() if life.closed_by_data}
        opened.dispose()
    assert closed == {f"W{i}" for i in range(0, 12, 2)} - {f"W{2 * i}" for i in range(cut // 2)}
