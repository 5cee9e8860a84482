"""What is exported is read back whole, by us and by others."""

import json

import pandas as pd
import pytest

from ingestion.intake import ingest
from ingestion.settings import Settings
from mining import directly_follows_graph, load, object_centric_graph, variants
from mining.export import OtherEnding, UnknownExport, export


@pytest.fixture
def awkward(log_of):
    frame = log_of("a +1 b&<c>\"' +1 ü", "a b", "a +0.0000001 a")
    frame["case_id"] = frame["case_id"].replace({"c0": "NA", "c1": 'x,"y"\nz'})
    frame["note"] = ["tab\there", None, "bell\x07", "two\nlines", None, "NULL", None][: len(frame)]
    frame["amount"] = [1.5, None, 2.25, None, None, 0.0, None][: len(frame)]
    frame["event_id"] = [f"e{n}" for n in range(len(frame))]
    return frame


def maps(log):
    return directly_follows_graph(log).to_dict(), variants(log, top=None).to_dict()


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.xes", "log.xes.gz"])
def test_csv_and_xes_come_back_through_the_intake_as_the_same_log(name, awkward, tmp_path):
    log = load(awkward)
    kind = name.split(".")[1]
    done = export(log, kind, tmp_path / name)
    assert (done.events, done.cases) == (7, 3)
    home = Settings.load(tmp_path / "home")
    counts = ingest(home, [tmp_path / name])
    assert (counts.received, counts.accepted) == (7, 7)
    assert maps(load(home.home)) == maps(log)


@pytest.mark.filterwarnings("ignore")
def test_pm4py_reads_the_xes_back_to_the_same_counts(awkward, tmp_path):
    pm4py = pytest.importorskip("pm4py")
    log = load(awkward)
    export(log, "xes", tmp_path / "log.xes")
    frame = pm4py.read_xes(str(tmp_path / "log.xes"))
    found = pm4py.discover_dfg(frame)[0]
    edges = directly_follows_graph(log).edges
    assert found == edges.set_index(["source", "target"])["count"].to_dict()
    assert set(frame["case:concept:name"]) == set(awkward["case_id"])


@pytest.mark.filterwarnings("ignore")
def test_pm4py_reads_the_ocel_back_to_the_same_counts(small_home, tmp_path):
    pm4py = pytest.importorskip("pm4py")
    log = load(small_home)
    done = export(log, "ocel", tmp_path / "log.json")
    found = pm4py.read_ocel2_json(str(tmp_path / "log.json"))
    assert len(found.events) == done.events == directly_follows_graph(log).events
    assert len(found.objects) == done.objects
    kinds = found.objects["ocel:type"].value_counts().to_dict()
    ours = object_centric_graph(log).types.set_index("object_type")["objects"].to_dict()
    for kind in ("rma", "unit", "shipment", "order"):
        assert kinds[kind] == ours[kind]


def test_r4pm_reads_the_xes_back_to_the_same_counts(awkward, small_home, tmp_path):
    r4pm = pytest.importorskip("r4pm")
    for log in (load(awkward), load(small_home)):
        done = export(log, "xes", tmp_path / "log.xes")
        item = r4pm.import_item("EventLog", str(tmp_path / "log.xes"))
        ways = r4pm.bindings.log_to_activity_projection(item)
        assert r4pm.bindings.get_num_cases(ways) == done.cases
        assert r4pm.bindings.get_num_variants(ways) == variants(log).variants
        rows, _ = r4pm.df.import_xes(str(tmp_path / "log.xes"))
        assert len(rows) == done.events


def test_r4pm_reads_the_ocel_back_to_the_same_counts(small_home, tmp_path):
    r4pm = pytest.importorskip("r4pm")
    log = load(small_home)
    done = export(log, "ocel", tmp_path / "log.json")
    found = r4pm.df.import_ocel(str(tmp_path / "log.json"))
    assert (len(found["events"]), len(found["objects"])) == (done.events, done.objects)
    kinds = found["relations"].group_by("ocel:type").len().rows()
    links = object_centric_graph(log).types.set_index("object_type")["links"].to_dict()
    for kind in ("rma", "unit", "shipment", "order"):
        assert dict(kinds)[kind] == links[kind]


def test_the_ocel_links_every_event_to_its_line_and_keeps_ids_unique(awkward, tmp_path):
    links = pd.DataFrame({"event_id": ["e0"], "object_type": ["rma"], "object_id": ["NA"]})
    export(load(awkward, objects=links), "ocel", tmp_path / "log.json.gz")
    done = export(load(awkward, objects=links), "ocel", tmp_path / "log.json")
    said = json.loads((tmp_path / "log.json").read_text(encoding="utf-8"))
    ids = [item["id"] for item in said["objects"]]
    assert len(ids) == len(set(ids)) == done.objects == 4
    assert {"line:NA", "rma:NA"} <= set(ids)
    assert all(event["relationships"] for event in said["events"])
    assert {t["name"] for t in said["eventTypes"]} == set(awkward["activity"])


def test_a_failed_export_leaves_no_file(awkward, tmp_path, monkeypatch):
    def broken(_):
        raise OSError("disk full")

    monkeypatch.setattr("mining.export._xes_event", broken)
    with pytest.raises(OSError, match="disk full"):
        export(load(awkward), "xes", tmp_path / "log.xes")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ocel", "log.sqlite"), ("ocel", "log.xmlocel"), ("xes", "log.csv.gz"), ("csv", "log.XES")],
)
def test_a_name_that_promises_another_format_is_refused(awkward, tmp_path, kind, name):
    with pytest.raises(OtherEnding, match=f"{name} is no name for {kind.upper()}, written as"):
        export(load(awkward), kind, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused(awkward, tmp_path):
    with pytest.raises(UnknownExport, match="ocel, xes, csv"):
        export(load(awkward), "xlsx", tmp_path / "log.xlsx")
