"""pm4py behind one door: models from reduced forms, fitness equal to the reference."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

import mining
from ingestion.intake import ingest
from ingestion.settings import Settings
from mining import directly_follows_graph, load, variants
from mining.alignments import fast_costs
from mining.commands import app

pytestmark = pytest.mark.filterwarnings("ignore")
discovery = pytest.importorskip("mining.discovery")


@pytest.fixture(scope="module", params=["running-example", "receipt"])
def reference(request, shared_data, tmp_path_factory):
    folder = shared_data / "golden"
    entries = json.loads((folder / "conformance_fitness.json").read_text())
    index = json.loads((folder / "INDEX.json").read_text())["conformance_fitness.json"]
    [entry] = [e for e in entries if request.param in e["log"]]
    home = tmp_path_factory.mktemp("fitness")
    ingest(Settings.load(home), [shared_data / index[entry["log"]]])
    model = discovery.read_process_tree(shared_data / index[entry["model"]])
    return entry, variants(load(home), top=None), model


def test_token_replay_per_variant_equals_the_reference(reference):
    entry, found, model = reference
    fitness = discovery.replay(found, model)
    expected = entry["tbr_fitness"]
    assert fitness.average_fitness == pytest.approx(expected["average_trace_fitness"], abs=2e-4)
    assert fitness.fitting_share == pytest.approx(expected["perc_fit_traces"] / 100, abs=2e-4)
    assert fitness.judged_share == 1


@pytest.mark.parametrize("engine", [pytest.param("pm4py", marks=pytest.mark.slow), "r4pm"])
def test_alignments_per_variant_equal_the_reference(reference, engine):
    pytest.importorskip(engine)
    entry, found, model = reference
    fitness = discovery.align(found, model, limit_s=300, engine=engine)
    expected = entry["pm4py_align"]
    assert fitness.average_fitness == pytest.approx(expected["averageFitness"], abs=2e-4)
    assert fitness.fitting_share == pytest.approx(expected["percFitTraces"] / 100, abs=2e-4)
    assert fitness.judged_share == 1


def test_a_trace_that_would_visit_too_many_states_is_not_judged(reference):
    pytest.importorskip("r4pm")
    _, found, model = reference
    names = tuple(found.top["activities"].iloc[0])
    net = model.net, model.initial, model.final
    assert fast_costs(*net, most_states=2)(names) is None
    assert fast_costs(*net)(("no such activity",)) == fast_costs(*net)(()) + 1


def test_alignments_stop_when_the_time_is_up_and_say_how_far_they_came(reference):
    _, found, model = reference
    fitness = discovery.align(found, model, limit_s=0.0)
    assert fitness.judged_share == 0
    assert fitness.average_fitness != fitness.average_fitness


@pytest.mark.parametrize("algorithm", ["inductive", "heuristics"])
def test_a_model_is_discovered_from_the_graph_and_written_as_bpmn(algorithm, log_of, tmp_path):
    traces = ["a +1 b +1 c +1 d"] * 6 + ["a +1 c +1 b +1 d"] * 6
    log = load(log_of(*traces))
    model = discovery.discover(directly_follows_graph(log), algorithm=algorithm)
    assert model.pm4py_version
    found = variants(log, top=None)
    assert discovery.replay(found, model).fitting_share == 1
    assert discovery.align(found, model).average_fitness == pytest.approx(1)
    path = tmp_path / "model.bpmn"
    discovery.write_bpmn(model, path)
    names = {e.get("name") for e in ElementTree.parse(path).iter() if e.tag.endswith("task")}
    assert names == {"a", "b", "c", "d"}


def test_the_happy_path_is_the_most_frequent_variant(log_of):
    log = load(log_of("a +1 b", "a +1 b", "a +1 c"))
    assert discovery.happy_path(variants(log)) == ("a", "b")


def test_nothing_to_discover_is_said(log_of):
    log = load(log_of("a +1 b"))
    nothing = directly_follows_graph(log, end="2001-01-01")
    with pytest.raises(discovery.EmptyMap, match="no case"):
        discovery.discover(nothing)
    with pytest.raises(discovery.EmptyMap):
        discovery.happy_path(variants(log, end="2001-01-01"))
    with pytest.raises(discovery.UnknownAlgorithm, match="magic"):
        discovery.discover(directly_follows_graph(log), algorithm="magic")


def test_one_module_alone_imports_pm4py():
    folder = Path(mining.__file__).parent
    importing = {
        path.name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and any(
            name.split(".")[0] == "pm4py"
            for name in [*(a.name for a in node.names), getattr(node, "module", None) or ""]
        )
    }
    assert importing == {"discovery.py"}
    code = "import mining, sys; sys.exit('pm4py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command_writes_a_model_and_says_how_well_it_fits(small_home, tmp_path):
    words = ["mine", "model", "--bpmn", str(tmp_path / "returns.bpmn"), "--home", str(small_home)]
    done = CliRunner().invoke(app, [*words, "--site", "DC1", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert 0 < said["fitness"]["average_fitness"] <= 1
    assert said["fitness"]["judged_share"] == 1
    assert ElementTree.parse(tmp_path / "returns.bpmn").getroot().tag.endswith("definitions")
