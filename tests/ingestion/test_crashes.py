"""Killed without warning, again and again: what was acknowledged is stored, nothing is doubled.

Whole process groups die at once by SIGKILL, in the middle of whatever they do.
"""

import asyncio
import json
import random
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from deltalake import DeltaTable

from ingestion.broker import consume
from ingestion.database import engine
from ingestion.errors import HomeIsBusy
from ingestion.inbox import counts
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.sealing import seal
from ingestion.settings import Settings
from ingestion.status import status
from scoring_api.keys import create_key

ROUNDS = pytest.mark.parametrize(
    "rounds",
    [20, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
    ids=["20", "200"],
)
COLUMNS = {"case": "case", "activity": "activity", "time": "time"}
BATCH = 50

LOAD = """
import json, os, sys, time
from pathlib import Path
from ingestion.errors import HomeIsBusy
from ingestion.intake import ingest
from ingestion.settings import Settings

home, folder, said, columns = sys.argv[1:]
Path(said).with_suffix(f".{os.getpid()}").touch()  # everything is imported, work begins
acknowledged = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
while True:  # the newest first: what is not yet acknowledged, and each third one although it was
    known = set(Path(said).read_text().split())
    for number, path in enumerate(sorted(Path(folder).glob("*.csv"), reverse=True)):
        if path.name in known and number % 3:
            continue
        try:
            ingest(Settings.load(home), [path], **json.loads(columns))
        except HomeIsBusy:
            time.sleep(0.005)
            continue
        os.write(acknowledged, f"{path.name}\\n".encode())
"""
API = """
import sys
from ingestion.settings import Settings
from scoring_api.server import serve
serve(Settings.load(sys.argv[1]), "127.0.0.1", int(sys.argv[2]))
"""
BROKER = """
import sys
from ingestion.broker import consume
from ingestion.settings import Settings
consume(Settings.load(sys.argv[1]), sys.argv[2], seal_seconds=0.1)
"""


def write_file(folder, number):
    """60 events; the first 20 were also the last 20 of the file before."""
    start = datetime(2024, 1, 1)
    rows = [
        f"{row % 7},step {row},{start + timedelta(seconds=row)}"
        for row in range(number * 40, number * 40 + 60)
    ]
    part = folder / f"{number:04d}.part"
    part.write_text("case,activity,time\n" + "\n".join(rows) + "\n")
    part.rename(part.with_suffix(".csv"))


def seconds_until(happened):
    """Wait for a worker's first result: moments of death are drawn to this machine's pace."""
    begin = time.monotonic()
    while not happened():
        assert time.monotonic() - begin < 60
        time.sleep(0.002)
    return time.monotonic() - begin


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def ask(home, query):
    return Lake(home).connect().execute(query).fetchall()


def assert_balanced(home):
    found = status(Lake(home))
    assert found.unbalanced == []
    totals = found.totals()
    assert totals["received"] == sum(totals[f] for f in ("accepted", "duplicate", "quarantined"))
    [[events, different]] = ask(home, "select count(*), count(distinct event_id) from events")
    assert events == different


def load_left_over(home, folder):
    deadline = time.monotonic() + 60
    while True:
        try:
            return ingest(Settings.load(home), [folder], **COLUMNS)
        except HomeIsBusy:  # the last sealer is still dying
            assert time.monotonic() < deadline
            time.sleep(0.05)


def assert_files_are_whole(home, folder, tmp_path, acknowledged):
    """The lake holds exactly what a home without any crash holds."""
    calm = tmp_path / "calm"
    ingest(Settings.load(calm), [folder], **COLUMNS)
    rows = "select event_id, case_id, activity, occurred_at from events where source = 'log'"
    assert sorted(ask(home, rows)) == sorted(ask(calm, rows))
    names = {name for (name,) in ask(home, "select name from deliveries")}
    assert acknowledged <= names


def event_files(home):
    return {file.name for file in Lake(home).path("events").glob("*.parquet")}


def orphans(home):
    """Files of events that no version of the table has or has any longer."""
    table = DeltaTable(str(Lake(home).path("events")))
    return event_files(home) - {Path(uri).name for uri in table.file_uris()}


@ROUNDS
def test_files_killed_while_loading_are_neither_lost_nor_doubled(nursery, tmp_path, rounds):
    dice = random.Random(rounds)
    home, folder, said = tmp_path / "home", tmp_path / "in", tmp_path / "acknowledged"
    folder.mkdir()
    pace, cut_off = 0.0, 0
    for number in range(rounds):
        written = len(event_files(home))
        write_file(folder, 2 * number)
        write_file(folder, 2 * number + 1)
        worker = nursery.start(LOAD, home, folder, said, json.dumps(COLUMNS))
        seconds_until(said.with_suffix(f".{worker}").exists)
        if number % 10 == 0:  # the machine's pace changes
            before = size_of(said)
            pace = seconds_until(lambda than=before: size_of(said) > than)
        if number % 2:  # in the middle of a write
            seconds_until(lambda than=written: len(event_files(home)) > than)
            time.sleep(dice.uniform(0, 0.03))
        else:  # whenever
            time.sleep(dice.uniform(0, 1.5 * pace))
        nursery.kill(worker)
        cut_off += bool(Lake(home).unfinished())
        assert_balanced(home)
    acknowledged = set(said.read_text().split())
    assert acknowledged and (cut_off or orphans(home)), "no round hit the moment of writing"
    load_left_over(home, folder)
    assert_balanced(home)
    assert_files_are_whole(home, folder, tmp_path, acknowledged)


class Sender:
    """A client that posts batches and sends a batch again until it is acknowledged."""

    def __init__(self, port, key):
        self.port, self._key = port, key
        self._next, self._going = 0, True
        self.acknowledged, self.cut_off = set(), 0

    def run(self):
        while self._going:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
            sent = False
            try:
                while self._going:
                    ids = [f"w{self._next}-{n}" for n in range(BATCH)]
                    sent = False
                    if connection.sock is None:
                        connection.connect()
                    sent = True
                    answer = self._post(connection, ids)
                    assert answer["stored"] + answer["duplicate"] == BATCH, answer
                    self.acknowledged.update(ids)
                    self._next += 1
            except (OSError, HTTPException):  # refused, reset, or cut off in the middle
                self.cut_off += sent
                time.sleep(0.02)
            finally:
                connection.close()

    def _post(self, connection, ids):
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        body = json.dumps([to_event(name, "/web") for name in ids])
        connection.request("POST", "/v1/events", body, headers)
        return json.loads(connection.getresponse().read())

    def stop(self):
        self._going = False


def to_event(name, source):
    return {
        "specversion": "1.0",
        "id": name,
        "source": source,
        "type": "Receive",
        "subject": f"R{name}:1",
        "time": "2026-06-01T10:00:00Z",
    }


async def in_jetstream(server, work):
    import nats

    connection = await nats.connect(server)
    try:
        return await work(connection.jetstream())
    finally:
        await connection.close()


async def make_stream(js):
    """A stream whose consumer gets again after a second what it did not acknowledge."""
    from nats.js.api import ConsumerConfig

    await js.add_stream(name="RETURNS", subjects=["returns.>"])
    await js.add_consumer(
        "RETURNS", ConsumerConfig(durable_name="retrace", ack_wait=1, filter_subject=">")
    )


async def waiting(js):
    found = await js.consumer_info("RETURNS", "retrace")
    return found.num_pending + found.num_ack_pending


def publishing(names):
    async def work(js):
        for name in names:
            await js.publish("returns.x", json.dumps(to_event(name, "/mq")).encode())

    return work


@pytest.mark.service
@ROUNDS
def test_files_webhooks_and_a_broker_killed_together_lose_and_double_nothing(
    nursery, tmp_path, own_nats, free_port, rounds
):
    dice = random.Random(rounds)
    home, folder, said = tmp_path / "home", tmp_path / "in", tmp_path / "acknowledged"
    folder.mkdir()
    database = engine(Settings.load(home))
    sender = Sender(free_port(), create_key(database, "test")[1])
    posting = threading.Thread(target=sender.run)
    asyncio.run(in_jetstream(own_nats.url, make_stream))
    url = f"{own_nats.url}?stream=RETURNS"
    pace = 0.0
    posting.start()
    for number in range(rounds):
        write_file(folder, number)
        names = [f"q{number}-{n}" for n in range(40)]
        workers = [
            nursery.start(LOAD, home, folder, said, json.dumps(COLUMNS)),
            nursery.start(API, home, sender.port),
            nursery.start(BROKER, home, url),
        ]
        asyncio.run(in_jetstream(own_nats.url, publishing(names)))
        if number % 10 == 0:
            before = size_of(said), len(sender.acknowledged)
            pace = seconds_until(
                lambda than=before: size_of(said) > than[0] and len(sender.acknowledged) > than[1]
            )
        time.sleep(dice.uniform(0, 1.5 * pace))
        nursery.kill(*workers)
        assert_balanced(home)
    sender.stop()
    posting.join(30)
    load_left_over(home, folder)
    consume(Settings.load(home), url, idle_seconds=2)
    assert asyncio.run(in_jetstream(own_nats.url, waiting)) == 0
    assert sender.acknowledged and sender.cut_off, "no round hit a request under way"
    with suppress(HomeIsBusy):
        seal(Settings.load(home), database)
    sent = {f"q{number}-{n}" for number in range(rounds) for n in range(40)}
    stored = [name for (name,) in ask(home, "select message_id from events where source <> 'log'")]
    assert len(stored) == len(set(stored))
    assert {name for name in stored if name.startswith("q")} == sent
    assert sender.acknowledged <= set(stored)
    for count in counts(database):
        assert count.received == count.stored + count.duplicate
        assert count.waiting == 0
    assert sum(count.stored for count in counts(database)) == len(stored)
    database.dispose()
    assert_balanced(home)
    assert_files_are_whole(home, folder, tmp_path, set(said.read_text().split()))
