"""Each of the 32 rules on a line that keeps them all but one."""

import json
from functools import cache

import pandas as pd
import pytest

from mining import conformance, load
from mining.policy import BadPolicy, read_policy, shipped_policy
from mining.rules import RULES
from mining.standard import UnknownActivity
from tests.mining.rule_cases import CASES, DROP, broken, judge, line


def test_a_line_that_keeps_every_rule_breaks_none():
    assert broken(judge(line())) == set()
    assert broken(judge(line(claim=True))) == set()


@pytest.fixture(scope="module")
def case_of():
    """Judge the line made for a rule, once."""
    return cache(lambda rule: judge(**CASES[rule]))


@pytest.mark.parametrize("rule", CASES)
def test_a_line_that_breaks_the_rule_is_found_with_evidence(rule, case_of):
    found = case_of(rule)
    assert rule in broken(found)
    hit = found.violations[found.violations["rule"] == rule]
    assert all(hit["evidence"].map(len) > 0)


def test_there_are_the_thirty_two_rules_and_each_is_tested():
    assert [rule.id for rule in RULES] == [f"C{n:02d}" for n in range(1, 33)]
    assert set(CASES) == {rule.id for rule in RULES}


VALUE, CREDIT, PRICE = 2 * 8.0, 17.0, 10.0
AGEING = 0.02 / 30
STANDING = 0.12 / 365 + AGEING
CLAIMABLE = VALUE * 0.9 - 2 * 1.5
STAKES = {  # the formulas of the rules, worked out by hand
    "C01": CREDIT * 0.10,
    "C02": CREDIT * 0.08,
    "C03": VALUE * STANDING * (210 - 72.5) / 24 + 2 * 4,
    "C04": VALUE * STANDING * 0.5 / 24 + 2 * 4,
    "C05": (3 - 2) * PRICE,
    "C06": (2 - 1) * PRICE,
    "C07": 2 * 0.08 * 33 + VALUE * 0.08,
    "C08": VALUE,
    "C09": VALUE * AGEING * ((200 - 73.5) / 24 - 4),
    "C10": VALUE,
    "C11": VALUE * 0.02,
    "C12": CREDIT,
    "C13": CREDIT,
    "C14": VALUE,
    "C15": CREDIT,
    "C16": (13 - 10) * 2,
    "C17": (2 - 1) * PRICE,
    "C18": CREDIT,
    "C19": 0.15 * 2 * PRICE,
    "C20": CREDIT * 0.10,
    "C21": 501.0,
    "C22": CREDIT,
    "C23": min(CREDIT, 2 * PRICE),
    "C24": VALUE * AGEING * ((400 - 74.1) / 24 - 7),
    "C25": VALUE,
    "C26": VALUE * STANDING * (72.5 - 50 - 8) / 24,
    "C27": CLAIMABLE,
    "C28": CLAIMABLE,
    "C29": 14.4 * 0.9 - 9.0,
    "C30": VALUE,
    "C31": 0.0,
    "C32": CREDIT,
}


@pytest.mark.parametrize("rule", CASES)
def test_the_stake_follows_its_formula(rule, case_of):
    found = case_of(rule).violations
    hit = found[found["rule"] == rule]
    assert hit["stake"].tolist() == pytest.approx([STAKES[rule]] * len(hit), abs=0.005)


def with_policy(rows, case, variant):
    said = {"policy": variant, "customer_id": "B1", "order_line": "1", "unit_price": "10"}
    asked = {"extras": json.dumps(said)}
    return [
        row | {"case_id": case} | (asked if row["activity"] == "Request return" else {})
        for row in rows
    ]


def test_each_rule_spares_exactly_the_policy_variants_its_policy_names():
    exempt = shipped_policy().exempt
    variants = [f"P{n}" for n in range(1, 11)]
    rows = [
        row
        for rule in exempt
        for variant in variants
        for row in with_policy(CASES[rule]["rows"], f"{rule}/{variant}", variant)
    ]
    hit = judge(rows).violations
    hit = set(zip(hit["rule"], hit["case_id"], strict=True))
    for rule, spared in exempt.items():
        caught = {variant for variant in variants if (rule, f"{rule}/{variant}") in hit}
        assert caught == set(variants) - set(spared), rule


def test_the_policy_variant_of_a_line_exempts_it():
    early = {"Post credit memo": (50, {})}
    assert "C01" in broken(judge(line(early)))
    extras = {"policy": "P3", "customer_id": "B1", "order_line": "1", "unit_price": "10"}
    trusted = line({**early, "Request return": (None, {"extras": extras})})
    assert "C01" not in broken(judge(trusted))


def test_a_reversed_credit_is_no_second_credit():
    twice = line(
        more=[
            ("Post credit memo", (99, {"quantity": 2, "amount": 17.0, "document_id": "c2"})),
            ("Reverse posting", (120, {"quantity": 2, "amount": 17.0, "reversal_of": "c2"})),
        ]
    )
    assert "C15" not in broken(judge(twice))


def test_goods_that_were_seen_later_had_come_even_if_the_receipt_was_lost():
    assert "C01" not in broken(judge(line({"Receive": DROP})))


def test_goods_that_were_decided_on_had_been_seen_even_if_the_report_was_lost():
    assert "C02" not in broken(judge(line({"Finish inspection": DROP})))
    unseen = line({"Finish inspection": DROP, "Decide disposition": DROP})
    assert "C02" in broken(judge(unseen))


def test_a_line_hit_twice_in_one_exposure_group_counts_its_largest_stake():
    found = judge(line({"Post credit memo": (72.7, {"amount": 26.0})}))
    both = found.violations[found.violations["group"] == "credit"]
    assert {"C02", "C16"} <= set(both["rule"])
    assert both["stake"].max() <= found.exposure < found.violations["stake"].sum()


def test_the_json_lists_broken_rules_with_cases_and_stake():
    found = judge(**CASES["C06"])
    said = found.to_dict()
    assert list(said) == ["violations"]
    assert list(found.with_details()) == ["violations", "sites"]
    assert all(list(row) == ["rule", "cases", "stake"] for row in said["violations"])
    assert {"rule": "C06", "cases": 1, "stake": 10.0} in said["violations"]


def test_a_leader_can_change_the_policy_in_a_file(tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text("limits: {decide_to_post_days: 30}\nexempt_sites: {C06: [DC1]}\n")
    assert "C09" not in broken(judge(**CASES["C09"], policy=path))
    assert "C06" not in broken(judge(**CASES["C06"], policy=path))
    assert read_policy(path).limits["quarantine_days"] == shipped_policy().limits["quarantine_days"]
    path.write_text("limits: {patience: 3}\n")
    with pytest.raises(BadPolicy, match="patience"):
        read_policy(path)
    path.write_text("- a\n")
    with pytest.raises(BadPolicy, match="no mapping"):
        read_policy(path)
    path.write_text("limit: {}\n")
    with pytest.raises(BadPolicy, match="'limit'"):
        read_policy(path)


def test_a_site_shows_its_distance_to_the_standard():
    found = judge(
        [*line(), *line({"Receive": (None, {"quantity": 1})}, case="R2:1")],
        order={"quantity_shipped": 9.0},
    )
    [row] = found.sites.to_dict("records")
    assert (row["site"], row["lines"], row["violating_lines"]) == ("DC1", 2, 1)
    assert row["clean_share"] == 0.5


def test_a_log_that_is_no_return_breaks_no_rule(log_of):
    found = conformance(load(log_of("a +1 b", "c"))).with_details()
    assert found == {"violations": [], "sites": []}


def lines_of(site, *traces, start="2026-03-02T08:00"):
    rows = [
        {
            "case_id": f"{site}-{n}",
            "activity": step,
            "occurred_at": pd.Timestamp(start, tz="UTC") + pd.Timedelta(hours=24 * n + hour),
            "site": site,
        }
        for n, trace in enumerate(traces)
        for hour, step in enumerate(trace)
    ]
    return pd.DataFrame(rows)


RIGHT = ("Request return", "Create RMA", "Arrive", "Receive")
WRONG = ("Request return", "Arrive", "Create RMA", "Receive")


def test_sites_are_ranked_by_their_distance_to_the_standard():
    log = load(
        pd.concat(
            [lines_of("NORTH", WRONG, RIGHT, RIGHT, RIGHT), lines_of("SOUTH", WRONG, WRONG, RIGHT)]
        )
    )
    found = conformance(log)
    sites = found.sites.set_index("site")
    # Request-RMA, RMA-arrive and arrive-receive apply to each line; a wrong one breaks the second.
    assert sites.loc["NORTH", "fitness"] == pytest.approx((3 + 2 / 3) / 4)
    assert sites.loc["SOUTH", "fitness"] == pytest.approx((1 + 2 * 2 / 3) / 3)
    assert found.sites["rank"].tolist() == [1, 2]
    assert found.sites["site"].tolist() == ["NORTH", "SOUTH"]
    json.dumps(found.with_details(), allow_nan=False)
    only = conformance(log, site="SOUTH").sites
    assert only["fitness"].tolist() == pytest.approx([sites.loc["SOUTH", "fitness"]])


def test_the_dearest_rules_of_a_site_are_named_first():
    found = judge(**CASES["C15"])
    [row] = found.sites.to_dict("records")
    stakes = found.violations.groupby("rule")["stake"].sum()
    assert row["worst_rules"][0] == stakes.idxmax()
    assert row["exposure_per_line"] == pytest.approx(row["exposure"] / row["lines"], abs=0.01)


def test_a_standard_order_with_an_unknown_step_is_refused(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("standard_order: {Receive: [Levitate]}", encoding="utf-8")
    with pytest.raises(UnknownActivity, match="Levitate"):
        conformance(load(lines_of("NORTH", RIGHT)), policy=path)
