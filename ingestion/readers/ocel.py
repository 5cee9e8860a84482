"""OCEL 2.0 in JSON, XML and SQLite: events with every object they touch; OCEL 1.0 is refused.

A record is an event. What an object says about itself (attributes, changes, relations to others)
travels in the extras of its first event (``ocel_objects``). Every other row is accounted
for: two rows that link the same event and object are merged; a link to an event or object that the
file does not hold, and an object no event ever touches, are refused records (``Accounting``).
Ids are compared as text, whatever a typed table declares.
"""

import json
import logging
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb

from ingestion.errors import UnreadableFile
from ingestion.readers.raw import Raw
from ingestion.readers.rows import Row, spool_rows
from ingestion.schema import EVENTS
from ingestion.staging import Refused, Staged

log = logging.getLogger("retrace.ocel")

OWN = ("case_id", "activity", "occurred_at", "document_id", "objects", "ocel_objects")
CASE_TYPES = ("line", "return_line", "rma", "unit")
MAX_ATTRIBUTES = 1000
Link = tuple[str, str, str | None]


@dataclass(slots=True)
class OcelEvent:
    id: str
    type: str | None
    time: str | None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class OcelObject:
    id: str
    type: str | None
    said: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class OcelLog:
    """A log as it stands in its file.

    Parameters
    ----------
    links : list of (event id, object id, qualifier)
    relations : list of (source object id, target object id, qualifier)
    """

    events: list[OcelEvent] = field(default_factory=list)
    objects: dict[str, OcelObject] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    relations: list[Link] = field(default_factory=list)
    repeated_objects: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Accounting:
    """What became of every row of a file; the parts of each kind sum to its rows."""

    events: int = 0
    links_kept: int = 0
    links_merged: int = 0
    links_to_unknown: int = 0
    events_without_object: int = 0
    objects_kept: int = 0
    objects_without_event: int = 0
    objects_repeated: int = 0
    relations_kept: int = 0
    relations_of_refused: int = 0
    relations_to_unknown: int = 0


def read_ocel_log(con: duckdb.DuckDBPyConnection, delivery: Staged, said: OcelLog) -> Raw:
    """Create ``raw`` from a log, a row per event."""
    rows, refused, account = ocel_rows(said)
    log.info("%s: %s", delivery.path.name, asdict(account))
    names = dict.fromkeys(name for row in rows for name in row)
    columns = tuple(dict.fromkeys([*OWN, *names]))
    if len(columns) > MAX_ATTRIBUTES:
        raise UnreadableFile(delivery.path, f"more than {MAX_ATTRIBUTES} kinds of attributes")
    return spool_rows(con, delivery, rows, columns=columns, format="ocel", refused=lambda: refused)


def ocel_rows(said: OcelLog) -> tuple[list[Row], list[Refused], Accounting]:
    """Rows, refused records and the account of a log."""
    account = Accounting(events=len(said.events), objects_repeated=len(said.repeated_objects))
    refused: list[Refused] = []
    touched = _touched(said, account, refused)
    own = _self_descriptions(said, touched, account, refused)
    names = _column_names(said)
    rows: list[Row] = []
    described: set[str] = set()
    for event in said.events:
        links = touched.get(event.id, {})
        account.events_without_object += not links
        fresh = {id: own[id] for id in links if id not in described and own.get(id)}
        described |= set(links)
        listed = [[said.objects[id].type, id, qualifier] for id, qualifier in links.items()]
        rows.append(
            {
                "case_id": _case(said, event, links),
                "activity": event.type,
                "occurred_at": event.time,
                "document_id": event.id,
                "objects": json.dumps(listed, ensure_ascii=False),
                "ocel_objects": json.dumps(fresh, ensure_ascii=False) if fresh else None,
                **{names[name]: _text(value) for name, value in event.attributes.items()},
            }
        )
    return rows, refused, account


def _touched(
    said: OcelLog, account: Accounting, refused: list[Refused]
) -> dict[str, dict[str, str | None]]:
    """Objects each event touches, with their qualifiers; links to nothing are refused."""
    events = {event.id for event in said.events}
    touched: dict[str, dict[str, str | None]] = defaultdict(dict)
    for number, (event, target, qualifier) in enumerate(said.links, start=1):
        if event not in events or target not in said.objects:
            account.links_to_unknown += 1
            missing = f"object {target!r}" if event in events else f"event {event!r}"
            detail = f"the file holds no {missing}"
            row = json.dumps([event, target, qualifier]).encode()
            refused.append(Refused(f"event-object row {number}", "unknown_object", detail, row))
        elif target in touched[event]:
            account.links_merged += 1
            before = touched[event][target]
            touched[event][target] = "; ".join(filter(None, [before, qualifier])) or None
        else:
            account.links_kept += 1
            touched[event][target] = qualifier
    return touched


def _self_descriptions(
    said: OcelLog,
    touched: dict[str, dict[str, str | None]],
    account: Accounting,
    refused: list[Refused],
) -> dict[str, dict[str, Any]]:
    """What each object says about itself: attributes and relations."""
    own: dict[str, dict[str, Any]] = {}
    for found in said.objects.values():
        own[found.id] = {"attributes": found.said} if found.said else {}
    known = {target for links in touched.values() for target in links}
    for number, (source, target, qualifier) in enumerate(said.relations, start=1):
        if source not in said.objects or target not in said.objects:
            account.relations_to_unknown += 1
            row = json.dumps([source, target, qualifier]).encode()
            missing = source if source not in said.objects else target
            detail = f"the file holds no object {missing!r}"
            refused.append(Refused(f"object-object row {number}", "unknown_object", detail, row))
            continue
        own[source].setdefault("relations", []).append([target, qualifier])
        account.relations_kept += source in known
        account.relations_of_refused += source not in known
    for found in said.objects.values():
        account.objects_kept += found.id in known
        if found.id not in known:
            account.objects_without_event += 1
            row = json.dumps({"id": found.id, "type": found.type, **own[found.id]}).encode()
            detail = "no event touches this object"
            refused.append(Refused(f"object {found.id}", "object_without_event", detail, row))
    for number, repeated in enumerate(said.repeated_objects, start=1):
        refused.append(
            Refused(
                f"repeated object {number}",
                "repeated_object",
                "an object with this id was listed before",
                repeated.encode(),
            )
        )
    return own


def _case(said: OcelLog, event: OcelEvent, links: dict[str, str | None]) -> str:
    """The return line an event belongs to, else its first object, else the event itself."""
    for kind in CASE_TYPES:
        for target in links:
            if said.objects[target].type == kind:
                return target
    return next(iter(links), event.id)


def _column_names(said: OcelLog) -> dict[str, str]:
    """A column for every attribute; one that would pass for a canonical column gets a prefix."""
    taken = {name.lower() for name in (*EVENTS.names, *OWN)}
    columns: dict[str, str] = {}
    for name in dict.fromkeys(name for event in said.events for name in event.attributes):
        column = name or "unnamed"
        while column.lower() in taken:
            column = f"ocel:{column}"
        taken.add(column.lower())
        columns[name] = column
    return columns


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
