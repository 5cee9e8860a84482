"""Deviations the simulator planted are found by their rule."""

import pandas as pd
import pytest

from mining import conformance, load
from mining.lines import return_lines

VISIBLE = {  # what must be in the log for the deviation to have happened at all
    "C01": lambda line: (
        line["credited_us"].notna()
        & ~(line["credited_us"] >= line["received_us"].fillna(line["inspected_us"]))
    ),
    "C02": lambda line: (
        (line["credited_us"] >= line["received_us"])
        & ~(line["credited_us"] >= line["inspected_us"])
    ),
    "C03": lambda line: line["received_us"].notna() & line["matched_us"].isna(),
    "C04": lambda line: line["arrived_us"].notna() & ~line["policy"].isin(["P10"]),
    "C06": lambda line: line["credits"] > 0,
    "C11": lambda line: line["received_us"].notna(),
    "C12": lambda line: line["received_us"].notna(),
    "C14": lambda line: line["received_us"].notna(),
    "C15": lambda line: line["credits"] >= 2,
    "C16": lambda line: line["credited_price"] > line["price"] * 1.01,
    "C19": lambda line: line["credits"] > 0,
    "C20": lambda line: line["decider"].notna() & line["inspected_us"].notna(),
    "C23": lambda line: line["credits"] > 0,
}


@pytest.fixture(scope="module")
def judged(small_home, sim_dir):
    log = load(small_home)
    truth = pd.read_csv(sim_dir / "truth" / "deviations.csv", keep_default_na=False)
    lines = return_lines(log).set_index("case_id")
    return conformance(log).violations, truth, lines


def test_nearly_every_visible_planted_deviation_is_found(judged):
    violations, truth, lines = judged
    found = planted = 0
    for rule, visible in VISIBLE.items():
        known = truth[truth["rule"] == rule]["case_id"]
        cases = lines.reindex(known[known.isin(lines.index)])
        cases = set(cases[visible(cases).fillna(False).astype(bool)].index)
        hit = set(violations[violations["rule"] == rule]["case_id"])
        planted += len(cases)
        found += len(cases & hit)
    assert planted >= 30
    assert found / planted >= 0.93


def test_rules_about_master_data_raise_few_false_alarms(judged):
    violations, truth, _ = judged
    for rule in ("C12", "C19", "C20"):
        hit = set(violations[violations["rule"] == rule]["case_id"])
        known = set(truth[truth["rule"] == rule]["case_id"])
        assert len(hit - known) <= max(6, 2 * len(known))
