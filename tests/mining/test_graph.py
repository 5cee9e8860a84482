"""What a map says about small logs anyone can check by hand."""

import pandas as pd
import pyarrow as pa
import pytest

from ingestion.errors import EmptyLake
from mining import case_durations, directly_follows_graph, load, variants
from mining.engine import UnknownEngine, sql
from mining.events import BadFrame, BadMoment
from mining.log import UnknownSite


def edge(graph, source, target):
    edges = graph.edges
    [row] = edges[(edges["source"] == source) & (edges["target"] == target)].to_dict("records")
    return row


def test_an_edge_counts_each_time_it_was_walked(log_of):
    graph = directly_follows_graph(load(log_of("a +1 b +3 c", "a +2 b", "a +6 b +1 a")))
    found = edge(graph, "a", "b")
    assert found["count"] == 3
    assert found["mean_s"] == pytest.approx(3 * 3600)
    assert found["p50_s"] == 2 * 3600
    assert found["p90_s"] == pytest.approx((2 + 0.8 * 4) * 3600)
    assert graph.start == {"a": 3}
    assert graph.end == {"a": 1, "b": 1, "c": 1}
    assert graph.activities.to_dict("records")[0] == {
        "activity": "a",
        "events": 4,
        "cases": 3,
        "rework_cases": 1,
    }


def test_the_json_has_exactly_the_promised_keys_and_order(log_of):
    said = directly_follows_graph(load(log_of("a +1 b", "a +1 b", "a +1 a", "b +1 c"))).to_dict()
    assert list(said) == [
        "cases",
        "events",
        "activities",
        "edges",
        "start",
        "end",
        "cases_with_ties",
    ]
    assert list(said["edges"][0]) == [
        "source",
        "target",
        "count",
        "mean_s",
        "p50_s",
        "p90_s",
        "p95_s",
        "business_p50_s",
    ]
    assert [(e["count"], e["source"], e["target"]) for e in said["edges"]] == [
        (2, "a", "b"),
        (1, "a", "a"),
        (1, "b", "c"),
    ]
    assert said["edges"][0]["business_p50_s"] is None
    assert list(said["activities"][0]) == ["activity", "events", "cases"]


def test_a_slice_takes_whole_cases_by_their_first_event(log_of):
    log = load(log_of("a +30 b", "a +1 b", "a +1 b"))
    found = directly_follows_graph(log, start="2026-03-02", end="2026-03-03")
    assert found.cases == 1
    assert edge(found, "a", "b")["p50_s"] == 30 * 3600
    assert directly_follows_graph(log, start="2026-03-03").cases == 2
    assert directly_follows_graph(log, end="2026-03-02T08:00:00").cases == 0
    assert variants(log, start="2026-03-03").cases == 2
    assert len(case_durations(log, end="2026-03-03")) == 1


def test_a_case_belongs_to_the_site_that_received_it(log_of):
    frame = log_of("Request_return +1 Receive +1 Close_return", "Request_return +1 Receive")
    frame["site"] = ["HQ", "DC1", "HQ", "HQ", "DC2"]
    log = load(frame)
    assert directly_follows_graph(log, site="DC1").events == 3
    assert directly_follows_graph(log, site="DC2").events == 2
    assert directly_follows_graph(log, site="HQ").cases == 0
    with pytest.raises(UnknownSite, match="Known sites: DC1, DC2, HQ"):
        directly_follows_graph(log, site="DC9")


def test_messages_between_systems_are_no_steps_of_the_process(log_of):
    frame = log_of("Arrive +1 Message_received +1 Receive", "Message_produced")
    found = directly_follows_graph(load(frame))
    assert (found.cases, found.events) == (1, 2)
    assert found.edges[["source", "target"]].values.tolist() == [["Arrive", "Receive"]]


def test_ties_are_ordered_by_the_producers_sequence_and_counted(log_of):
    frame = log_of("a b c", "a +1 b")
    frame["source_seq"] = [2, 1, 3, 1, 2]
    log = load(frame)
    found = directly_follows_graph(log)
    assert found.cases_with_ties == 1
    assert ("b", "a", "c") in set(variants(log).top["activities"])


def test_shuffled_rows_change_nothing_where_no_times_tie(log_of):
    frame = log_of("a +1 b +1 c", "a +1 c +1 b", "b +2 a", "c")
    one = directly_follows_graph(load(frame)).to_dict()
    for seed in range(5):
        shuffled = frame.sample(frac=1, random_state=seed)
        assert directly_follows_graph(load(shuffled)).to_dict() == one


def test_an_arrow_table_is_a_log_too(log_of):
    frame = log_of("a +1 b")
    table = pa.table({name: frame[name].tolist() for name in frame})
    assert directly_follows_graph(load(table)).to_dict() == (
        directly_follows_graph(load(frame)).to_dict()
    )


def test_as_of_shows_what_was_recorded_by_then(log_of):
    frame = log_of("a +1 b +1 c")
    frame["recorded_at"] = frame["occurred_at"]
    frame.loc[1, "recorded_at"] += pd.Timedelta(days=2)
    then = frame["occurred_at"].max()
    found = directly_follows_graph(load(frame, as_of=then.to_pydatetime()))
    assert found.edges[["source", "target"]].values.tolist() == [["a", "c"]]
    late = load(frame)
    assert directly_follows_graph(late).events == 3
    assert late.as_of == frame["recorded_at"].max()


def test_the_moment_of_knowledge_never_lies_after_the_log(log_of):
    assert load(log_of("a"), as_of="2030-01-01").as_of.isoformat() == "2026-03-02T08:00:00+00:00"


def test_the_top_variants_keep_ties_in_alphabetical_order(log_of):
    log = load(log_of("b +1 c", "a +1 b", "a +1 b", "a +1 c", "c"))
    found = variants(log, top=2).to_dict()
    assert found == {
        "variants": 4,
        "cases": 5,
        "top": [
            {"count": 2, "activities": ["a", "b"]},
            {"count": 1, "activities": ["a", "c"]},
        ],
    }
    assert variants(log, top=None).top["coverage"].iloc[-1] == pytest.approx(1)


def test_an_empty_home_says_what_to_do(settings):
    with pytest.raises(EmptyLake, match="retrace ingest"):
        load(settings.home)


def test_wrong_calls_are_refused_with_a_reason(log_of):
    frame = log_of("a +1 b")
    with pytest.raises(BadFrame, match="no column case_id"):
        load(frame.rename(columns={"case_id": "id"}))
    with pytest.raises(BadFrame, match="not timestamps"):
        load(frame.assign(occurred_at=frame["occurred_at"].astype(str)))
    with pytest.raises(BadFrame, match="1 without activity"):
        load(frame.assign(activity=["a", None]))
    with pytest.raises(BadFrame, match="no events"):
        load(frame, as_of="2001-01-01")
    with pytest.raises(BadMoment, match="soon"):
        directly_follows_graph(load(frame), start="soon")
    with pytest.raises(UnknownEngine, match="abacus"):
        load(frame, engine="abacus")
    with pytest.raises(TypeError, match="integers"):
        sql("edges", from_us="1; drop table cases")
