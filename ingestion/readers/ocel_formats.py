"""The three formats of OCEL 2.0, each read into one ``OcelLog``."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from ingestion.errors import UnreadableFile
from ingestion.lake import quoted
from ingestion.readers.ocel import Link, OcelEvent, OcelLog, OcelObject, read_ocel_log
from ingestion.readers.raw import Raw
from ingestion.readers.xml_root import document_root
from ingestion.staging import Staged

VERSION_1 = "this is OCEL 1.0; convert it to OCEL 2.0 and load it again"
_TABLES = frozenset({"event", "object", "event_object", "event_map_type", "object_map_type"})


def is_ocel_json(document: object) -> bool:
    """Whether a JSON document is an object-centric event log of either version."""
    if not isinstance(document, dict):
        return False
    return "ocel:events" in document or {"events", "objects", "objectTypes"} <= set(document)


def is_ocel_xml(names: list[str]) -> bool:
    """Whether the first elements of an XML file are those of OCEL, of either version."""
    if names[:1] != ["log"]:
        return False
    return "object-types" in names[:3] or (names[1:2] == ["global"] and "list" in names)


def read_ocel_json(con: duckdb.DuckDBPyConnection, delivery: Staged, document: Any) -> Raw:
    """Create ``raw`` from OCEL 2.0 JSON."""
    if "ocel:events" in document:
        raise UnreadableFile(delivery.path, VERSION_1)
    said = OcelLog()
    try:
        for event in document["events"]:
            _add_json_event(said, event)
        for found in document["objects"]:
            _add_json_object(said, found)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise UnreadableFile(delivery.path, f"it does not follow OCEL 2.0 ({error!r})") from error
    return read_ocel_log(con, delivery, said)


def _add_json_event(said: OcelLog, event: dict[str, Any]) -> None:
    found = OcelEvent(str(event["id"]), _known(event.get("type")), _known(event.get("time")))
    for attribute in event.get("attributes") or []:
        found.attributes[str(attribute["name"])] = attribute.get("value")
    said.events.append(found)
    for link in event.get("relationships") or []:
        said.links.append((found.id, str(link["objectId"]), _known(link.get("qualifier"))))


def _add_json_object(said: OcelLog, told: dict[str, Any]) -> None:
    found = OcelObject(str(told["id"]), _known(told.get("type")))
    for attribute in told.get("attributes") or []:
        found.said.append(dict(attribute))
    for link in told.get("relationships") or []:
        said.relations.append((found.id, str(link["objectId"]), _known(link.get("qualifier"))))
    _add_object(said, found)


def _add_object(said: OcelLog, found: OcelObject) -> None:
    if found.id in said.objects:
        said.repeated_objects.append(found.id)
    else:
        said.objects[found.id] = found


def _known(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def read_ocel_xml(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from OCEL 2.0 XML."""
    root = document_root(delivery)
    if root.find("{*}global") is not None:
        raise UnreadableFile(delivery.path, VERSION_1)
    said = OcelLog()
    for element in root.iterfind("{*}objects/{*}object"):
        found = OcelObject(element.get("id", ""), _known(element.get("type")))
        for attribute in element.iterfind("{*}attributes/{*}attribute"):
            found.said.append({**dict(attribute.attrib), "value": attribute.text})
        said.relations += _xml_links(found.id, element)
        _add_object(said, found)
    for element in root.iterfind("{*}events/{*}event"):
        event = OcelEvent(
            element.get("id", ""), _known(element.get("type")), _known(element.get("time"))
        )
        for attribute in element.iterfind("{*}attributes/{*}attribute"):
            event.attributes[attribute.get("name", "")] = attribute.text
        said.events.append(event)
        said.links += _xml_links(event.id, element)
    return read_ocel_log(con, delivery, said)


def _xml_links(source: str, element: Any) -> list[Link]:
    """Relationships of an element; older writers call them objects."""
    return [
        (source, link.get("object-id", ""), _known(link.get("qualifier")))
        for name in ("relationship", "object")
        for link in element.iterfind(f"{{*}}objects/{{*}}{name}")
    ]


def read_ocel_sqlite(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from OCEL 2.0 in SQLite, opened read-only."""
    try:
        with closing(_open_read_only(delivery.content)) as database:
            said = _read_database(database, delivery)
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise UnreadableFile(
            delivery.path, f"the SQLite file is damaged or not OCEL 2.0 ({error})"
        ) from error
    return read_ocel_log(con, delivery, said)


def _open_read_only(content: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(content.absolute()))}?mode=ro&immutable=1"
    database = sqlite3.connect(uri, uri=True)
    database.row_factory = sqlite3.Row
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return database


def _read_database(database: sqlite3.Connection, delivery: Staged) -> OcelLog:
    tables = {row[0] for row in database.execute("select name from sqlite_master")}
    if {"EVENTS", "OBJECTS", "RELATIONS"} <= tables:
        raise UnreadableFile(delivery.path, VERSION_1)
    if not tables >= _TABLES:
        missing = ", ".join(sorted(_TABLES - tables))
        raise UnreadableFile(delivery.path, f"this SQLite file is not OCEL 2.0 (no {missing})")
    said = OcelLog()
    typed_events = _typed_rows(database, "event", tables)
    for row in database.execute("select ocel_id, ocel_type from event order by rowid"):
        event_id = str(row[0])
        event = OcelEvent(event_id, _known(row[1]), None)
        for name, value in (typed_events.get(event_id) or [{}])[0].items():
            if name == "ocel_time":
                event.time = _known(value)
            else:
                event.attributes[name] = value
        said.events.append(event)
    typed_objects = _typed_rows(database, "object", tables)
    for row in database.execute("select ocel_id, ocel_type from object order by rowid"):
        told = typed_objects.get(str(row[0]), [])
        _add_object(said, OcelObject(str(row[0]), _known(row[1]), told))
    said.links = _links(database, "event_object", "ocel_event_id", "ocel_object_id")
    if "object_object" in tables:
        said.relations = _links(database, "object_object", "ocel_source_id", "ocel_target_id")
    return said


def _typed_rows(
    database: sqlite3.Connection, kind: str, tables: set[str]
) -> dict[str, list[dict[str, Any]]]:
    """Rows of all typed tables, by id as text; nulls left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for [suffix] in database.execute(f"select distinct ocel_type_map from {kind}_map_type"):
        table = f"{kind}_{suffix}"
        if table not in tables:
            continue
        for row in database.execute(f"select * from {quoted(table)} order by rowid"):
            told = {
                name: value if isinstance(value, str | int | float) else str(value)
                for name, value in zip(row.keys(), row, strict=True)
                if value is not None and name != "ocel_id"
            }
            found.setdefault(str(row["ocel_id"]), []).append(told)
    return found


def _links(database: sqlite3.Connection, table: str, source: str, target: str) -> list[Link]:
    query = f"select {source}, {target}, ocel_qualifier from {table} order by rowid"
    return [(str(row[0]), str(row[1]), _known(row[2])) for row in database.execute(query)]
