"""The numbers and commands of ``ingestion/README.md`` are what really happens."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion.commands import app
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.mapping import shipped_mappings
from ingestion.settings import Settings
from ingestion.status import status

README = (Path(__file__).parents[2] / "ingestion" / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"`(retrace ingest [^`]+)`", README)))
ELSEWHERE = re.compile(r"imaps?://|postgresql|\.(txt|yaml|sqlite|jsonl?|xml|zip|csv)\b")
"""Places and files the simulator does not make; the tests of their readers have them."""

REAL = {
    "SAP tables of a purchase log": "sap/bpi2019_sap_tables",
    "openEPCIS, valid files": "messages/epcis_openepcis",
    "openEPCIS, invalid files": "messages/epcis_openepcis",
    "X12 interchanges": "messages/x12",
    "X12 fragments": "messages/x12/malformed_fragments",
    "OCEL 2.0, logistics": "ocel/ocpa_logistics.sqlite",
    "OCEL 2.0, orders": "ocel/ocpa_running-example.sqlite",
    "UCI Online Retail": "retail/uci_online_retail_full.csv.gz",
}


def files(name, path):
    if name.startswith("openEPCIS"):
        found = [file for file in path.rglob("*") if file.suffix in {".json", ".xml"}]
        return sorted(f for f in found if ("Invalid" in f.parts) == name.endswith("invalid files"))
    return sorted(path.glob("*.edi")) if name.startswith("X12") else [path]


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n.startswith("UCI") else n for n in REAL],
)
def test_what_it_says_of_real_files_is_what_they_give(settings, shared_data, name):
    found = ingest(settings, files(name, shared_data / REAL[name]))
    numbers = [found.deliveries, found.received, found.accepted, found.duplicate, found.quarantined]
    row = f"| {name} | " + " | ".join(f"{number:,}" for number in numbers) + " |"
    assert row in README
    assert status(Lake(settings.home)).balanced


@pytest.mark.parametrize("command", [line for line in COMMANDS if not ELSEWHERE.search(line)])
def test_an_example_loads_what_the_simulator_wrote(command, sim_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(sim_dir)
    words = shlex.split(command)[1:]
    done = CliRunner().invoke(app, [*words, "--home", str(tmp_path / "home")])
    assert done.exit_code == 0, done.exception
    counted = status(Lake(Settings.load(tmp_path / "home").home))
    assert counted.balanced and counted.totals()["accepted"] > 0


def test_every_shipped_mapping_is_named():
    named = set(re.findall(r"`([a-z0-9_]+)`", README))
    assert {mapping.name for mapping in shipped_mappings()} <= named


def test_there_are_examples():
    assert len(COMMANDS) > 10
