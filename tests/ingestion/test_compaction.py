"""Compaction changes files, never facts: counts, as-of reads, readers and duplicates stay right."""

from datetime import UTC, datetime, timedelta

import pytest

from ingestion.compaction import compact
from ingestion.database import engine, writing
from ingestion.errors import HomeIsBusy
from ingestion.inbox import Message, counts, store
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.sealing import seal
from ingestion.status import status
from mining import directly_follows_graph, load

NOW = datetime(2026, 7, 1, tzinfo=UTC)
FACTS = "select * exclude (ingested_at) from events order by event_id"


def load_some(settings, tmp_path, files=6):
    for number in range(files):
        path = tmp_path / f"log{number}.csv"
        path.write_text(
            "case_id,activity,occurred_at,recorded_at,event_id,colour\n"
            + "".join(
                f"R{number}:{n},{step},2026-03-{number + 1:02} 0{hour}:00:00,"
                f"2026-03-{number + 2:02},{number}-{n}-{step},red\n"
                for n in range(3)
                for hour, step in enumerate(("Receive", "Inspect", "Credit"))
            )
            + "R9,Receive,never,,x,\n"
        )
        ingest(settings, [path], source="log")


def facts(lake):
    return lake.connect().execute(FACTS).fetchall()


def files(lake, table="events"):
    return sorted(path.name for path in lake.path(table).glob("*.parquet"))


def test_facts_counters_and_as_of_maps_stay_while_files_become_few(settings, tmp_path):
    load_some(settings, tmp_path)
    lake = Lake(settings.home)
    before, counted = facts(lake), status(lake).to_dict()
    maps = [directly_follows_graph(load(settings.home, as_of="2026-03-04"))]
    done = compact(settings, keep_hours=0)
    assert done.files_joined >= 5 and done.files_deleted >= done.files_joined
    assert len(files(lake)) == 1
    assert facts(lake) == before and len(before) == 54
    assert status(lake).to_dict() == counted
    maps.append(directly_follows_graph(load(settings.home, as_of="2026-03-04")))
    assert maps[0].to_dict() == maps[1].to_dict() and maps[0].cases == 9
    again = ingest(settings, [tmp_path / "log0.csv"], source="log")
    assert (again.accepted, again.duplicate) == (0, 10)


def test_a_reader_that_is_at_it_keeps_its_files(settings, tmp_path):
    load_some(settings, tmp_path)
    reader = Lake(settings.home).connect()
    compact(settings)
    assert len(reader.execute(FACTS).fetchall()) == 54


def test_a_second_compaction_finds_nothing_to_do(settings, tmp_path):
    load_some(settings, tmp_path)
    compact(settings, keep_hours=0)
    done = compact(settings, keep_hours=0)
    assert (done.files_joined, done.files_deleted) == (0, 0)


def test_one_writer_at_a_time(settings, tmp_path):
    load_some(settings, tmp_path, files=1)
    with Lake(settings.home).writing(), pytest.raises(HomeIsBusy):
        compact(settings)


def test_an_empty_home_can_be_compacted(settings):
    assert compact(settings).to_dict() == dict.fromkeys(compact(settings).to_dict(), 0)


def test_a_pruned_message_is_still_known(settings):
    database = engine(settings)
    body = b'{"specversion":"1.0","id":"m1","source":"wms","type":"Receive",'
    body += b'"subject":"R1","time":"2026-03-01T10:00:00Z"}'
    message = Message("wms", "m1", "http", body)

    def again(one):
        with writing(database) as connection:
            return store(connection, [one], now=NOW)

    assert again(message) == [True]
    assert compact(settings, keep_days=0, now=lambda: NOW).messages_pruned == 0  # not sealed yet
    seal(settings, database, now=lambda: NOW)
    assert compact(settings, keep_days=1, now=lambda: NOW).messages_pruned == 0  # too young
    later = NOW + timedelta(days=2)
    assert compact(settings, keep_days=1, now=lambda: later).messages_pruned == 1
    assert compact(settings, keep_days=1, now=lambda: later).messages_pruned == 0
    assert again(message) == [False]
    assert again(Message("wms", "m1", "http", b"something else")) == [False]
    [counted] = counts(database)
    assert (counted.received, counted.stored, counted.duplicate, counted.differing) == (3, 1, 2, 1)
    assert seal(settings, database).received == 0
    assert len(facts(Lake(settings.home))) == 1
    database.dispose()


def test_pulled_files_go_after_their_time_and_the_position_stays(settings):
    folder = settings.home / "pulled" / "x"
    folder.mkdir(parents=True)
    for name in ("mail-1.eml", "position.json"):
        (folder / name).write_text("{}")
    assert compact(settings, keep_days=1).pulled_deleted == 0
    later = datetime.now(UTC) + timedelta(days=2)
    assert compact(settings, keep_days=1, now=lambda: later).pulled_deleted == 1
    assert [path.name for path in folder.iterdir()] == ["position.json"]
