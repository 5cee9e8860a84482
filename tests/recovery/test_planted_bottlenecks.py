"""The simulator's slow stages are found again, with their cause."""

import pytest

from mining import bottlenecks, load


@pytest.fixture(scope="module")
def frame(small_home):
    return bottlenecks(load(small_home)).frame


def wait(frame, site, activity):
    rows = frame[(frame["site"] == site) & (frame["activity"] == activity)]
    return rows["wait_h"].sum()


def test_the_finance_approval_queue_is_among_the_dearest_waits(frame):
    ours = frame[frame["cause"] != "external"].head(6)
    assert "Approve credit" in set(ours["activity"])


def test_the_overloaded_inspection_of_the_legacy_site_waits_longest(frame):
    waits = {site: wait(frame, site, "Finish inspection") for site in ("DC1", "DC3", "DC4")}
    assert waits["DC4"] == max(waits.values())


def test_the_end_of_day_file_makes_postings_wait_in_batches(frame):
    rows = frame[(frame["activity"] == "Post stock transfer") & (frame["site"] == "DC4")]
    assert rows.iloc[0]["cause"] == "batching"
    assert rows.iloc[0]["owner"] == "integration"
    assert wait(frame, "DC4", "Post stock transfer") > 3 * wait(frame, "DC3", "Post stock transfer")
