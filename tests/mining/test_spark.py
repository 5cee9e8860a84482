"""Whole answers on Spark; the SQL behind them is compared in ``test_portable_sql.py``."""

import json
import os
import shutil

import pytest

pytest.importorskip("pyspark")
if shutil.which("java") is None:
    if os.environ.get("RETRACE_REQUIRE_SERVICES") == "1":
        raise RuntimeError("RETRACE_REQUIRE_SERVICES=1, but Java is not installed")
    pytest.skip("Java is not installed", allow_module_level=True)

from mining import (
    METRICS,
    case_durations,
    directly_follows_graph,
    eventually_follows,
    kpis,
    load,
    money_waiting,
    object_centric_graph,
    rework,
    variants,
)
from mining.engine import UnknownEngine
from mining.lines import return_lines

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def same(a, b):
    """Equal, doubles to 1e-9."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == pytest.approx(b, rel=1e-9, nan_ok=True)
    return a == b


@pytest.fixture(scope="module")
def both(small_home):
    return load(small_home, as_of="2030-01-01"), load(small_home, engine="spark")


@pytest.mark.parametrize(
    "slice_", [{}, {"site": "DC4"}, {"start": "2026-06-28", "end": "2026-07-01"}]
)
def test_maps_and_variants_are_equal_on_both_engines(both, slice_):
    duckdb, spark = both
    assert same(
        directly_follows_graph(spark, **slice_).to_dict(),
        directly_follows_graph(duckdb, **slice_).to_dict(),
    )
    ours, theirs = (directly_follows_graph(log, **slice_).edges for log in (duckdb, spark))
    assert same(theirs.values.tolist(), ours.values.tolist())
    assert same(
        variants(spark, top=None, **slice_).to_dict(),
        variants(duckdb, top=None, **slice_).to_dict(),
    )
    durations = [
        case_durations(log, **slice_).sort_values("case_id").values.tolist() for log in both
    ]
    assert same(*durations)


def test_the_other_maps_are_equal_on_both_engines(both):
    for mined in (eventually_follows, money_waiting, lambda log, **w: rework(log, **w).activities):
        ours, theirs = (mined(log, site="DC4").astype(object) for log in both)
        ours, theirs = (frame.where(frame.notna(), None) for frame in (ours, theirs))
        assert same(theirs.values.tolist(), ours.values.tolist())


def test_kpis_are_equal_on_both_engines(both):
    ours, theirs = (kpis(log).to_dict()["kpis"] for log in both)
    here_alone = {metric.id for metric in METRICS if not metric.everywhere}
    assert {kpi["id"] for kpi in ours} - {kpi["id"] for kpi in theirs} <= here_alone
    assert same(theirs, [kpi for kpi in ours if kpi["id"] not in here_alone])


def test_object_centric_maps_are_equal_on_both_engines(both):
    ours, theirs = (object_centric_graph(log) for log in both)
    assert same(theirs.edges.values.tolist(), ours.edges.values.tolist())
    assert ours.warnings == theirs.warnings


def test_as_of_and_frames_are_equal_on_both_engines(small_home, log_of):
    when = "2026-07-05"
    assert same(
        directly_follows_graph(load(small_home, engine="spark", as_of=when)).to_dict(),
        directly_follows_graph(load(small_home, as_of=when)).to_dict(),
    )
    frame = log_of("a b c", "a +1 c +1 b", "NA")
    answers = [
        json.dumps(directly_follows_graph(load(frame, engine=engine)).to_dict())
        for engine in ("duckdb", "spark")
    ]
    assert answers[0] == answers[1]


def test_what_spark_does_not_do_is_refused(both):
    with pytest.raises(UnknownEngine, match="duckdb"):
        return_lines(both[1])
