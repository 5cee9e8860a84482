"""Reference logs: what others mined from them must come out here, to the last digit."""

import hashlib
import json

import numpy as np
import pytest

from ingestion.intake import ingest
from ingestion.settings import Settings
from mining import case_durations, directly_follows_graph, eventually_follows, load, variants
from mining.temporal import temporal_profile

GOLDENS = {
    "02_teleclaims": "teleclaims.xes.gz",
    "03_repairExample": "repairExample.xes.gz",
    "08_receipt": "receipt.xes.gz",
    "16_bpic2019_1t_per_variant": "BPIC2019_1trace_per_variant.xes.gz",
    "running-example": "running-example.xes",
    "reviewing": "reviewing.xes.gz",
    "roadtraffic100traces": "roadtraffic100traces.xes.gz",
    "interval_event_log": "interval_event_log.xes.gz",
}


@pytest.fixture(scope="module", params=GOLDENS)
def golden(request, shared_data, tmp_path_factory):
    """The reference values, and our log of the same file through the intake and the lake."""
    home = tmp_path_factory.mktemp("golden")
    ingest(Settings.load(home), [shared_data / "eventlogs" / GOLDENS[request.param]])
    expected = json.loads((shared_data / "golden" / f"{request.param}.json").read_text())
    return expected, load(home)


def test_the_directly_follows_graph_equals_the_reference(golden):
    expected, log = golden
    found = directly_follows_graph(log)
    assert (found.cases, found.events) == (expected["n_cases"], expected["n_events"])
    assert len(found.activities) == expected["n_activities"]
    edges = found.edges[["source", "target", "count"]].values.tolist()
    assert sorted(edges) == expected["dfg"]
    assert found.start == expected["start_activities"]
    assert found.end == expected["end_activities"]


def test_the_eventually_follows_graph_equals_the_reference(golden):
    expected, log = golden
    if "efg" not in expected:
        pytest.skip("the reference has no eventually-follows graph for this log")
    found = eventually_follows(log)[["source", "target", "count"]].values.tolist()
    assert sorted(found) == sorted(expected["efg"])


def test_the_temporal_profile_equals_the_reference(golden):
    expected, log = golden
    if "temporal_profile" not in expected:
        pytest.skip("the reference has no temporal profile for this log")
    profile = temporal_profile(log, reach=10_000).frame
    found = profile.sort_values(["source", "target"])
    reference = sorted(expected["temporal_profile"])
    assert found[["source", "target"]].values.tolist() == [row[:2] for row in reference]
    np.testing.assert_allclose(
        found[["mean_s", "stdev_s"]].to_numpy(float),
        np.array([row[2:] for row in reference], float),
        rtol=1e-9,
        atol=1e-5,
    )


def test_every_statistic_of_every_edge_equals_the_reference(golden):
    expected, log = golden
    columns = ["mean_s", "p50_s", "min_s", "max_s", "sum_s", "stdev_s", "p90_s", "p95_s"]
    edges = directly_follows_graph(log).edges.sort_values(["source", "target"])
    reference = [
        row[2:] + tail[2:]
        for row, tail in zip(
            expected["perf_dfg"], expected["perf_dfg_p90_p95_duckdb_quantile_cont"], strict=True
        )
    ]
    np.testing.assert_allclose(
        edges[columns].to_numpy(float), np.array(reference, float), rtol=1e-9, equal_nan=True
    )
    assert (edges["stdev_s"].isna() == (edges["count"] == 1)).all()


def test_all_variants_equal_the_reference(golden):
    expected, log = golden
    found = variants(log, top=None)
    assert found.variants == expected["n_variants"]
    listed = [
        [int(count), list(names)]
        for count, names in zip(found.top["count"], found.top["activities"], strict=True)
    ]
    assert listed[:20] == expected["variants_top20"]
    text = json.dumps(listed, ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == expected["variants_sha256"]
    assert variants(log).to_dict()["top"] == [
        {"count": count, "activities": names} for count, names in expected["variants_top20"]
    ]


def test_durations_and_rework_equal_the_reference(golden):
    expected, log = golden
    durations = case_durations(log)["duration_s"].to_numpy()
    wanted = expected["throughput_s"]
    assert len(durations) == wanted["n"]
    np.testing.assert_allclose(durations.sum(), wanted["sum"], rtol=1e-9)
    quantiles = {0.5: "median", 0.0: "min", 1.0: "max"} | {
        q / 100: f"p{q}" for q in (5, 10, 25, 75, 90, 95, 99)
    }
    for q, key in quantiles.items():
        np.testing.assert_allclose(np.quantile(durations, q), wanted[key], rtol=1e-9)
    activities = directly_follows_graph(log).activities
    rework = activities[activities["rework_cases"] > 0]
    assert (
        dict(zip(rework["activity"], rework["rework_cases"], strict=True))
        == expected["rework_cases_per_activity"]
    )


def test_cases_whose_order_rests_on_a_tie_are_counted(golden):
    expected, log = golden
    ties = directly_follows_graph(log).cases_with_ties
    assert (ties > 0) == (expected["n_ties_same_case"] > 0)
    assert ties <= min(expected["n_ties_same_case"], expected["n_cases"])


def test_the_hospital_log_keeps_the_case_that_is_called_na(shared_data, settings):
    ingest(
        settings,
        [shared_data / "eventlogs" / "HospitalBilling_full.csv.gz"],
        case="case_id",
        activity="activity",
        time="timestamp",
    )
    log = load(settings.home)
    found = directly_follows_graph(log)
    assert (found.cases, found.events, len(found.activities)) == (100_000, 451_359, 18)
    assert variants(log).variants == 1_022
    counts = found.activities.set_index("activity")["events"]
    assert counts[["BILLED", "STORNO", "REJECT", "REOPEN", "DELETE", "CODE NOK"]].tolist() == [
        67_448,
        2_973,
        2_016,
        4_669,
        8_225,
        3_620,
    ]
    assert log.engine.select("select events from cases where case_id = 'NA'").num_rows == 1
