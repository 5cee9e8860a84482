"""Object-centric reference graphs, the files read through the intake like anybody's."""

import json

import pytest

from ingestion.intake import ingest
from ingestion.settings import Settings
from mining import directly_follows_graph, load, object_centric_graph

SAME_LOG = [f"ocel20_example.{kind}" for kind in ("jsonocel", "xmlocel", "sqlite")]
TIED = {  # types whose order rests on events at the same time, which the reference breaks otherwise
    "running-example.sqlite": {"employees"},
    "logistics.sqlite": {"Container", "Forklift"},
}
MEASURES = {
    "count": "ocdfg_total_objects",
    "event_couples": "ocdfg_event_couples",
    "objects": "ocdfg_unique_objects",
}


@pytest.fixture(scope="module")
def mined(shared_data, tmp_path_factory):
    """Reference values and our log of a file."""
    goldens = json.loads((shared_data / "golden" / "ocel_goldens.json").read_text())

    def read(name, file=None):
        home = tmp_path_factory.mktemp("ocel")
        ingest(Settings.load(home), [shared_data / "ocel" / (file or name)])
        return goldens[name], load(home)

    return read


def edges_of(graph, object_type, measure):
    rows = graph.edges[graph.edges["object_type"] == object_type]
    return sorted(rows[["source", "target", measure]].values.tolist())


def objects_of(graph):
    return dict(zip(graph.types["object_type"], graph.types["objects"], strict=True))


@pytest.mark.parametrize("name", SAME_LOG)
def test_every_format_of_ocel_gives_the_reference_graph_and_its_flattened_ones(name, mined):
    golden, log = mined(name)
    graph = object_centric_graph(log)
    assert objects_of(graph) == golden["types"]
    for measure, key in MEASURES.items():
        for object_type, expected in golden[key].items():
            assert edges_of(graph, object_type, measure) == sorted(expected)
    for object_type, expected in golden["flattened_dfg"].items():
        edges = directly_follows_graph(log, object_type=object_type).edges
        assert sorted(edges[["source", "target", "count"]].values.tolist()) == sorted(expected)


@pytest.mark.parametrize("name", TIED)
def test_logs_with_defects_agree_wherever_the_order_is_certain(name, mined):
    """Where it is not, every couple is still counted: only who came first differs."""
    golden, log = mined(name, f"ocpa_{name}")
    graph = object_centric_graph(log)
    assert objects_of(graph) == golden["types"]
    for measure, key in MEASURES.items():
        for object_type, expected in golden[key].items():
            ours = edges_of(graph, object_type, measure)
            if object_type not in TIED[name]:
                assert ours == sorted(expected)
            elif measure == "count":
                assert sum(edge[2] for edge in ours) == sum(edge[2] for edge in expected)
