"""Small logs written as words, and homes made from them."""

import itertools

import pandas as pd
import pytest

from ingestion.intake import ingest

MONDAY = pd.Timestamp("2026-03-02T08:00", tz="UTC")
DAY = pd.Timedelta(days=1)


@pytest.fixture
def log_of():
    """``log_of("a +1 b +2 c", "a +1 c")``: one trace per argument; ``+n`` waits n hours."""

    def build(*traces, start=MONDAY, apart=DAY, **columns):
        rows = []
        for number, trace in enumerate(traces):
            now = start + number * apart
            for word in trace.split():
                if word.startswith("+"):
                    now += pd.Timedelta(hours=float(word[1:]))
                else:
                    rows.append((f"c{number}", word.replace("_", " "), now))
        frame = pd.DataFrame(rows, columns=["case_id", "activity", "occurred_at"])
        return frame.assign(**columns)

    return build


@pytest.fixture
def deliver(settings, tmp_path):
    """Write a frame as a CSV delivery and ingest it into the test's home."""
    numbers = itertools.count()

    def take(frame, **options):
        path = tmp_path / f"delivery-{next(numbers):03d}.csv"
        frame.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z")
        return ingest(settings, [path], **options)

    return take
