"""The simulated home: what the simulator broke must be found, and the totals must tie."""

import csv
import json
import shutil
from datetime import date, timedelta

import pandas as pd
import pytest

from ingestion.errors import EmptyLake
from ingestion.intake import ingest
from ingestion.settings import Settings
from mining import load, reconcile
from mining.reconciliation import (
    ageing,
    close_out,
    lags,
    period_end,
    vendor_returns,
    write_signoff,
)


@pytest.fixture(scope="module")
def found(small_home):
    return reconcile(small_home)


def open_faults(folder):
    with (folder / "truth" / "faults.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        (row["type"], tuple(row["document_ids"].split(";")))
        for row in rows
        if row["type"].startswith("B")
    ]


def missed(found, faults):
    told = {}
    for one in found:
        for member in one.members:
            told.setdefault(member, set()).update((one.type, *one.secondary))
    return [
        (code, members)
        for code, members in faults
        if not any(code in told.get(member, ()) for member in members)
    ]


def test_the_simulators_faults_are_found(found, sim_dir):
    faults = open_faults(sim_dir)
    assert len(faults) > 100
    assert len(missed(found, faults)) <= 0.07 * len(faults)


def test_a_home_and_its_loaded_log_answer_alike(found, small_home):
    assert reconcile(load(small_home)).to_dict() == found.to_dict()


def test_what_arrives_later_is_reconciled_with_what_is_kept(sim_dir, small_home, tmp_path):
    sources = shutil.copytree(sim_dir / "sources", tmp_path / "sources")
    late = sorted((sources / "erp").glob("material*.csv.gz"))[-1]
    held_back = late.rename(tmp_path / late.name)
    home = tmp_path / "home"
    ingest(Settings.load(home), [sources])
    before = reconcile(home)
    held_back.rename(late)
    ingest(Settings.load(home), [sources])
    kept = home / "lake" / "reconciled" / "current.json"
    first = kept.read_text()
    after = reconcile(home)
    assert kept.read_text() != first
    assert len(after.movements) > len(before.movements)
    assert after.to_dict() == reconcile(load(home)).to_dict()
    assert after.by_type == reconcile(small_home).by_type


def test_an_earlier_moment_knows_less(found, small_home):
    before = reconcile(small_home, as_of=found.as_of - timedelta(days=25))
    assert before.as_of < found.as_of
    assert len(before.movements) < len(found.movements)
    assert all(one.age_days >= 0 for one in before)


def test_the_answer_is_json_in_a_fixed_order(found):
    text = json.dumps(found.to_dict(), allow_nan=False)
    breaks = json.loads(text)["breaks"]
    assert breaks == sorted(breaks, key=lambda one: (one["type"], one["break_id"]))


def test_an_empty_home_says_what_to_do(tmp_path):
    with pytest.raises(EmptyLake):
        reconcile(Settings.load(tmp_path).home)


def test_close_out_leaves_nothing_unexplained(found):
    proof = close_out(found)
    assert (proof["unexplained"] == 0).all()
    assert (proof["moved"] == proof["moved_matched"] + proof["moved_in_breaks"]).all()
    posted = ["posted_matched", "posted_in_breaks", "posted_refused"]
    assert (proof["posted"] == proof[posted].sum(axis=1)).all()
    assert proof["moved"].sum() + proof["posted"].sum() == len(found.movements)
    gap = proof["quantity_posted"].sum() - proof["quantity_moved"].sum()
    told = proof["quantity_in_breaks"].sum() + proof["quantity_refused"].sum()
    assert gap == pytest.approx(told)


def test_lags_are_shorter_where_postings_are_immediate(found):
    table = lags(found).set_index(["lag", "site"])
    assert table.loc[("posting_lag", "DC1"), "p50_h"] < 1
    assert table.loc[("posting_lag", "DC5"), "p50_h"] > 8
    total = table.loc[("value_days", ""), "value_days"]
    by_site = table.loc["value_days"].drop(index="")["value_days"].sum()
    assert total == pytest.approx(by_site)


def test_ages_count_every_break(found):
    assert ageing(found)["breaks"].sum() == len(found.breaks)


def test_vendor_returns_tie_to_their_control_totals(small_home):
    state = vendor_returns(small_home)
    assert state.ties
    control = state.control.set_index("account")
    assert control.loc["unclaimed", "documents"] == len(state.unclaimed)
    assert control.loc["open", "amount"] == pytest.approx(state.open_claims["claimed"].sum())
    missing = state.discrepancies["missing"].sum()
    assert control.loc["discrepancies", "amount"] == pytest.approx(missing)
    parts = len(state.open_claims) + (state.control["account"] == "").sum()
    assert control.loc["open", "documents"] == parts


def test_the_sign_off_lists_every_break_of_the_period(found, tmp_path):
    state = period_end(found, end=date(2026, 6, 30))
    table, sheet = write_signoff(state, tmp_path)
    rows = pd.read_csv(table, keep_default_na=False)
    assert rows["break_id"].tolist() == state.breaks["break_id"].tolist()
    assert rows["value_at_risk"].sum() == pytest.approx(state.totals["value_at_risk"].sum())
    assert 0 < len(state.breaks) < len(found.breaks)
    ages = state.ages.groupby("type")["breaks"].sum()
    assert ages.to_dict() == state.totals.set_index("type")["breaks"].to_dict()
    html = sheet.read_text(encoding="utf-8")
    assert f"<td>all</td><td></td><td class=n>{len(state.breaks):,}</td>" in html
    assert "Reviewed by" in html
    assert f"{len(state.breaks):,} breaks" in html
    assert {"B12"} >= set(state.cut_off["type"]) - set(state.breaks["type"])


def test_a_log_without_any_credit_has_no_credit_breaks(settings, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("c,a,t\nR1:1,Receive,2026-01-01\nR1:1,Close return,2026-01-02\n")
    ingest(settings, [path], case="c", activity="a", time="t")
    assert reconcile(settings.home).by_type == {}
