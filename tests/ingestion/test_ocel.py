"""OCEL 2.0 in three formats: one result, and every row of a defective file accounted for."""

import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.errors import UnreadableFile
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.readers.ocel import OcelEvent, OcelLog, OcelObject, ocel_rows
from ingestion.readers.ocel_formats import _open_read_only, _read_database
from ingestion.staging import Staged
from ingestion.status import quarantined, status

EVENTS = [
    ("e1", "Receive", "2026-07-01T08:00:00Z", {"gate": "4"}, [("l1", "line"), ("u1", "unit of")]),
    ("e2", "Finish inspection", "2026-07-01T09:00:00Z", {}, [("u1", None), ("l1", "line")]),
    ("e3", "Close return", "2026-07-02T09:00:00Z", {}, []),
]
OBJECTS = [("l1", "line", "2"), ("u1", "unit", "7")]


def as_json():
    return json.dumps(
        {
            "objectTypes": [],
            "eventTypes": [],
            "objects": [
                {
                    "id": id,
                    "type": kind,
                    "attributes": [{"name": "weight", "value": weight, "time": "1970-01-01"}],
                    "relationships": [{"objectId": "l1", "qualifier": "of"}] if id == "u1" else [],
                }
                for id, kind, weight in OBJECTS
            ],
            "events": [
                {
                    "id": id,
                    "type": kind,
                    "time": time,
                    "attributes": [{"name": name, "value": value} for name, value in said.items()],
                    "relationships": [{"objectId": to, "qualifier": how} for to, how in links],
                }
                for id, kind, time, said, links in EVENTS
            ],
        }
    )


def as_xml():
    objects = "".join(
        f'<object id="{id}" type="{kind}"><attributes><attribute name="weight" '
        f'time="1970-01-01">{weight}</attribute></attributes>'
        + ('<objects><relationship object-id="l1" qualifier="of"/></objects>' if id == "u1" else "")
        + "</object>"
        for id, kind, weight in OBJECTS
    )
    events = "".join(
        f'<event id="{id}" type="{kind}" time="{time}"><attributes>'
        + "".join(f'<attribute name="{name}">{said[name]}</attribute>' for name in said)
        + "</attributes><objects>"
        + "".join(f'<relationship object-id="{to}" qualifier="{how or ""}"/>' for to, how in links)
        + "</objects></event>"
        for id, kind, time, said, links in EVENTS
    )
    head = "<log><object-types/><event-types/>"
    return f"{head}<objects>{objects}</objects><events>{events}</events></log>"


def write_sqlite(path):
    con = sqlite3.connect(path)
    con.executescript(
        """create table event(ocel_id, ocel_type); create table object(ocel_id, ocel_type);
        create table event_object(ocel_event_id, ocel_object_id, ocel_qualifier);
        create table object_object(ocel_source_id, ocel_target_id, ocel_qualifier);
        create table event_map_type(ocel_type, ocel_type_map);
        create table object_map_type(ocel_type, ocel_type_map);
        insert into object_object values ('u1', 'l1', 'of');"""
    )
    for number, (id, kind, time, said, links) in enumerate(EVENTS):
        con.execute("insert into event values (?, ?)", [id, kind])
        con.execute("insert into event_map_type values (?, ?)", [kind, f"T{number}"])
        con.execute(f"create table event_T{number}(ocel_id, ocel_time, gate)")
        con.execute(f"insert into event_T{number} values (?, ?, ?)", [id, time, said.get("gate")])
        rows = [(id, to, how) for to, how in links]
        con.executemany("insert into event_object values (?, ?, ?)", rows)
    for id, kind, weight in OBJECTS:
        con.execute("insert into object values (?, ?)", [id, kind])
        con.execute("insert into object_map_type values (?, ?)", [kind, kind])
        con.execute(f"create table object_{kind}(ocel_id, ocel_time, weight)")
        con.execute(f"insert into object_{kind} values (?, '1970-01-01', ?)", [id, weight])
    con.commit()
    con.close()


def written(folder, form):
    path = folder / f"log.{form}"
    if form == "sqlite":
        write_sqlite(path)
    else:
        path.write_text(as_json() if form == "json" else as_xml())
    return path


def rows(settings, query):
    return Lake(settings.home).connect().execute(query).fetchall()


@pytest.mark.parametrize("form", ["json", "xml", "sqlite"])
def test_three_formats_give_one_result(settings, tmp_path, form):
    counts = ingest(settings, [written(tmp_path, form)])
    assert (counts.received, counts.accepted, counts.unmapped_activities) == (3, 3, 0)
    assert rows(settings, "select case_id, activity, document_id from events order by 3") == [
        ("l1", "Receive", "e1"),
        ("l1", "Finish inspection", "e2"),
        ("e3", "Close return", "e3"),  # touches nothing: a case of its own
    ]
    linked = (
        "select document_id, object_type, object_id, coalesce(qualifier, '') from event_objects"
    )
    assert rows(settings, f"{linked} join events using (event_id) order by all") == [
        ("e1", "line", "l1", "line"),
        ("e1", "unit", "u1", "unit of"),
        ("e2", "line", "l1", "line"),
        ("e2", "unit", "u1", ""),
    ]
    [[gate, told]] = rows(
        settings,
        "select extras->>'gate', extras->>'ocel_objects' from events where document_id = 'e1'",
    )
    assert gate == "4" and json.loads(told)["u1"]["relations"] == [["l1", "of"]]


def test_the_database_stays_untouched(settings, tmp_path):
    path = written(tmp_path, "sqlite")
    before = path.read_bytes()
    path.chmod(0o400)
    ingest(settings, [path])
    assert (
        path.read_bytes() == before
        and [file.name for file in tmp_path.iterdir()].count("log.sqlite") == 1
    )
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        _open_read_only(path).execute("delete from event")


def test_links_to_nothing_and_idle_objects_are_refused_and_twins_merged():
    said = OcelLog(
        events=[OcelEvent("e", "a", "2026-01-01"), OcelEvent("f", "b", "2026-01-02")],
        objects={id: OcelObject(id, "x") for id in ("o", "idle")},
        links=[("e", "o", "first"), ("e", "o", "second"), ("f", "ghost", None), ("g", "o", None)],
        relations=[("o", "idle", None), ("idle", "o", None), ("o", "ghost", None)],
    )
    found, refused, account = ocel_rows(said)
    assert json.loads(found[0]["objects"]) == [["x", "o", "first; second"]]
    assert [row["case_id"] for row in found] == ["o", "f"]
    assert sorted(record.pointer for record in refused) == [
        "event-object row 3",
        "event-object row 4",
        "object idle",
        "object-object row 3",
    ]
    assert (account.links_kept, account.links_merged, account.links_to_unknown) == (1, 1, 2)
    assert (account.relations_kept, account.relations_of_refused) == (1, 1)


@pytest.mark.parametrize("name", ["jsonocel", "xmlocel", "sqlite"])
def test_the_example_is_the_same_in_three_formats(settings, shared_data, name):
    counts = ingest(settings, [shared_data / "ocel" / f"ocel20_example.{name}"])
    assert (counts.received, counts.accepted) == (13, 13)
    [[links, objects]] = rows(
        settings, "select count(*), count(distinct object_id) from event_objects"
    )
    assert (links, objects) == (20, 9)


@pytest.mark.parametrize(
    "name", ["example_log.jsonocel", "example_log.xmlocel", "example_log.sqlite", "newocel.sqlite"]
)
def test_version_1_is_refused_clearly(settings, shared_data, name):
    with pytest.raises(UnreadableFile, match=r"OCEL 1\.0"):
        ingest(settings, [shared_data / "ocel" / name])


def account_of(path):
    from contextlib import closing

    with closing(_open_read_only(path)) as database:
        said = _read_database(database, Staged(path, path, "", "sqlite", path.parent))
    return said, ocel_rows(said)[2]


def test_every_row_of_the_logistics_log_is_accounted_for(settings, shared_data):
    path = shared_data / "ocel" / "ocpa_logistics.sqlite"
    said, account = account_of(path)
    assert (account.events, account.events_without_object) == (8_727, 2_540)
    assert (account.links_kept, account.links_merged, account.links_to_unknown) == (
        11_658,
        0,
        5_080,
    )
    assert 11_658 + 5_080 == len(said.links) == 16_738
    assert (account.objects_kept, account.objects_without_event) == (970, 0)
    assert (account.relations_kept, account.relations_to_unknown) == (1_420, 2_540)
    counts = ingest(settings, [path])
    assert (counts.accepted, counts.quarantined) == (8_727, 5_080 + 2_540)
    assert counts.received == 8_727 + 5_080 + 2_540 and status(Lake(settings.home)).balanced


def test_every_row_of_the_order_log_is_accounted_for(settings, shared_data):
    path = shared_data / "ocel" / "ocpa_running-example.sqlite"
    said, account = account_of(path)
    assert (account.links_kept, account.links_merged, account.links_to_unknown) == (35_827, 30, 0)
    assert len(said.links) == 35_827 + 30
    assert (account.objects_kept, account.objects_without_event) == (10_011, 20)
    assert (account.relations_kept + account.relations_of_refused, 0) == (25_336, 0)
    typed = sum(bool(found.said) for found in said.objects.values())
    assert typed == 10_031  # 9,990 of them under an INTEGER id
    counts = ingest(settings, [path])
    assert (counts.accepted, counts.quarantined) == (18_211, 20)
    assert {record.reason for record in quarantined(Lake(settings.home))} == {
        "object_without_event"
    }


IDS = st.sampled_from(["a", "b", "c", ""])


@given(
    st.lists(IDS, max_size=4),
    st.lists(IDS, max_size=4, unique=True),
    st.lists(st.tuples(IDS, IDS, st.none() | IDS), max_size=8),
    st.lists(st.tuples(IDS, IDS, st.none() | IDS), max_size=8),
)
def test_the_account_always_adds_up(events, objects, links, relations):
    said = OcelLog(
        events=[OcelEvent(id, "x", None) for id in events],
        objects={id: OcelObject(id, "o") for id in objects},
        links=links,
        relations=relations,
    )
    found, _, account = ocel_rows(said)
    assert len(found) == account.events == len(events)
    assert account.links_kept + account.links_merged + account.links_to_unknown == len(links)
    assert account.objects_kept + account.objects_without_event == len(objects)
    kept = account.relations_kept + account.relations_of_refused
    assert kept + account.relations_to_unknown == len(relations)
