import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.disposition import FEATURES, FIELDS
from models.features import Vocabulary, attributes, columns_of, days_between, flags, matrix

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
VOCABULARY = Vocabulary({f.name: ("DC1", "BROKEN", "A") for f in FEATURES if f.code})


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), ANYTHING), min_size=1, max_size=4))
def test_no_payload_ever_raises(items, lines):
    joined = attributes(columns_of(lines, FIELDS), items)
    rows = matrix(joined, FEATURES, VOCABULARY)
    assert rows.shape == (len(lines), len(FEATURES))
    assert not np.isinf(rows).any()


def test_an_unknown_code_is_minus_one_and_a_missing_number_is_not_a_number(items):
    joined = attributes(columns_of([{"sku": "DRILL", "site": "MOON"}], FIELDS), items)
    [row] = matrix(joined, FEATURES, VOCABULARY)
    told = dict(zip([f.name for f in FEATURES], row, strict=True))
    assert told["site"] == -1.0
    assert math.isnan(told["unit_price"])
    assert told["list_price"] == 80.0


def test_an_unknown_item_takes_its_familys_values_and_without_family_everyones(items):
    _, _, known = items.look_up(["NEW", "NEW"], ["tools", None])
    assert known[0, 1] == 80.0
    assert known[1, 1] == 9.0
    assert not items.knows("NEW")


def test_flags_and_days_read_what_systems_write():
    assert flags(["Y", "false", True, "NA", None, 0]).tolist()[:3] == [1.0, 0.0, 1.0]
    assert np.isnan(flags(["NA", None])).all()
    days = days_between(["2026-01-01T00:00:00Z", "rubbish", None], ["2026-01-03", "2026-01-03", 3])
    assert days[0] == 2.0
    assert np.isnan(days[1:]).all()


def test_a_supplier_pays_only_for_covered_reasons(items):
    lines = [{"sku": "DRILL", "reason_inspected": r} for r in ("QUALITY.DOA", "CHOICE.UNWANTED")]
    joined = attributes(columns_of(lines, FIELDS), items)
    place = [f.name for f in FEATURES].index("supplier_credit")
    assert matrix(joined, FEATURES, VOCABULARY)[:, place].tolist() == [36.0, 0.0]
