"""The home's counters on /metrics: what arrived, what waits, how messages between systems do."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingestion.intake import ingest

LOG = """case_id,activity,occurred_at,recorded_at,message_id,site,interface,error
R1:1,Message produced,2026-01-01 10:00:00,2026-01-01 10:00:00,m1,DC1,POSTING,
R1:1,Message received,2026-01-01 10:00:30,2026-01-01 10:00:30,m1,DC1,POSTING,
R2:1,Message produced,2026-01-01 11:00:00,2026-01-01 11:00:00,m2,DC1,POSTING,
R2:1,Message failed,2026-01-01 11:01:00,2026-01-01 11:01:00,m2,DC1,POSTING,E_LOCK
R2:1,Message replayed,2026-01-01 13:01:00,2026-01-01 13:01:00,m2,DC1,POSTING,
R3:1,,2026-01-01 11:00:00,,m3,DC1,POSTING,
"""


def gauges(client, name):
    """Samples of one family: the values of its labels, sorted by label, to the value."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == name
    }


@pytest.fixture
def log(settings, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    ingest(settings, [path])


def test_records_messages_and_repairs_are_scraped(log, client):
    records = gauges(client, "retrace_records")  # fate, site, source
    assert records["received", "DC1", "log"] == 6
    assert records["accepted", "DC1", "log"] == 5
    assert records["quarantined", "DC1", "log"] == 1
    messages = gauges(client, "retrace_channel_messages")  # fate, interface, site
    assert messages["messages", "POSTING", "DC1"] == 2
    assert messages["posting_errors", "POSTING", "DC1"] == 1
    assert messages["replayed_well", "POSTING", "DC1"] == 1
    assert gauges(client, "retrace_channel_latency_seconds")["POSTING", "0.5", "DC1"] == 30
    assert gauges(client, "retrace_channel_repair_seconds")["POSTING", "DC1"] == 7200


def test_an_empty_home_is_scraped_too(client):
    assert gauges(client, "retrace_records") == {}
    assert client.get("/metrics").status_code == 200


def test_waiting_messages_show_at_once(client):
    event = {"specversion": "1.0", "id": "e1", "source": "/dc1", "type": "Receive"}
    headers = {"content-type": "application/cloudevents+json"}
    for _ in range(2):
        assert client.post("/v1/events", json=event, headers=headers).status_code in {200, 202}
    inbox = gauges(client, "retrace_inbox_messages")  # fate, source
    assert inbox["stored", "/dc1"] == 1
    assert inbox["duplicate", "/dc1"] == 1


def test_the_lake_is_counted_again_only_after_a_while_and_a_delivery(log, settings, tmp_path):
    from ingestion.database import engine
    from scoring_api.holdings import Holdings

    now = [0.0]
    database = engine(settings)
    holdings = Holdings(settings, database, every_seconds=30, clock=lambda: now[0])

    def received():
        [records] = [one for one in holdings.collect() if one.name == "retrace_records"]
        return sum(s.value for s in records.samples if s.labels["fate"] == "received")

    assert received() == 6
    ingest(settings, [tmp_path / "log.csv"])
    now[0] = 29.0
    assert received() == 6
    now[0] = 31.0
    assert received() == 12
    database.dispose()
