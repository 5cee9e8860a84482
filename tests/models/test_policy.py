import pytest

from models.answers import Advice, Source
from models.policy import route

FINE = {
    "sku": "DRILL",
    "quantity": 1,
    "unit_price": 20,
    "condition": "NEW_SEALED",
    "serial_match": "Y",
}


def rules_of(items, *, advice=(), **changes):
    [found] = route([{**FINE, **changes}], items, [advice])
    assert (found.route == "review") == bool(found.rules)
    return {fired.rule for fired in found.rules}


def test_nothing_against_a_plain_line(items):
    assert rules_of(items) == set()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"sku": "PILL"}, "regulated_item"),
        ({"sku": "SPRAY"}, "hazmat_item"),
        ({"hazmat": True}, "hazmat_item"),
        ({"serial_match": "N"}, "serial_mismatch"),
        ({"condition": "EXPIRED"}, "held_condition"),
        ({"condition": "COUNTERFEIT"}, "held_condition"),
        ({"reason_declared": "QUALITY.RECALL"}, "recall"),
        ({"quantity": 300}, "approval_limit"),
        ({"sku": "NEVER"}, "unknown_item"),
        ({"condition": None}, "not_inspected"),
    ],
)
def test_each_rule_sends_its_line_to_review(items, changes, rule):
    assert rule in rules_of(items, **changes)


def test_a_caller_cannot_talk_a_hazard_away(items):
    assert "hazmat_item" in rules_of(items, sku="SPRAY", hazmat=False)


def test_a_model_that_abstains_sends_the_line_to_review(items):
    silent = Advice("reason", None, "5 of 9", (), (), 0.9, (), Source("reason", "1", "d"))
    assert rules_of(items, advice=[silent]) == {"reason_abstained"}
