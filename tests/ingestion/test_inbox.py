import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingestion.database import engine, writing
from ingestion.inbox import Message, counts, has_waiting, store
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.sealing import seal, to_record
from ingestion.settings import Settings
from ingestion.status import status

NOW = datetime(2026, 6, 30, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def settings(request, tmp_path):
    if request.param == "sqlite":
        return Settings.load(tmp_path / "home")
    return Settings(home=tmp_path / "home", database_url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(settings):
    opened = engine(settings)
    yield opened
    opened.dispose()


def event(n, **changes):
    said = {
        "specversion": "1.0",
        "id": f"m{n}",
        "source": "/dc1",
        "type": "Receive",
        "subject": f"R{n}:1",
        "time": "2026-06-01T10:00:00Z",
        "data": {"site": "DC1", "sku": "A", "shelf": {"row": n}},
    }
    return said | changes


def message(n=1, **changes):
    body = json.dumps(event(n, **changes)).encode()
    return Message("/dc1", f"m{n}", "webhook", body, "application/cloudevents+json")


def put(database, messages):
    with writing(database) as connection:
        return store(connection, messages, now=NOW)


def ask(settings, query):
    return Lake(settings.home).connect().execute(query).fetchall()


def test_a_message_is_new_once(database):
    assert put(database, [message(1), message(2), message(1)]) == [True, True, False]
    assert put(database, [message(2), message(3)]) == [False, True]
    [count] = counts(database)
    assert (count.received, count.stored, count.duplicate, count.differing) == (5, 3, 2, 0)
    assert count.waiting == 3


def test_a_duplicate_that_says_something_else_is_counted_and_the_first_stays(settings, database):
    put(database, [message(1), message(1, type="Inspect")])
    put(database, [message(1, type="Scrap")])
    [count] = counts(database)
    assert (count.duplicate, count.differing) == (2, 2)
    seal(settings, database)
    assert ask(settings, "select activity from events") == [("Receive",)]


def test_the_same_id_from_two_sources_is_two_messages(database):
    other = Message("/dc2", "m1", "webhook", b"{}")
    assert put(database, [message(1), other]) == [True, True]
    assert [count.source for count in counts(database)] == ["/dc1", "/dc2"]


def test_sealing_brings_messages_into_the_lake_once(settings, database):
    put(database, [message(n) for n in range(5)])
    first = seal(settings, database)
    assert (first.received, first.accepted, first.quarantined) == (5, 5, 0)
    assert seal(settings, database).received == 0
    put(database, [message(4), message(5)])
    assert seal(settings, database).received == 1
    [[events, cases]] = ask(settings, "select count(*), count(distinct case_id) from events")
    assert (events, cases) == (6, 6)
    assert [count.waiting for count in counts(database)] == [0]


def test_an_envelope_says_case_activity_and_time(settings, database):
    put(database, [message(7)])
    seal(settings, database)
    [row] = ask(
        settings,
        "select case_id, activity, occurred_at, source, site, sku, message_id, extras from events",
    )
    assert row[:2] == ("R7:1", "Receive")
    assert row[2] == datetime(2026, 6, 1, 10, tzinfo=UTC)
    assert row[3:7] == ("/dc1", "DC1", "A", "m7")
    assert json.loads(row[7])["shelf.row"] == "7"


def test_data_of_a_known_system_is_read_with_its_mapping_and_meets_its_files(
    settings, database, tmp_path
):
    record = {
        "messageId": "w1",
        "eventType": "UNIT_RECEIVED",
        "rma": "R1",
        "line": 1,
        "eventTime": "2026-06-01T10:00:00Z",
        "loggedTime": "2026-06-01T10:00:02Z",
        "dc": "DC1",
    }
    (tmp_path / "wms.jsonl").write_text(json.dumps(record) + "\n")
    ingest(settings, [tmp_path / "wms.jsonl"])
    put(database, [message(1, data=record), message(2, data=record | {"messageId": "w2"})])
    sealed = seal(settings, database)
    assert (sealed.accepted, sealed.duplicate) == (1, 1)
    assert ask(settings, "select source, activity, case_id from events order by event_id") == [
        ("wms_modern", "Receive", "R1:1"),
        ("wms_modern", "Receive", "R1:1"),
    ]


def test_what_cannot_be_an_event_is_quarantined_alone_and_whole(settings, database):
    broken = [
        Message("mq", "1", "amqp", b"\xff\x00 not json"),
        Message("mq", "2", "amqp", b'"text"'),
        Message("mq", "3", "amqp", b'{"free": "form"}'),
        Message("mq", "4", "amqp", json.dumps(event(4, time="soon")).encode()),
        Message("mq", "5", "amqp", json.dumps(event(5, data=[1, 2])).encode()),
    ]
    put(database, broken)
    sealed = seal(settings, database)
    assert (sealed.received, sealed.accepted, sealed.quarantined) == (5, 1, 4)
    raw = [bytes(row[0]) for row in ask(settings, "select raw from quarantine order by pointer")]
    assert any(b"not json" in row for row in raw)
    assert any(b"free" in row for row in raw)


def test_a_standard_webhook_is_read_like_an_event():
    said = {"type": "return.received", "timestamp": "2026-06-01T10:00:00Z", "data": {"rma": "R1"}}
    record = to_record("webhook:carrier", "msg_1", json.dumps(said).encode())
    assert record["rma"] == "R1"
    assert record["ce"]["type"] == "return.received"
    assert record["ce"]["time"] == "2026-06-01T10:00:00Z"
    assert (record["ce"]["source"], record["ce"]["id"]) == ("webhook:carrier", "msg_1")


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.from_type(dict).map(lambda d: json.dumps(str(d)).encode()))
def test_any_bytes_make_a_record(body):
    record = to_record("s", "i", body)
    assert json.dumps(record)
    assert record["ce"]["id"] == "i"


def test_a_busy_lake_loses_nothing(settings, database):
    from ingestion.errors import HomeIsBusy

    put(database, [message(1)])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home)], stdout=subprocess.PIPE, text=True
    )
    holder.stdout.readline()
    with pytest.raises(HomeIsBusy):
        seal(settings, database)
    holder.kill()
    holder.communicate()
    assert seal(settings, database).accepted == 1


HOLD = """
import sys, time
from ingestion.lake import Lake
from ingestion.sealing import seal, to_record
from ingestion.settings import Settings
from ingestion.status import status
with Lake(sys.argv[1]).writing():
    print("held", flush=True)
    time.sleep(60)
"""
WORK = """
import json, sys
from datetime import UTC, datetime
from ingestion.database import engine, writing
from ingestion.inbox import Message, store
from ingestion.sealing import seal
from ingestion.settings import Settings

settings = Settings.load(sys.argv[1])
database, round = engine(settings), sys.argv[2]
print("begun", flush=True)
for n in range(100_000):
    messages = [
        Message("/dc1", f"{round}-{n}-{k}", "webhook", json.dumps({
            "specversion": "1.0", "id": f"{round}-{n}-{k}", "source": "/dc1", "type": "Receive",
            "subject": f"R{n}:{k}", "time": "2026-06-01T10:00:00Z"}).encode())
        for k in range(20)
    ]
    with writing(database) as connection:
        store(connection, messages + messages[:2], now=datetime.now(UTC))
    print("stored", *(m.message_id for m in messages), flush=True)
    if n % 3 == 2:
        seal(settings, database)
"""


def crash(settings, round, seconds):
    """Run the worker, kill it without warning; the ids it had acknowledged."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORK, str(settings.home), str(round)],
        env={**os.environ, "RETRACE_DATABASE_URL": settings.database_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout.readline() == "begun\n"
    time.sleep(seconds)
    os.kill(worker.pid, signal.SIGKILL)
    output, _ = worker.communicate()
    lines = output.split("\n")[:-1]  # the last one may be cut
    return [name for line in lines if line.startswith("stored") for name in line.split()[1:]]


@pytest.mark.parametrize(
    "rounds",
    [20, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
    ids=["20", "200"],
)
def test_kill_9_loses_nothing_and_doubles_nothing(settings, database, rounds):
    dice = random.Random(rounds)
    acknowledged = []
    for round in range(rounds):
        acknowledged += crash(settings, round, dice.uniform(0.05, 0.6))
    seal(settings, database)
    stored = [name for (name,) in ask(settings, "select message_id from events")]
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))
    [[received, fates]] = ask(
        settings, "select sum(received), sum(accepted + duplicate + quarantined) from deliveries"
    )
    assert received == fates == len(stored)
    assert status(Lake(settings.home)).unbalanced == []
    assert not has_waiting(database)
    [count] = counts(database)
    assert count.received == count.stored + count.duplicate
    assert count.stored == len(stored)
    assert count.waiting == 0
