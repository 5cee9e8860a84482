"""``retrace mine kpis`` for people and for scripts."""

import json

import pytest
from typer.testing import CliRunner

from mining import METRICS, kpi_trend, kpis, load
from mining.commands import app


@pytest.fixture
def run(small_home):
    def go(*words):
        found = CliRunner().invoke(app, ["mine", "kpis", *words, "--home", str(small_home)])
        return found.exit_code, found.stdout, found.stderr

    return go


def test_the_registry_is_printed_without_a_home(tmp_path):
    words = ["mine", "kpis", "--list", "--json", "--home", str(tmp_path)]
    found = CliRunner().invoke(app, words)
    told = json.loads(found.stdout)["metrics"]
    assert [metric["id"] for metric in told] == [metric.id for metric in METRICS]
    assert all(metric["formula"] and metric["censoring"] and metric["owner"] for metric in told)
    one = CliRunner().invoke(app, ["mine", "kpis", "posting_lag", "--list"])
    assert "posting_lag" in one.stdout and "touches" not in one.stdout


def test_the_table_has_a_band_and_a_column_per_site(run):
    code, out, _ = run("disposition_accuracy", "touches")
    assert code == 0
    assert "95 %" in out and " to " in out
    assert all(site in out for site in ("DC1", "DC5"))


def test_details_are_the_contract_and_more(run, small_home):
    plain = json.loads(run("touches", "--json")[1])
    more = json.loads(run("touches", "--json", "--details")[1])
    assert set(plain) == {"as_of", "kpis"}
    for row, detailed in zip(plain["kpis"], more["kpis"], strict=True):
        assert row.items() <= detailed.items()
        assert {"low", "high", "p90_low", "p90_high", "ended_share", "dated_share"} <= set(detailed)
    assert (
        more["completeness"]
        == kpis(load(small_home), only=("touches",)).with_details()["completeness"]
    )


def test_a_trend_is_that_of_the_mining_layer(run, small_home):
    answer = json.loads(run("posting_lag", "--by", "month", "--site", "DC4", "--json")[1])
    frame = kpi_trend(load(small_home), "posting_lag", freq="M", site="DC4")
    assert [row["value"] for row in answer["trend"]] == frame["value"].tolist()
    assert answer["by"] == "month"
    assert all(row["period"].endswith("-01") for row in answer["trend"])
    table = run("posting_lag", "--by", "week")[1]
    assert "2026-" in table and "posting_lag" in table


def test_late_sources_are_said_beside_the_table_not_inside_the_json(run, small_home):
    warnings = kpis(load(small_home), only=("touches",)).warnings
    _, out, said = run("touches", "--json")
    json.loads(out)
    told = [line for line in said.splitlines() if line.startswith("Incomplete: ")]
    assert len(told) == len(warnings)
