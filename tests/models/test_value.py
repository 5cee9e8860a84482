import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.disposition import choose
from models.value import MONTHLY_AGEING, OUTCOMES, REDO_COST, expected_values

CLASSES = ("RESTOCK", "SCRAP", "SUPPLIER_RETURN")


def value_of(probability, *, price=100.0, credit=50.0, quantity=2.0):
    return expected_values(
        np.array([probability]),
        CLASSES,
        price=np.array([price]),
        supplier_credit=np.array([credit]),
        quantity=np.array([quantity]),
    )[0]


def test_a_certain_restock_brings_its_share_less_handling_and_delay():
    outcome = OUTCOMES["RESTOCK"]
    unit = 100 * outcome.share - outcome.handling - 100 * outcome.days * MONTHLY_AGEING / 30
    assert value_of([1.0, 0.0, 0.0])[0] == pytest.approx(2 * unit)


def test_restocking_what_is_scrap_recovers_nothing_and_costs_a_second_touch():
    outcome = OUTCOMES["RESTOCK"]
    unit = -outcome.handling - REDO_COST - 100 * outcome.days * MONTHLY_AGEING / 30
    assert value_of([0.0, 1.0, 0.0])[0] == pytest.approx(2 * unit)


def test_a_supplier_return_is_worth_the_contract_not_the_price():
    assert value_of([0.0, 0.0, 1.0], credit=90)[2] > value_of([0.0, 0.0, 1.0], credit=10)[2]


@given(st.floats(0, 1))
def test_the_likelier_a_restock_the_more_restocking_is_worth(share):
    more = value_of([min(share + 0.1, 1.0), max(0.9 - share, 0.0), 0.0])[0]
    assert more >= value_of([share, 1.0 - share, 0.0])[0] - 1e-9


def test_the_choice_is_the_most_valuable_plausible_fate():
    probability = np.array([[0.5, 0.4, 0.1]])
    members = np.array([[True, True, False]])
    assert choose(probability, members, np.array([[1.0, 5.0, 99.0]])) == [1]
    assert choose(probability, members, np.full((1, 3), np.nan)) == [0]
