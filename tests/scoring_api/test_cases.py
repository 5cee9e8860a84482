import pytest

from ingestion.intake import ingest

LOG = """case,what,when,site,color
R1:1,Receive,2026-06-02T10:00:00Z,DC1,red
R1:1,Request return,2026-06-01T10:00:00Z,DC1,
R1:1,Inspect,2026-06-03T10:00:00Z,DC2,
R2/1:1,Receive,2026-06-02T10:00:00Z,DC2,
"""


@pytest.fixture
def loaded(settings, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    ingest(settings, [path], case="case", activity="what", time="when")


def activities(answer):
    return [event["activity"] for event in answer.json()["events"]]


def test_a_case_is_its_events_in_order(loaded, client):
    answer = client.get("/v1/cases/R1:1")
    assert answer.status_code == 200
    assert activities(answer) == ["Request return", "Receive", "Inspect"]
    event = answer.json()["events"][1]
    assert event["occurred_at"] == "2026-06-02T10:00:00+00:00"
    assert event["extras"] == {"color": "red"}
    assert answer.json()["case_id"] == "R1:1"


def test_a_case_id_may_hold_a_slash(loaded, client):
    assert activities(client.get("/v1/cases/R2/1:1")) == ["Receive"]
    assert activities(client.get("/v1/cases/R2%2F1%3A1")) == ["Receive"]


def test_a_case_without_events_is_not_found(loaded, client):
    assert client.get("/v1/cases/R9:9").status_code == 404
    assert client.get("/v1/cases/' or 1=1 --").status_code == 404


def test_an_empty_lake_has_no_cases(client):
    assert client.get("/v1/cases/R1:1").status_code == 404


def test_a_key_of_one_site_never_sees_a_byte_of_another(loaded, make_client):
    east, nowhere = make_client(sites=["DC1"]), make_client(sites=[])
    answer = east.get("/v1/cases/R1:1")
    assert activities(answer) == ["Request return", "Receive"]
    assert "DC2" not in answer.text
    assert east.get("/v1/cases/R2/1:1").status_code == 404
    assert nowhere.get("/v1/cases/R1:1").status_code == 404


def test_new_deliveries_are_seen_at_once(loaded, client, settings, tmp_path):
    assert len(activities(client.get("/v1/cases/R1:1"))) == 3
    path = tmp_path / "more.csv"
    path.write_text("case,what,when,site\nR1:1,Close,2026-06-04T10:00:00Z,DC1\n")
    ingest(settings, [path], case="case", activity="what", time="when")
    assert activities(client.get("/v1/cases/R1:1"))[-1] == "Close"
