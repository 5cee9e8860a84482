"""Object-centric maps: reference logs, hand-made sharing, and the guard against inflation."""

import json

import pandas as pd
import pytest

from mining import directly_follows_graph, load, object_centric_graph, object_types
from mining.events import BadFrame
from mining.objects import UnknownObjectType


def read_ocel(path):
    """Events and links of an OCEL JSON file, either version, in the file's order."""
    said = json.loads(path.read_text())
    if "ocel:events" in said:
        kinds = {key: value["ocel:type"] for key, value in said["ocel:objects"].items()}
        rows = [
            (key, event["ocel:activity"], event["ocel:timestamp"], event["ocel:omap"])
            for key, event in said["ocel:events"].items()
        ]
    else:
        kinds = {item["id"]: item["type"] for item in said["objects"]}
        rows = [
            (
                event["id"],
                event["type"],
                event["time"],
                [link["objectId"] for link in event.get("relationships", [])],
            )
            for event in said["events"]
        ]
    events = pd.DataFrame(
        [(key, "whole log", name, when) for key, name, when, _ in rows],
        columns=["event_id", "case_id", "activity", "occurred_at"],
    )
    events["occurred_at"] = pd.to_datetime(events["occurred_at"], utc=True, format="ISO8601")
    links = [(key, kinds[item], item) for key, _, _, items in rows for item in items]
    return events, pd.DataFrame(links, columns=["event_id", "object_type", "object_id"])


@pytest.mark.parametrize(
    "name", ["ocel20_example.jsonocel", "example_log.jsonocel", "newocel.jsonocel"]
)
def test_the_object_centric_graph_equals_the_reference(name, shared_data):
    golden = json.loads((shared_data / "golden" / "ocel_goldens.json").read_text())[name]
    events, links = read_ocel(shared_data / "ocel" / name)
    assert (len(events), len(links)) == (golden["events"], golden["e2o"])
    found = object_centric_graph(load(events, objects=links))
    assert (
        dict(zip(found.types["object_type"], found.types["objects"], strict=True))
        == (golden["types"])
    )
    for column, key in (
        ("count", "ocdfg_total_objects"),
        ("event_couples", "ocdfg_event_couples"),
        ("objects", "ocdfg_unique_objects"),
    ):
        for object_type, expected in golden[key].items():
            edges = found.edges[found.edges["object_type"] == object_type]
            assert sorted(edges[["source", "target", column]].values.tolist()) == sorted(expected)


@pytest.fixture
def shared_delivery(log_of):
    """Three orders shipped together: one delivery event, three objects."""
    events = log_of("order", "order", "order", "+100 deliver", apart=pd.Timedelta(hours=1))
    events["event_id"] = ["e1", "e2", "e3", "e4"]
    links = [(f"e{n}", "order", f"o{n}") for n in (1, 2, 3)]
    links += [("e4", "order", f"o{n}") for n in (1, 2, 3)]
    links += [("e4", "order", "o1"), ("e4", "shipment", "s1")]  # the first is said twice
    return events, pd.DataFrame(links, columns=["event_id", "object_type", "object_id"])


def test_a_shared_event_is_counted_per_object_and_the_inflation_is_said(shared_delivery):
    events, links = shared_delivery
    found = object_centric_graph(load(events, objects=links))
    [edge] = found.edges.to_dict("records")
    assert (edge["count"], edge["event_couples"], edge["objects"]) == (3, 3, 3)
    assert edge["p50_s"] == 102 * 3600
    orders = found.types.set_index("object_type").loc["order"]
    assert (orders["links"], orders["events"], orders["inflation"]) == (6, 4, 1.5)
    assert len(found.warnings) == 1 and "1.5 times" in found.warnings[0]


def test_a_map_can_take_any_object_as_its_case(shared_delivery):
    events, links = shared_delivery
    log = load(events, objects=links)
    assert object_types(log) == ["order", "shipment"]
    orders = directly_follows_graph(log, object_type="order")
    assert (orders.cases, orders.events, orders.end) == (3, 6, {"deliver": 3})
    assert directly_follows_graph(log, object_type="line").cases == 4
    with pytest.raises(UnknownObjectType, match="Known: line, order, shipment"):
        directly_follows_graph(log, object_type="pallet")


def test_objects_need_their_columns(shared_delivery):
    events, links = shared_delivery
    with pytest.raises(BadFrame, match="no column object_type"):
        load(events, objects=links.drop(columns="object_type"))


def test_a_home_knows_the_objects_of_its_events(small_home):
    log = load(small_home)
    assert {"line", "rma", "unit"} <= set(object_types(log))
    rmas = directly_follows_graph(log, object_type="rma")
    assert 0 < rmas.cases < directly_follows_graph(log).cases
    graph = object_centric_graph(log)
    of_rma = graph.edges[graph.edges["object_type"] == "rma"].iloc[:, 1:4]
    assert of_rma.values.tolist() == rmas.edges.iloc[:, :3].values.tolist()
