"""The temporal profile is pm4py's; what strays from it is found, and too little is no judge."""

import numpy as np
import pandas as pd
import pm4py
import pytest

from mining import load
from mining.temporal import temporal_deviations, temporal_profile

pm4pys_own = pytest.mark.filterwarnings("ignore:The 'lsuffix' and 'rsuffix' keywords")


@pytest.fixture(scope="module")
def running_example(shared_data):
    frame = pd.read_csv(shared_data / "eventlogs" / "running-example.csv")
    frame = frame.rename(
        columns={
            "case:concept:name": "case_id",
            "concept:name": "activity",
            "time:timestamp": "occurred_at",
        }
    )
    frame["case_id"] = frame["case_id"].astype(str)
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"], utc=True)
    return frame[["case_id", "activity", "occurred_at"]].sort_values("occurred_at")


def formatted(frame):
    return pm4py.format_dataframe(
        frame.copy(), case_id="case_id", activity_key="activity", timestamp_key="occurred_at"
    )


@pm4pys_own
def test_the_profile_is_pm4pys(running_example):
    found = temporal_profile(load(running_example)).frame
    mine = {(r.source, r.target): (r.mean_s, r.stdev_s) for r in found.itertuples()}
    theirs = pm4py.discover_temporal_profile(formatted(running_example))
    assert mine.keys() == theirs.keys()
    for pair, figures in theirs.items():
        assert mine[pair] == pytest.approx(figures, rel=1e-9)


@pm4pys_own
def test_the_deviations_are_pm4pys(running_example):
    log = load(running_example)
    profile = temporal_profile(log)
    found = temporal_deviations(log, profile, zeta=1.2, enough=1, least_spread_s=1e-6)
    table = formatted(running_example)
    theirs = pm4py.conformance_temporal_profile(
        table, pm4py.discover_temporal_profile(table), zeta=1.2
    )
    seconds = sorted(deviation[2] for case in theirs for deviation in case)
    assert len(seconds) > 10
    assert sorted(found["seconds"]) == pytest.approx(seconds)


def steady(log_of, late):
    """Forty cases an hour apart give or take, and one as late as asked."""
    waits = [1 + 0.1 * np.sin(n) for n in range(40)] + [late]
    return load(log_of(*[f"a +{wait:.4f} b" for wait in waits]))


def test_one_late_case_is_the_only_deviation(log_of):
    log = steady(log_of, late=1 + 0.1 * np.sin(40))
    usual = temporal_profile(log)
    late = temporal_deviations(steady(log_of, late=3), usual)
    assert late["case_id"].tolist() == ["c40"]
    assert late["seconds"].tolist() == [3 * 3600]
    assert late["zeta"].iloc[0] == pytest.approx(
        (3 * 3600 - usual.frame["mean_s"].iloc[0]) / usual.frame["stdev_s"].iloc[0]
    )
    assert temporal_deviations(log, usual).empty


def test_a_pair_seen_a_few_times_condemns_nobody(log_of):
    few = load(log_of("a +1 b", "a +1 b"))
    other = load(log_of("a +90 b"))
    assert temporal_deviations(other, temporal_profile(few)).empty
    assert len(temporal_deviations(other, temporal_profile(few), enough=2)) == 1


def test_the_same_second_every_time_is_not_a_law(log_of):
    always = load(log_of(*["a +1 b"] * 40))
    late = load(log_of("a +1.05 b"))
    assert temporal_deviations(late, temporal_profile(always)).empty
