"""The commands on a log without returns, sites or money: figures, or why there are none."""

import json

import pytest
from typer.testing import CliRunner

from ingestion.errors import RetraceError
from ingestion.intake import ingest
from ingestion.settings import Settings
from mining import load
from mining.commands import app
from mining.log import UnknownSite

OF_RETURNS = ["kpis", "conformance", "causes", "changes"]
OF_ANY_LOG = ["dfg", "variants", "rework", "bottlenecks", "declare", "temporal-profile"]


@pytest.fixture(scope="module")
def run(shared_data, tmp_path_factory):
    home = tmp_path_factory.mktemp("receipt")
    ingest(Settings.load(home), [shared_data / "eventlogs" / "receipt.xes.gz"])

    def go(*words):
        found = CliRunner().invoke(app, ["mine", *words, "--home", str(home)])
        if isinstance(found.exception, RetraceError):
            raise found.exception
        return found.exit_code, found.stdout, " ".join(found.stderr.split())

    return go


@pytest.mark.parametrize("command", OF_RETURNS)
def test_what_needs_returns_says_that_there_are_none(run, command):
    code, out, said = run(command, "--json")
    assert code == 0
    assert "No step of this log is one of a return" in said
    assert not any(
        row.get("value")
        for rows in json.loads(out).values()
        if isinstance(rows, list)
        for row in rows
    )


@pytest.mark.parametrize("command", OF_ANY_LOG)
def test_what_any_log_can_be_asked_has_an_answer(run, command):
    code, out, said = run(command, "--json")
    assert code == 0
    assert len(out) > 200
    assert "is one of a return" not in said


def test_waits_without_money_are_ranked_by_hours(run):
    _, out, said = run("bottlenecks", "--json")
    assert "no wait costs money" in said
    waits = json.loads(out)["bottlenecks"]
    assert {wait["money_per_day"] for wait in waits} == {0.0}


@pytest.mark.parametrize(
    "words", [("dfg", "--site", "DC1"), ("compare", "--site", "DC1", "--against", "DC2")]
)
def test_a_site_of_a_log_without_sites_is_refused_in_one_line(run, words):
    with pytest.raises(UnknownSite, match="its events name no site"):
        run(*words)


@pytest.mark.parametrize("words", [["dfg", "--engine", "oracle"], ["dfg", "--from", "soon"]])
def test_a_choice_that_does_not_exist_is_wrong_usage(run, words):
    assert run(*words)[0] == 2


def test_a_return_slice_of_other_logs_is_empty_unless_they_hold_messages_of_returns(log_of):

    frame = log_of("register +1 decide")
    other = load(frame)
    assert not other.holds_returns()
    assert other.engine.fetch("slice_cases", **other.return_slice()).num_rows == 0
    frame.loc[1, "activity"] = "Message failed"
    told = load(frame)
    assert told.holds_returns()
    assert told.return_slice() == told.slice()
