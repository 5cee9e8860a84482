"""Each of the 32 rules on a line that keeps them all but one."""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pandas as pd
import pyarrow as pa
import pytest

from mining import conformance, load
from mining.policy import BadPolicy, read_policy, shipped_policy
from mining.rules import RULES
from mining.standard import UnknownActivity

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
DROP = None

ITEM = {
    "sku": "S1",
    "std_cost": 8.0,
    "list_price": 12.0,
    "family": "home",
    "serialised": True,
    "lot_controlled": True,
    "temp_sensitive": True,
    "regulated": False,
    "warranty_months": 12,
    "primary_supplier_id": "V1",
    "valid_from": None,
}
ORDER = {
    "order_id": "O1",
    "order_line": "1",
    "unit_price": 10.0,
    "quantity_shipped": 2.0,
    "delivered_at": T0 - timedelta(days=9),
    "serials": "N1;N2",
    "valid_from": None,
}
CONTRACT = {
    "contract_id": "K1",
    "field_destroy": False,
    "credit_pct": 0.9,
    "restock_pct": 0.1,
    "min_claim_value": 5.0,
    "valid_from": None,
}
CUSTOMER = {"customer_id": "B1", "segment": "B2B", "valid_from": None}

BASE = {  # activity: (hours after the request, fields)
    "Request return": (
        0,
        {
            "extras": {"policy": "P1", "customer_id": "B1", "order_line": "1", "unit_price": "10"},
            "reason": "CHOICE.UNWANTED",
        },
    ),
    "Create RMA": (1, {"extras": {"quantity_authorised": "2"}}),
    "Sync RMA": (1.1, {}),
    "Arrive": (72, {}),
    "Receive": (
        72.5,
        {"quantity": 2, "serial": "N1", "lot": "L1", "actor": "ann", "document_id": "w1"},
    ),
    "Post goods receipt": (
        72.6,
        {
            "quantity": 2,
            "document_id": "m1",
            "actor_type": "system",
            "inventory_status": "RETURNS_HOLD",
        },
    ),
    "Finish inspection": (
        73,
        {"actor": "bob", "condition": "NEW_SEALED", "serial": "N1", "reason": "CHOICE.UNWANTED"},
    ),
    "Decide disposition": (73.5, {"actor": "cid", "disposition": "RESTOCK"}),
    "Execute disposition": (74, {"actor": "ann", "disposition": "RESTOCK", "document_id": "w2"}),
    "Post stock transfer": (
        74.1,
        {
            "quantity": 2,
            "disposition": "RESTOCK",
            "document_id": "m2",
            "inventory_status": "AVAILABLE",
            "actor_type": "system",
        },
    ),
    "Approve credit": (75, {"actor": "dan"}),
    "Post credit memo": (
        76,
        {
            "quantity": 2,
            "amount": 17.0,
            "document_id": "c1",
            "financial_outcome": "CREDIT_LESS_FEE",
            "actor_type": "system",
        },
    ),
    "Close return": (96, {"actor_type": "system"}),
}
CLAIM = {
    "Determine supplier eligibility": (
        73.6,
        {
            "extras": {
                "eligible": "true",
                "contract_id": "K1",
                "eligible_until": "2026-03-20T00:00:00Z",
            }
        },
    ),
    "File supplier claim": (80, {"amount": 14.4, "extras": {"contract_id": "K1"}}),
    "Receive supplier answer": (200, {"extras": {"answer": "AUTHORISED"}}),
    "Confirm supplier delivery": (300, {}),
    "Receive supplier credit": (500, {"amount": 12.96}),
}


def line(changes=(), *, case="R1:1", claim=False, more=()):
    """The base line with some activities moved, edited or dropped, and some added."""
    changes = dict(changes)
    events = {**BASE, **(CLAIM if claim else {})}
    rows = []
    for name, (at, said) in [*events.items(), *more]:
        moved, edits = None, {}
        if name in changes and (name, (at, said)) not in more:
            if changes[name] is DROP:
                continue
            moved, edits = changes[name]
        hours, fields = at if moved is None else moved, {**said, **edits}
        extras = fields.get("extras")
        rows.append(
            {
                "case_id": case,
                "activity": name,
                "occurred_at": T0 + timedelta(hours=hours),
                "sku": "S1",
                "site": "DC1",
                "actor_type": "human",
                "quantity": None,
                "actor": None,
                "posting_date": (T0 + timedelta(hours=hours)).date(),
                **fields,
                "extras": json.dumps(extras) if extras else None,
            }
        )
    return rows


def judge(rows, *, item=(), order=(), policy=None, as_of=None, site=()):
    frame = pd.DataFrame(rows)
    for column in (
        "amount",
        "serial",
        "lot",
        "reason",
        "condition",
        "disposition",
        "financial_outcome",
        "inventory_status",
        "document_id",
        "reversal_of",
        "recorded_at",
        "confidence",
    ):
        if column not in frame:
            frame[column] = None
    frame["quantity"] = frame["quantity"].astype(float)
    frame["amount"] = frame["amount"].astype(float)
    frame["recorded_at"] = pd.to_datetime(frame["recorded_at"], utc=True)
    frame["event_id"] = [f"e{n}" for n in range(len(frame))]
    asked = frame["activity"] == "Request return"
    objects = pd.DataFrame(
        {"event_id": frame["event_id"][asked], "object_type": "order", "object_id": "O1"}
    )
    log = load(frame, objects=objects, as_of=as_of)
    for table, row in (
        ("items", {**ITEM, **dict(item)}),
        ("order_lines", {**ORDER, **dict(order)}),
        ("contracts", CONTRACT),
        ("customers", CUSTOMER),
    ):
        log.engine.register(table, pa.Table.from_pylist([row]))
    return conformance(log, policy=policy)


def broken(found):
    return set(found.violations["rule"])


NEXT_MONTH = {"posting_date": date(2026, 4, 1)}
CASES = {
    "C01": dict(rows=line({"Post credit memo": (50, {})})),
    "C02": dict(rows=line({"Post credit memo": (72.7, {})})),
    "C03": dict(
        rows=line(
            {"Create RMA": (200, {}), "Sync RMA": (201, {})},
            more=[("Match blind receipt", (210, {}))],
        )
    ),
    "C04": dict(rows=line({"Sync RMA": DROP})),
    "C05": dict(
        rows=line(
            {
                "Receive": (None, {"quantity": 3}),
                "Post credit memo": (None, {"quantity": 3, "amount": 25.5}),
            }
        )
    ),
    "C06": dict(rows=line({"Receive": (None, {"quantity": 1})})),
    "C07": dict(rows=line({"Finish inspection": DROP})),
    "C08": dict(rows=line({"Decide disposition": (None, {"disposition": "SCRAP"})})),
    "C09": dict(rows=line({"Post stock transfer": (200, {})})),
    "C10": dict(rows=line({"Receive": DROP, "Arrive": DROP})),
    "C11": dict(rows=line({"Receive": (None, {"serial": None})})),
    "C12": dict(
        rows=line(
            {"Receive": (None, {"serial": "N9"}), "Finish inspection": (None, {"serial": "N9"})}
        )
    ),
    "C13": dict(
        rows=[
            *line(),
            *line(
                {
                    "Receive": (None, {"serial": "N7"}),
                    "Finish inspection": (None, {"serial": "N7"}),
                },
                case="R2:1",
            ),
            *line(
                {"Receive": (80, {"serial": "N7"}), "Finish inspection": (None, {"serial": "N7"})},
                case="R3:1",
            ),
        ]
    ),
    "C14": dict(rows=line({"Receive": (None, {"lot": None})})),
    "C15": dict(
        rows=line(
            more=[
                (
                    "Post credit memo",
                    (
                        99,
                        {
                            "quantity": 2,
                            "amount": 17.0,
                            "document_id": "c2",
                            "actor_type": "system",
                        },
                    ),
                )
            ]
        )
    ),
    "C16": dict(rows=line({"Post credit memo": (None, {"amount": 26.0})})),
    "C17": dict(rows=line(), order={"quantity_shipped": 1.0}),
    "C18": dict(rows=line(), order={"delivered_at": T0 - timedelta(days=90)}),
    "C19": dict(
        rows=line(
            {"Post credit memo": (None, {"amount": 20.0, "financial_outcome": "CREDIT_FULL"})}
        )
    ),
    "C20": dict(rows=line({"Decide disposition": (None, {"actor": "bob"})})),
    "C21": dict(
        rows=line(
            {
                "Approve credit": (None, {"actor_type": "system"}),
                "Post credit memo": (None, {"amount": 501.0}),
            }
        ),
        order={"unit_price": 300.0},
    ),
    "C22": dict(
        rows=line(
            more=[
                ("Decide disposition", (73.7, {"disposition": "NO_RETURN", "actor_type": "system"}))
            ]
        )
    ),
    "C23": dict(
        rows=line(
            {
                "Request return": (
                    None,
                    {
                        "extras": {
                            "policy": "P4",
                            "customer_id": "B1",
                            "order_line": "1",
                            "unit_price": "10",
                        }
                    },
                )
            }
        )
    ),
    "C24": dict(
        rows=line(
            {"Post stock transfer": (400, {})},
            more=[
                (
                    "Post stock transfer",
                    (
                        74.1,
                        {
                            "quantity": 2,
                            "disposition": "QUARANTINE",
                            "inventory_status": "QUARANTINE",
                            "document_id": "m0",
                        },
                    ),
                )
            ],
        )
    ),
    "C25": dict(rows=line({"Execute disposition": (77, {}), "Post stock transfer": (77.1, {})})),
    "C26": dict(rows=line({"Arrive": (50, {})})),
    "C27": dict(
        rows=line(
            {
                "File supplier claim": DROP,
                "Receive supplier answer": DROP,
                "Confirm supplier delivery": DROP,
                "Receive supplier credit": DROP,
            },
            claim=True,
            more=[("Notify customer", (600, {}))],
        )
    ),
    "C28": dict(
        rows=line({"Post stock transfer": (None, {"inventory_status": "SCRAPPED"})}, claim=True)
    ),
    "C29": dict(rows=line({"Receive supplier credit": (None, {"amount": 9.0})}, claim=True)),
    "C30": dict(rows=line({"Post goods receipt": (None, NEXT_MONTH)})),
    "C31": dict(rows=line({"Post credit memo": (None, {"posting_date": date(2026, 2, 20)})})),
    "C32": dict(rows=line({"Close return": (75.5, {})})),
}


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


def test_a_line_hit_twice_in_one_exposure_group_counts_its_largest_stake():
    found = judge(line({"Post credit memo": (72.7, {"amount": 26.0})}))
    both = found.violations[found.violations["group"] == "credit"]
    assert {"C02", "C16"} <= set(both["rule"])
    assert both["stake"].max() <= found.exposure < found.violations["stake"].sum()


def test_the_json_lists_broken_rules_with_cases_and_stake():
    said = judge(**CASES["C06"]).to_dict()
    assert list(said) == ["violations", "sites"]
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
    found = conformance(load(log_of("a +1 b", "c"))).to_dict()
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
    json.dumps(found.to_dict(), allow_nan=False)
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
