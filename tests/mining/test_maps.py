"""Eventually-follows, money on arrows, rework, difference maps, and what the commands print."""

import json
from datetime import datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mining import (
    compare,
    directly_follows_graph,
    eventually_follows,
    load,
    money_waiting,
    rework,
    variants,
)
from mining.commands import app
from mining.comparison import period_before
from mining.policy import shipped_policy

EVENTS = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from("abc"), st.integers(0, 40)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVENTS)
def test_eventually_follows_is_every_ordered_pair(rows):
    frame = pd.DataFrame(rows, columns=["case_id", "activity", "hour"])
    hours = pd.to_timedelta(frame["hour"], unit="h")
    frame["occurred_at"] = pd.Timestamp("2026-01-01", tz="UTC") + hours
    pairs, cases = {}, {}
    for case, trace in frame.sort_values("hour", kind="stable").groupby("case_id")["activity"]:
        names = trace.tolist()
        walked = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
        for pair in walked:
            pairs[pair] = pairs.get(pair, 0) + 1
            cases.setdefault(pair, set()).add(case)
    found = eventually_follows(load(frame)).set_index(["source", "target"])
    assert found["count"].to_dict() == pairs
    assert found["cases"].to_dict() == {pair: len(who) for pair, who in cases.items()}


def test_eventually_follows_knows_slices(small_home):
    log = load(small_home)
    everywhere = eventually_follows(log)["count"].sum()
    by_site = sum(eventually_follows(log, site=site)["count"].sum() for site in log.sites)
    assert 0 < by_site <= everywhere
    before, after = {"end": "2026-06-28"}, {"start": "2026-06-28"}
    halves = [eventually_follows(log, **half)["count"].sum() for half in (before, after)]
    assert min(halves) > 0
    assert sum(halves) == everywhere


def test_money_on_an_arrow_is_value_times_days_times_rate(small_home):
    log = load(small_home)
    found = money_waiting(log, site="DC4").set_index(["source", "target"])
    stated = log.engine.select("select case_id, sku, quantity from log_events").to_pandas()
    costs = log.engine.select("select * from item_costs").to_pandas().set_index("sku")["std_cost"]
    stated["value"] = stated["quantity"] * stated["sku"].map(costs)
    held = stated.groupby("case_id")["value"].max()
    steps = log.engine.select(
        "select cases.case_id, steps.source, steps.target, steps.duration_us from transitions "
        "as steps join cases on steps.case_no = cases.case_no join site_names as sites on "
        "cases.site_no = sites.site_no where sites.site = 'DC4' and steps.target is not null"
    ).to_pandas()
    steps["value_days"] = steps["case_id"].map(held).astype(float) * steps["duration_us"] / 86_400e6
    expected = steps.groupby(["source", "target"])["value_days"].sum()
    names = log.activities
    expected.index = pd.MultiIndex.from_tuples(
        [(names[a], names[b]) for a, b in expected.index], names=["source", "target"]
    )
    pd.testing.assert_series_equal(
        found["value_days"].sort_index(), expected.sort_index(), rtol=1e-9, check_dtype=False
    )
    assert found["money"].sum() == pytest.approx(
        expected.sum() * shipped_policy().ageing_per_day, rel=1e-9
    )
    assert found["money"].sum() > 0
    assert found["money"].is_monotonic_decreasing


def test_rework_tells_loops_from_returns(log_of):
    found = rework(load(log_of("a +1 b +1 c", "a +1 b +1 c", "a +1 a +1 b +1 a +1 c")))
    assert (found.cases, found.cases_with_rework) == (3, 1)
    row = found.activities.set_index("activity").loc["a"]
    assert (row["repeats"], row["self_loops"], row["returns"]) == (2, 1, 1)
    assert row["rework_cases"] == 1


def test_an_open_case_has_skipped_nothing_it_may_still_do(log_of):
    found = rework(load(log_of("a +1 b +1 c", "a +1 b +1 c", "a", "a +1 c", "a +1 x +1 c")))
    assert found.happy_path == ("a", "b", "c")
    skipped = found.activities.set_index("activity")["skipped_cases"]
    assert skipped.drop("x").to_dict() == {"a": 0, "b": 2, "c": 0}
    assert pd.isna(skipped["x"])


def test_a_difference_map_names_what_changed(log_of):
    here = directly_follows_graph(load(log_of("a +4 b", "a +4 b", "a +1 c")))
    there = directly_follows_graph(load(log_of("a +1 b")))
    edges = compare(here, there).edges.set_index(["source", "target"])
    assert edges.loc[("a", "b"), "share_change"] == pytest.approx(2 / 3 - 1)
    assert edges.loc[("a", "b"), "p50_change_s"] == 3 * 3600
    gone = edges.loc[("a", "c")]
    assert (gone["count"], gone["against_count"]) == (1, 0)
    assert pd.isna(gone["p50_change_s"])


def test_a_map_does_not_differ_from_itself_and_the_other_way_round_is_the_opposite(small_home):
    log = load(small_home)
    here, there = (directly_follows_graph(log, site=site) for site in ("DC4", "DC5"))
    same = compare(here, here).edges
    assert (same["share_change"] == 0).all() and (same["p90_change_s"] == 0).all()
    one, other = (
        compare(a, b).edges.set_index(["source", "target"]).sort_index()
        for a, b in ((here, there), (there, here))
    )
    changes = ["share_change", "p50_change_s", "p90_change_s"]
    pd.testing.assert_frame_equal(one[changes], -other[changes])
    assert one["count"].sum() == here.edges["count"].sum()
    assert one["against_count"].sum() == there.edges["count"].sum()


@pytest.mark.parametrize(
    ("start", "end", "before"),
    [
        (datetime(2026, 3, 1), datetime(2026, 4, 1), datetime(2026, 2, 1)),
        (datetime(2026, 1, 1), datetime(2026, 4, 1), datetime(2025, 10, 1)),
        (datetime(2026, 1, 8), datetime(2026, 1, 15), datetime(2026, 1, 1)),
    ],
)
def test_the_period_before_is_as_long(start, end, before):
    assert period_before(start, end) == (before, start)


def test_maps_of_objects_that_share_events_warn(log_of):
    events = log_of("pick +1 ship", "pick +1 ship")
    events["event_id"] = [f"e{number}" for number in range(len(events))]
    links = pd.DataFrame(
        [
            (event, kind, name)
            for event in events["event_id"]
            for kind, name in (("order", "o1"), ("order", "o2"), ("box", "b1"))
        ],
        columns=["event_id", "object_type", "object_id"],
    )
    log = load(events, objects=links)
    [warning] = directly_follows_graph(log, object_type="order").warnings
    assert "2.0 times" in warning
    assert directly_follows_graph(log, object_type="box").warnings == ()
    assert variants(log, object_type="order").cases == 2
    assert rework(log, object_type="box").cases_with_rework == 1


def answer_of(small_home, *words):
    done = CliRunner().invoke(app, ["mine", *words, "--home", str(small_home), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_commands_say_what_the_functions_say(small_home):
    plain = answer_of(small_home, "dfg")
    assert set(plain) == {*directly_follows_graph(load(small_home)).to_dict()}
    full = answer_of(small_home, "dfg", "--eventually", "--money")
    assert set(full) - set(plain) == {"eventually", "money"}
    assert full["money"][0]["money"] >= full["money"][-1]["money"]
    assert answer_of(small_home, "rework")["cases_with_rework"] > 0
    sites = answer_of(small_home, "compare", "--site", "DC4", "--against", "DC5")
    assert sites["cases"] != sites["against_cases"]
    weeks = answer_of(small_home, "compare", "--from", "2026-06-28", "--to", "2026-07-01")
    assert weeks["against_cases"] > 0


def test_a_comparison_with_nothing_is_wrong_usage(small_home):
    done = CliRunner().invoke(app, ["mine", "compare", "--home", str(small_home)])
    assert done.exit_code == 2
