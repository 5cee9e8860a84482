"""Tables people take away: a spreadsheet must not execute them."""

import csv
import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from dashboard.exports import DANGEROUS, to_safe_csv

cells = st.one_of(st.none(), st.text(alphabet=st.characters(codec="utf-8"), max_size=12))


@given(st.lists(cells, min_size=1, max_size=8))
def test_no_text_cell_can_start_a_formula_and_none_is_lost(texts):
    frame = pd.DataFrame({"note": pd.Series(texts, dtype=object), "n": range(len(texts))})
    reader = csv.DictReader(io.StringIO(to_safe_csv(frame).decode(), newline=""))
    back = [row["note"] for row in reader]
    assert not any(text.startswith(DANGEROUS) for text in back)
    plain = [text or "" for text in texts]
    assert [
        b.removeprefix("'") if p.startswith(DANGEROUS) else b
        for b, p in zip(back, plain, strict=True)
    ] == plain


def test_negative_numbers_stay_numbers():
    assert to_safe_csv(pd.DataFrame({"delta": [-1.5]})) == b"delta\r\n-1.5\r\n"


def test_a_column_name_cannot_start_a_formula_either():
    assert to_safe_csv(pd.DataFrame({"=cmd": [1]})).startswith(b"'=cmd")
