"""Indicators on lines whose answer can be counted by hand, and on simulated returns."""

import json

import pandas as pd
import pytest

from mining import METRICS, kpi_trend, kpis, load
from mining.metrics import UnknownMetric

FULL = (
    "Request_return +24 Create_RMA +48 Arrive +1 Receive +5 Finish_inspection "
    "+1 Decide_disposition +1 Execute_disposition +1 Post_stock_transfer +15 Post_credit_memo "
    "+12 Close_return"
)


def value(log, id, site=None):
    rows = [row for row in kpis(log, only=(id,)).to_dict()["kpis"] if row["site"] == site]
    [row] = rows
    return row


@pytest.fixture
def lines(log_of):
    """A closed line, one cancelled after a day, one still open, one expired, on four days."""
    frame = log_of(
        FULL,
        "Request_return +24 Cancel_return",
        "Request_return +24 Create_RMA",
        "Request_return +48 Expire_return",
        "Notify_customer",
        apart=pd.Timedelta(days=2),
    )
    frame["site"] = "DC1"
    return frame


def test_a_finished_line_counts_until_stock_credit_and_decision_are_final(lines):
    found = value(load(lines), "return_cycle_time")
    assert found["value"] == found["p50"] == pytest.approx((24 + 48 + 1 + 5 + 1 + 1 + 1 + 15) / 24)
    assert found["n"] == 4
    assert found["open_share"] == 0.25


def test_the_controllable_part_begins_with_the_arrival(lines):
    found = value(load(lines), "return_cycle_time_controllable", "DC1")
    assert (found["n"], found["p50"]) == (1, pytest.approx(24 / 24))


def test_a_reopened_line_counts_until_it_is_closed_again(log_of):
    found = load(log_of(FULL + " +24 Reopen_return +24 Close_return"))
    assert value(found, "return_cycle_time")["p50"] == pytest.approx((96 + 12 + 48) / 24)
    reopened = load(log_of(FULL + " +24 Reopen_return"))
    assert value(reopened, "return_cycle_time")["open_share"] == 1


def test_a_cancelled_line_is_neither_finished_nor_open(log_of):
    found = value(
        load(log_of("Request_return +24 Cancel_return +1 Close_return")), "return_cycle_time"
    )
    assert (found["n"], found["open_share"], found["p50"]) == (1, 0, None)


def test_credit_is_measured_from_three_anchors(lines):
    found = load(lines)
    assert value(found, "credit_issuance_time_from_request")["p50"] == pytest.approx(96 / 24)
    assert value(found, "credit_issuance_time_from_receipt")["p50"] == pytest.approx(23 / 24)
    assert value(found, "credit_issuance_time_from_inspection")["p50"] == pytest.approx(18 / 24)


def test_a_credit_before_the_receipt_is_reported_apart(log_of):
    early = "Request_return +1 Post_credit_memo +24 Arrive +1 Receive"
    found = load(log_of(early, FULL))
    assert value(found, "credit_issuance_time_from_receipt")["n"] == 1
    assert value(found, "credit_before_receipt_share")["value"] == 0.5


def test_a_line_that_gets_no_credit_is_not_open_for_ever(log_of):
    frame = log_of("Receive +5 Request_credit", "Receive +30 Post_credit_memo")
    frame["financial_outcome"] = [None, "NO_CREDIT_REJECTED", None, "CREDIT_FULL"]
    found = value(load(frame), "credit_issuance_time_from_receipt")
    assert (found["n"], found["open_share"]) == (2, 0)


def test_the_first_terminal_decision_is_held_against_what_was_done(log_of):
    word = "Decide_disposition +1 Execute_disposition"
    frame = log_of(word, f"{word} +9 {word}", f"Decide_disposition +1 Override_disposition {word}")
    frame["disposition"] = [
        *("SCRAP", "SCRAP"),
        *("QUARANTINE", "QUARANTINE", "RESTOCK", "RESTOCK"),
        *("SCRAP", "RESTOCK", "RESTOCK", "RESTOCK"),
    ]
    found = value(load(frame), "disposition_accuracy")
    assert (found["value"], found["n"], found["open_share"]) == (pytest.approx(2 / 3), 3, 0)
    undone = load(frame[frame["activity"] != "Execute disposition"])
    assert value(undone, "disposition_accuracy")["value"] is None
    assert value(undone, "disposition_accuracy")["open_share"] == 1


def test_the_write_off_share_weighs_value_and_ignores_reversed_postings(log_of):
    word = "Post_goods_receipt +1 Post_stock_transfer"
    frame = log_of(word, word, f"{word} +1 Reverse_posting")
    frame["amount"] = [60.0, 60, 40, 40, 100, 100, 100]
    frame["disposition"] = [None, "SCRAP", None, "RESTOCK", None, "SCRAP", None]
    frame["document_id"] = [f"d{n}" for n in range(7)]
    frame["reversal_of"] = [None] * 6 + ["d5"]
    found = value(load(frame), "write_off_share_gross")
    assert found["value"] == pytest.approx(60 / 200)
    assert found["open_share"] == pytest.approx(1 / 3)


def test_the_posting_lag_matches_by_document_then_by_message_else_stays_open(log_of):
    frame = log_of(
        "Receive +2 Post_goods_receipt",
        "Receive +6 Post_goods_receipt",
        "Receive",
        "Close_return",
        apart=pd.Timedelta(days=1),
    )
    frame["document_id"] = ["w1", "m1", "w2", "m2", "w3", None]
    frame["message_id"] = [None, None, "x", "x", "y", None]
    frame["extras"] = [None, json.dumps({"wms_document_id": "w1"}), None, None, None, None]
    frame["site"] = ["DC1", "DC1", "DC2", "DC2", "DC2", "DC2"]
    found = load(frame)
    assert value(found, "posting_lag", "DC1")["p50"] == 2
    assert value(found, "posting_lag")["n"] == 3
    assert value(found, "posting_lag")["p90"] is None
    assert value(found, "posting_lag", "DC2")["open_share"] == 0.5
    assert value(found, "posting_lag", "DC2")["p50"] == 6


def test_a_posting_that_names_nothing_is_matched_by_line_movement_and_place(log_of):
    moves = "Execute_disposition +9 Execute_disposition +1 Post_stock_transfer +1 "
    frame = log_of(moves + "Post_stock_transfer", moves + "Post_stock_transfer")
    frame["inventory_status"] = ["REWORK", "AVAILABLE", "AVAILABLE", "REWORK"] * 2
    frame.loc[6, "inventory_status"] = "SCRAPPED"
    found = value(load(frame), "posting_lag")
    assert (found["n"], found["p50"], found["open_share"]) == (4, 11, 0.25)


def test_a_trend_counts_lines_in_the_week_they_were_opened(lines):
    trend = kpi_trend(load(lines), "return_cycle_time")
    assert trend["period"].dt.day_name().eq("Monday").all()
    assert trend["n"].sum() == 4
    assert trend["immature"].all()
    by_month = kpi_trend(load(lines), "posting_lag", freq="M", by_site=True)
    assert by_month["site"].eq("DC1").all()
    with pytest.raises(UnknownMetric, match=r"Did you mean posting_lag .*--list"):
        kpi_trend(load(lines), "postinglag")


def test_a_log_that_is_no_return_has_empty_indicators_not_wrong_ones(log_of):
    for row in kpis(load(log_of("a +1 b"))).to_dict()["kpis"]:
        assert (row["n"], row["value"], row["open_share"]) == (0, None, None)


def test_every_metric_states_its_formula_and_what_is_censored():
    assert len({metric.id for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.formula.endswith((".", ")"))
        assert metric.censoring.endswith((".", ")"))
        assert metric.owner and metric.grain and metric.name


def test_simulated_sites_rank_as_they_were_built(small_home):
    found = kpis(load(small_home))
    json.dumps(found.to_dict(), allow_nan=False)
    rows = found.frame.set_index(["id", "site"])
    lag = {site: rows.loc[("posting_lag", site), "p50"] for site in ("DC1", "DC4", "DC5")}
    assert lag["DC1"] < 0.2 < lag["DC4"] < lag["DC5"]
    cycle = "return_cycle_time_controllable"
    assert rows.loc[(cycle, "DC1"), "p50"] < rows.loc[(cycle, "DC5"), "p50"]
    assert rows.loc[(cycle, "DC1"), "p50"] < rows.loc[(cycle, "DC4"), "p50"]
    everywhere = found.frame[found.frame["site"].isna()].set_index("id")
    assert everywhere.loc["posting_lag", "open_share"] < 0.05
    unseen = set(everywhere.index[everywhere["n"] == 0])
    assert unseen <= {"return_rate"}  # the simulator does not list the shipments that stayed
    known = everywhere["value"].notna() & everywhere["low"].notna() & everywhere["high"].notna()
    inside = everywhere["low"].le(everywhere["value"]) & everywhere["value"].le(everywhere["high"])
    assert inside[known].all() and known.sum() > 30
