"""GS1 EPCIS: JSON-LD 2.0 and XML 1.2 and 2.0; capture and query documents and bare events.

A record is an event and stands for itself: one that breaks a rule is quarantined alone (the
standard's capture error behaviour *proceed*), so that a day's document does not wait for it. A
query asks for events and brings none: an empty delivery. Simple fields of a partner's own
namespace (``acme:grade``) become columns of that name, for the partner's mapping.

Case: the RMA among the business transactions, else the parent or first EPC, else the event's id.
An error declaration is an event of its own, ``Reverse posting``, that refers to what it takes back.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import duckdb
import orjson
from lxml import etree

from ingestion.codes import canonical_codes
from ingestion.errors import UnreadableFile
from ingestion.readers import epcis_xml
from ingestion.readers.epcis_rules import (
    EVENT_TYPES,
    ID_LISTS,
    QUANTITY_LISTS,
    BrokenRule,
    Event,
    check_event,
    is_time,
    require,
    word,
)
from ingestion.readers.raw import Raw
from ingestion.readers.rows import spool_rows
from ingestion.readers.xml_root import document_root
from ingestion.staging import Refused, Staged
from ingestion.vocabulary import Activity

MAX_BYTES = 512 << 20
DOCUMENTS = frozenset({"EPCISDocument", "EPCISQueryDocument"})
COLUMNS = (
    "event_id", "case_id", "activity", "occurred_at", "recorded_at", "site", "location", "sku",
    "quantity", "uom", "condition", "disposition", "serial", "lot", "document_id", "reversal_of",
    "note", "rma", "objects", "serial_no", "event_type", "action", "biz_step",
    "epcis_disposition", "epcis",
)  # fmt: skip
_OBJECT_TYPES = {"po": "order", "desadv": "shipment"}
_UNDER_WAY = {
    "inspecting/in_progress": Activity.A12.value,
    "repairing/unavailable": Activity.A20S.value,
}
_SAID_LATER = frozenset({"errorDeclaration", "recordTime"})
_QUERY = re.compile(
    r"eventType|(GE|LT)_(eventTime|recordTime|quantity|errorDeclarationTime)|EQ_(action|bizStep|"
    r"disposition|persistentDisposition_(set|unset)|readPoint|bizLocation|transformationID|eventID|"
    r"errorReason|correctiveEventID|quantity|source_\S+|destination_\S+|bizTransaction_\S+)|"
    r"WD_(readPoint|bizLocation)|MATCH_(any)?(epc|parentID|inputEPC|outputEPC|epcClass|"
    r"inputEPCClass|outputEPCClass)|EXISTS_\S+|HASATTR_\S+|(EQ|GT|GE|LT|LE)_\S*[:#]\S+|"
    r"EQATTR_\S+|orderBy|orderDirection|eventCountLimit|maxEventCount|perPage|nextPageToken|"
    r"@context"
)


def is_epcis(document: object) -> bool:
    """Whether a JSON document is EPCIS: a document, a bare event or a query."""
    if not isinstance(document, dict):
        return False
    kind = document.get("type")
    if (isinstance(kind, str) and kind in EVENT_TYPES | DOCUMENTS) or "epcisBody" in document:
        return True
    return "ref.gs1.org/standards/epcis" in str(document.get("@context", ""))[:500]


def read_epcis_json(con: duckdb.DuckDBPyConnection, delivery: Staged, document: Any) -> Raw:
    """Create ``raw`` from one JSON-LD document."""
    reading = _Reading()
    reading.take(lambda: _json_events(document), document)
    return reading.relation(con, delivery)


def read_epcis_lines(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from JSON Lines, each a document or a bare event."""
    reading = _Reading()
    with delivery.content.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                document = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                detail = f"the line is not valid JSON ({error})"
                reading.refused.append(Refused(f"line {number}", "invalid_json", detail, line))
                continue
            reading.take(lambda said=document: _json_events(said), document, f"line {number}")
    return reading.relation(con, delivery)


def read_epcis_xml(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from an XML document or a bare event."""
    if delivery.content.stat().st_size > MAX_BYTES:
        raise UnreadableFile(delivery.path, f"an EPCIS document over {MAX_BYTES >> 20} MiB")
    root, reading = document_root(delivery), _Reading()
    reading.take(lambda: epcis_xml.event_elements(root), root)
    return reading.relation(con, delivery)


def _json_events(document: Any) -> list[Any]:
    require(isinstance(document, dict), "not_an_object", "an EPCIS document is a JSON object")
    kind = document.get("type")
    if kind is None and "epcisBody" not in document:
        _check_query(document)
        return []
    context = document.get("@context")
    require(context, "missing_context", "@context is missing")
    known = "ref.gs1.org/standards/epcis" in str(context) or "gs1.github.io/EPCIS" in str(context)
    require(known, "unknown_context", "@context does not name the EPCIS context")
    if isinstance(kind, str) and kind in EVENT_TYPES:
        return [document]
    require(kind in DOCUMENTS, "unknown_document", f"{kind!r} is no EPCIS document type")
    require(document.get("schemaVersion"), "missing_field", "schemaVersion is missing")
    created = document.get("creationDate")
    require(is_time(created), "unreadable_event_time", f"creationDate {created!r} is not a time")
    body = document.get("epcisBody")
    require(isinstance(body, dict), "missing_field", "epcisBody is missing")
    if kind == "EPCISQueryDocument":
        results = body.get("queryResults")
        require(isinstance(results, dict), "missing_field", "queryResults is missing")
        require(results.get("queryName"), "missing_field", "queryName is missing")
        body = results.get("resultsBody")
        require(isinstance(body, dict), "missing_field", "resultsBody is missing")
    events = [body["event"]] if "event" in body else body.get("eventList")
    require(isinstance(events, list), "missing_field", "eventList is missing")
    return list(events)


def _check_query(query: Event) -> None:
    for name, value in query.items():
        require(_QUERY.fullmatch(name), "bad_query", f"{name!r} is no query parameter")
        if name.endswith(("Time",)) and name[:3] in {"GE_", "LT_"}:
            require(is_time(value), "bad_query", f"{name} {value!r} is not a time")
    actions = query.get("EQ_action", [])
    for action in actions if isinstance(actions, list) else [actions]:
        require(action in ("ADD", "OBSERVE", "DELETE"), "bad_query", f"no action is {action!r}")
    direction = query.get("orderDirection", "ASC")
    require(direction in ("ASC", "DESC"), "bad_query", f"orderDirection {direction!r}")


class _Reading:
    """Rows and refused records of a delivery."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str | None]] = []
        self.refused: list[Refused] = []

    def take(self, events: Any, document: Any, where: str = "") -> None:
        """Take a document's events, each for itself."""
        prefix = f"{where} " if where else ""
        try:
            found = events()
        except BrokenRule as broken:
            self.refused.append(
                Refused(f"{prefix}document", broken.reason, str(broken), _raw(document))
            )
            return
        for number, event in enumerate(found, start=1):
            try:
                checked = check_event(event if _is_json(event) else epcis_xml.read_event(event))
                self.rows.append(_row(checked))
            except BrokenRule as broken:
                pointer = f"{prefix}event {number}"
                self.refused.append(Refused(pointer, broken.reason, str(broken), _raw(event)))

    def relation(self, con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
        refused = self.refused
        own = sorted({name for row in self.rows for name in row} - set(COLUMNS))
        return spool_rows(
            con,
            delivery,
            self.rows,
            columns=(*COLUMNS, *own),
            format="epcis",
            refused=lambda: refused,
        )


def _is_json(event: Any) -> bool:
    return not isinstance(event, etree._Element)


def _raw(part: Any) -> bytes:
    return orjson.dumps(part) if _is_json(part) else bytes(etree.tostring(part, with_tail=False))


def _row(event: Event) -> dict[str, str | None]:
    error = event.get("errorDeclaration")
    own_id = str(event.get("eventID") or _content_id(event))
    step, state = word(event.get("bizStep", "")), word(event.get("disposition", ""))
    where = event.get("bizLocation") or event.get("readPoint") or {}
    epcs = [epc for name in ID_LISTS for epc in event.get(name, [])]
    quantities = [entry for name in QUANTITY_LISTS for entry in event.get(name, [])]
    rma = _rma(event)
    row = {
        "event_id": own_id,
        "case_id": rma or event.get("parentID") or next(iter(epcs), None) or own_id,
        "activity": _UNDER_WAY.get(f"{step}/{state}")
        or step
        or f"{event['type']} {event.get('action', '')}".strip(),
        "occurred_at": _micro(event["eventTime"]),
        "recorded_at": _micro(event.get("recordTime")),
        "site": where.get("id"),
        "location": event.get("readPoint", {}).get("id"),
        "condition": canonical_codes("cbv_disposition").get(state),
        "disposition": canonical_codes("cbv_fate").get(f"{step}/{state}"),
        "document_id": own_id,
        "rma": rma and rma.split(":")[0],
        "objects": orjson.dumps(list(_objects(event, epcs, rma))).decode(),
        "event_type": event["type"],
        "action": event.get("action"),
        "biz_step": event.get("bizStep"),
        "epcis_disposition": event.get("disposition"),
        "epcis": orjson.dumps(_unmodelled(event)).decode(),
    }
    row |= _goods(epcs, quantities) | _own_fields(event)
    return row | (_compensation(error, own_id) if error else {})


def _compensation(error: Event, own_id: str) -> dict[str, str | None]:
    """An error declaration takes an earlier event back at the time it is declared."""
    corrections = " ".join(error.get("correctiveEventIDs", []))
    reason = word(error.get("reason", "error"))
    return {
        "event_id": f"{own_id}#error-{error['declarationTime']}",
        "activity": Activity.E08.value,
        "occurred_at": _micro(error["declarationTime"]),
        "reversal_of": own_id,
        "condition": None,
        "disposition": None,
        "note": f"{reason}; corrected by {corrections}" if corrections else reason,
    }


def _own_fields(event: Event) -> dict[str, str | None]:
    """Simple fields of the partner's own namespaces, under their names."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in event.items()
        if ":" in name and isinstance(value, str | int | float)
    }


def _goods(epcs: list[str], quantities: list[Event]) -> dict[str, str | None]:
    """SKU, quantity, serial and lot where the event is about one kind of goods."""
    classes = {_class_of(epc) for epc in epcs} | {entry["epcClass"] for entry in quantities}
    amounts = [entry.get("quantity") for entry in quantities]
    whole: float | None = float(len(epcs))
    if quantities:
        known = all(amount is not None for amount in amounts)
        whole = None if epcs or not known else sum(map(float, filter(None, amounts)))
    units = {entry.get("uom", "EA") for entry in quantities} or {"EA"}
    one = len(classes) == 1
    serial = epcs[0] if one and len(epcs) == 1 and not quantities else None
    return {
        "sku": next(iter(classes)) if one else None,
        "quantity": f"{whole:f}" if one and whole and len(units) == 1 else None,
        "uom": next(iter(units)) if one and len(units) == 1 else None,
        "serial": serial,
        "serial_no": serial and re.split(r"[./]", serial)[-1],
    }


def _class_of(epc: str) -> str:
    """The class of an instance: a serial's GTIN, where the identifier shows it."""
    if epc.startswith("urn:epc:id:sgtin:"):
        return epc.replace(":id:", ":idpat:", 1).rsplit(".", 1)[0] + ".*"
    return epc.partition("/21/")[0] if "/01/" in epc and "/21/" in epc else epc


def _rma(event: Event) -> str | None:
    for entry in event.get("bizTransactionList", []):
        if word(str(entry.get("type", ""))) == "rma":
            return unquote(re.split(r"[:/]", str(entry["bizTransaction"]).rstrip("/"))[-1])
    return None


def _objects(event: Event, epcs: list[str], rma: str | None) -> Iterator[list[str | None]]:
    if rma:
        yield ["rma", rma.split(":")[0], None]
        if ":" in rma:
            yield ["line", rma, None]
    for entry in event.get("bizTransactionList", []):
        kind = word(str(entry.get("type", "transaction")))
        if kind != "rma":
            yield [
                {"po": "order", "desadv": "shipment"}.get(kind, kind),
                entry["bizTransaction"],
                None,
            ]
    for name in ID_LISTS:
        for epc in event.get(name, []):
            yield ["unit", epc, name if name.startswith(("input", "output")) else None]
    if event.get("parentID"):
        yield ["unit", event["parentID"], "parent"]


def _unmodelled(event: Event) -> Event:
    modelled = {"type", "action", "eventTime", "recordTime", "bizStep", "disposition", "eventID"}
    own = _own_fields(event)
    return {k: value for k, value in event.items() if k not in modelled and k not in own}


def _content_id(event: Event) -> str:
    """Identity of an event without an id: what it says, its error declaration left out."""
    told = {
        key: value for key, value in event.items() if key not in {"errorDeclaration", "recordTime"}
    }
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return "sha256:" + hashlib.sha256(text).hexdigest()


def _micro(time: str | None) -> str | None:
    """The time with at most six digits after the second."""
    return re.sub(r"(\.\d{6})\d+", r"\1", time) if time else None
