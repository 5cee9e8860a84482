"""Random logs: our answers are pm4py's."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mining import case_durations, directly_follows_graph, load, variants

pm4py = pytest.importorskip("pm4py")

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["NA", "c1", "c2", "ü-3", "4"]),
        st.sampled_from(["a", "b", "c d", "é"]),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVENTS)
def test_random_logs_give_pm4pys_answers(rows):
    frame = pd.DataFrame(rows, columns=["case_id", "activity", "hour"])
    frame["occurred_at"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(
        frame.pop("hour"), unit="h"
    )
    log = load(frame)
    found = directly_follows_graph(log)
    theirs = frame.rename(
        columns={
            "case_id": "case:concept:name",
            "activity": "concept:name",
            "occurred_at": "time:timestamp",
        }
    ).sort_values(["case:concept:name", "time:timestamp"], kind="stable", ignore_index=True)
    edges, start, end = pm4py.discover_dfg(theirs.copy())
    ours = found.edges.set_index(["source", "target"])
    assert ours["count"].to_dict() == edges
    assert (found.start, found.end) == (start, end)
    performance = pm4py.discover_performance_dfg(theirs.copy())[0]
    for pair, statistics in performance.items():
        assert ours.loc[pair, "mean_s"] == pytest.approx(statistics["mean"])
        assert ours.loc[pair, "p50_s"] == pytest.approx(statistics["median"])
        assert ours.loc[pair, "max_s"] == pytest.approx(statistics["max"])
    counted = variants(log, top=None).top
    assert dict(zip(counted["activities"], counted["count"], strict=True)) == pm4py.get_variants(
        theirs.copy()
    )
    assert sorted(case_durations(log)["duration_s"]) == pytest.approx(
        sorted(pm4py.get_all_case_durations(theirs.copy()))
    )
    rework = found.activities.set_index("activity")["rework_cases"]
    assert rework[rework > 0].to_dict() == pm4py.get_rework_cases_per_activity(theirs.copy())
