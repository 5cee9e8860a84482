"""Units and money followed through the stages, and where on the map breaks opened."""

import pandas as pd
import pytest

from mining import directly_follows_graph, load, reconcile
from mining.reconciliation import break_edges, edge_totals, unit_ledger


@pytest.fixture(scope="module")
def log(small_home):
    return load(small_home)


@pytest.fixture(scope="module")
def ledger(log):
    return unit_ledger(log)


@pytest.fixture(scope="module")
def found(log):
    return reconcile(log)


def total(log, activity):
    query = "select sum(quantity) as n from log_events where activity = '{}' and quantity > 0"
    return float(log.engine.select(query.format(activity))["n"][0].as_py())


def test_stages_lead_to_one_another_and_to_the_events(log, ledger):
    assert ledger.ties
    walk = ledger.walk.set_index("from")
    assert walk.loc["received", "units_from"] == total(log, "Receive")
    assert (walk["units_to"].to_numpy()[:-1] == walk["units_from"].to_numpy()[1:]).all()
    assert walk.loc["dispositioned", "units_from"] <= total(log, "Execute disposition")


def test_lines_that_tie_have_the_same_units_everywhere(ledger):
    clean = ledger.lines[ledger.lines["state"] == "ties"]
    assert len(clean) > 0.5 * len(ledger.lines)
    stages = clean[["authorised", "received", "graded", "dispositioned", "credited"]]
    assert (stages.max(axis=1) - stages.min(axis=1)).abs().max() == 0
    gaps = ledger.lines[ledger.lines["state"] == "gap"]
    assert gaps["gap_quantity"].abs().min() > 0
    for line in gaps.to_dict("records"):
        assert line[line["gap_to"]] - line[line["gap_from"]] == line["gap_quantity"]


def test_credits_for_other_units_than_received_are_gaps(found, ledger):
    over = [
        one for one in found.of_type("B15") if one.delta_quantity and one.line in ledger.lines.index
    ]
    states = {one.line: ledger.lines.loc[one.line, "state"] for one in over}
    received = ledger.lines["received"].notna()
    assert {states[line] for line in states if received[line]} <= {"gap"}


def test_the_ledger_of_an_earlier_moment_is_further_from_the_end(small_home, ledger, found):
    before = unit_ledger(small_home, as_of=found.as_of - pd.Timedelta(days=25))
    assert before.ties
    last = before.walk["units_to"].iloc[-1]
    assert last < ledger.walk["units_to"].iloc[-1]


def test_breaks_open_on_edges_of_the_mined_map(log, found):
    edges = break_edges(found, log)
    assert set(edges["break_id"]) == {one.break_id for one in found if one.type != "B16"}
    mined = directly_follows_graph(log).to_dict()
    known = {(row["source"], row["target"]) for row in mined["edges"]}
    inner = edges.dropna(subset=["source", "target"])
    assert set(zip(inner["source"], inner["target"], strict=True)) <= known
    assert set(edges.loc[edges["source"].isna(), "target"]) <= set(mined["start"])
    assert set(edges.loc[edges["target"].isna(), "source"]) <= set(mined["end"])
    totals = edge_totals(edges)
    assert totals["breaks"].sum() == len(edges)
    assert totals["value_at_risk"].sum() == pytest.approx(edges["value_at_risk"].sum())


def test_a_movement_without_posting_opened_after_the_movement(log, found):
    edges = break_edges(found, log).set_index("break_id")
    missing = edges.loc[[one.break_id for one in found if one.type in ("B01", "B02")]]
    assert set(missing["source"]) <= {"Receive", "Execute disposition"}
    assert not set(missing["target"]) & {"Create RMA", "Request return"}
    alone = edges.loc[[one.break_id for one in found if one.type == "B11"]]
    assert set(alone["target"]) <= {"Post goods receipt", "Post stock transfer"}
