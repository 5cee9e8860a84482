from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from models.splits import split

START = datetime(2026, 1, 1, tzinfo=UTC)


def lines(moments, *, delay=0.0, per_rma=1):
    asked = [START + timedelta(hours=float(hour)) for hour in moments]
    return pd.DataFrame(
        {
            "case_id": [f"R{n // per_rma}:{n % per_rma}" for n in range(len(asked))],
            "asked_at": asked,
            "answered_at": [moment + timedelta(hours=delay) for moment in asked],
        }
    )


@given(st.lists(st.integers(0, 500), min_size=40, max_size=80), st.integers(1, 5))
def test_slices_follow_each_other_in_time_and_keep_returns_whole(hours, per_rma):
    frame = lines(hours, per_rma=per_rma)
    slices = split(frame)
    rma = frame["case_id"].str.rpartition(":")[0]
    parts = [slices.fit, slices.tune, slices.calibrate, slices.test]
    seen = [set(rma.iloc[part]) for part in parts]
    for first in range(4):
        for second in range(first + 1, 4):
            assert not seen[first] & seen[second]
    begun = rma.map(frame["asked_at"].groupby(rma).max())
    ends = [begun.iloc[part].max() for part in parts if len(part)]
    starts = [begun.iloc[part].min() for part in parts if len(part)]
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))


def test_a_line_answered_after_the_next_slice_began_is_left_out():
    frame = lines(range(100), delay=5.0)
    slices = split(frame)
    assert slices.purged == 15
    assert frame["answered_at"].iloc[slices.fit].max() < frame["asked_at"].iloc[slices.tune].min()


def test_shares_are_sixty_ten_fifteen_fifteen():
    slices = split(lines(range(1000)))
    sizes = [len(slices.fit), len(slices.tune), len(slices.calibrate), len(slices.test)]
    assert np.allclose(np.array(sizes) / 1000, [0.6, 0.1, 0.15, 0.15], atol=0.002)
