import subprocess
import sys

import pytest

from ingestion.intake import ingest

LOG = """case,what,when,site
R1:1,Request return,2026-06-01T10:00:00Z,DC1
R1:1,Execute disposition,2026-06-03T10:00:00Z,DC1
R1:1,Post credit memo,2026-06-04T10:00:00Z,DC1
R2:1,Request return,2026-06-02T10:00:00Z,DC2
R2:1,Post credit memo,2026-06-08T10:00:00Z,DC2
"""


@pytest.fixture
def loaded(settings, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    ingest(settings, [path], case="case", activity="what", time="when")


def sites(answer):
    return {kpi["site"] for kpi in answer.json()["kpis"]}


def test_kpis_come_by_site_and_for_all_sites(loaded, client):
    answer = client.get("/v1/kpis")
    assert answer.status_code == 200
    assert sites(answer) >= {None, "DC1", "DC2"}
    [kpi] = [k for k in answer.json()["kpis"] if k["site"] is None][:1]
    assert set(kpi) >= {"id", "site", "value", "unit", "n", "open_share", "p50", "p90"}
    assert answer.json()["as_of"].startswith("2026-06-08")


def test_kpis_are_those_of_the_mining_layer(loaded, client, settings):
    from mining import kpis, load

    answer = client.get("/v1/kpis").json()
    mined = kpis(load(settings.home)).with_details()
    assert answer["kpis"] == mined["kpis"]
    late = [(row["source"], row["site"], row["message"]) for row in mined["completeness"]]
    told = answer["completeness"]
    assert [(row["source"], row["site"], row["message"]) for row in told] == late


def test_a_late_source_is_told_to_those_who_may_see_its_site(
    client, make_client, settings, tmp_path
):
    days = [f"2026-03-{day:02d}T22:00:00Z" for day in range(2, 10)]
    rows = [f"R{n}:1,Receive,{day},DC1" for n, day in enumerate(days)]
    rows += [f"S{n}:1,Receive,{day},DC2" for n, day in enumerate([*days, "2026-03-20T22:00:00Z"])]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["case,what,when,site", *rows]))
    ingest(settings, [path], case="case", activity="what", time="when")
    [late] = [row for row in client.get("/v1/kpis").json()["completeness"] if row["message"]]
    assert (late["site"], late["late_days"]) == ("DC1", 11)
    west = make_client(sites=["DC2"]).get("/v1/kpis").json()
    assert {row["site"] for row in west["completeness"]} == {"DC2"}


def test_a_slice_can_be_asked_for(loaded, client):
    assert sites(client.get("/v1/kpis", params={"site": "DC2"})) == {"DC2"}
    first_day = client.get("/v1/kpis", params={"from": "2026-06-01", "to": "2026-06-02"})
    assert first_day.status_code == 200
    counts = {(k["id"], k["site"]): k["n"] for k in first_day.json()["kpis"]}
    assert max(counts.values()) <= 1


def test_a_key_of_one_site_gets_no_figure_that_holds_another(loaded, make_client):
    east = make_client(sites=["DC1"])
    assert sites(east.get("/v1/kpis")) == {"DC1"}
    assert east.get("/v1/kpis", params={"site": "DC2"}).status_code == 403


def test_an_empty_lake_and_an_unknown_site_are_not_found(client):
    assert client.get("/v1/kpis").status_code == 404


def test_an_unknown_site_is_not_found(loaded, client):
    answer = client.get("/v1/kpis", params={"site": "DC9"})
    assert answer.status_code == 404
    assert "DC9" in answer.json()["detail"]


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "0", ""])
def test_a_date_that_is_none_is_pointed_at(client, value):
    answer = client.get("/v1/kpis", params={"from": value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "from"


def test_the_second_answer_is_remembered_until_the_lake_changes(loaded, client, settings, tmp_path):
    facts = client.app.state.service.facts
    first = client.get("/v1/kpis").json()
    remembered = dict(facts._answers)
    assert client.get("/v1/kpis").json() == first
    assert dict(facts._answers) == remembered
    path = tmp_path / "more.csv"
    path.write_text("case,what,when,site\nR3:1,Request return,2026-06-20T10:00:00Z,DC1\n")
    ingest(settings, [path], case="case", activity="what", time="when")
    assert client.get("/v1/kpis").json()["as_of"].startswith("2026-06-20")


def test_mining_does_not_bring_pm4py_into_the_process():
    code = "import sys, mining; print(sorted({'pm4py', 'mlflow', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
