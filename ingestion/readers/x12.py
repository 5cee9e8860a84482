"""ANSI X12 that partners send about returns: 180, 812, 861, 944 and 947.

A record is a detail line of a transaction set; a set whose envelope lies, that is cut short or that
says nothing about returns (810, 850, 856, 940, 945 and all others: ``transaction_set_not_read``)
is one refused record, whole. Case: the returned-goods authorisation (N9 or REF with RZ) and its
line; without one, the document's own number and the position of the line.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from ingestion.codes import canonical_codes
from ingestion.errors import UnreadableFile
from ingestion.readers.raw import Raw
from ingestion.readers.rows import Row, spool_rows
from ingestion.readers.x12_envelope import (
    BrokenEnvelope,
    Segment,
    Transaction,
    element,
    moment,
    split_segments,
    transactions,
)
from ingestion.staging import Refused, Staged
from ingestion.vocabulary import Activity, Confidence

MAX_BYTES = 256 << 20
COLUMNS = (
    "set_line_id", "case_id", "activity", "occurred_at", "recorded_at", "site", "sku", "quantity",
    "uom", "amount", "currency", "reason", "condition", "disposition", "serial", "lot",
    "document_id", "message_id", "confidence", "objects", "transaction_set", "partner",
    "unit_price", "codes", "segments",
)  # fmt: skip
_REFERENCES = {"PO": "order", "IV": "invoice", "BM": "shipment"}
_WORD = re.compile(r"(.*\d.*)-(\d{1,3})")
_APPROVED = frozenset(canonical_codes("x12_1292")) - {"RP", "RD"}


@dataclass(frozen=True, slots=True)
class Form:
    """Where a transaction set keeps what.

    Parameters
    ----------
    header : str
        Segment that begins the document.
    number, date : int
        Its elements with the document's number and date.
    detail : str
        Segment that begins a line.
    quantity, uom, product : int
        Elements of the detail segment; ``product`` is where qualifier and id pairs begin.
    """

    header: str
    number: int
    date: int
    detail: str
    quantity: int
    uom: int
    product: int


FORMS = {
    "180": Form("BGN", 2, 3, "BLI", 3, 4, 1),
    "812": Form("BCD", 2, 1, "CDD", 6, 7, 0),
    "861": Form("BRA", 1, 2, "RCD", 2, 3, 0),
    "944": Form("W17", 3, 2, "W07", 1, 2, 4),
    "947": Form("W15", 2, 1, "W19", 2, 3, 5),
}


def read_x12(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from an interchange or a bare transaction set."""
    if delivery.content.stat().st_size > MAX_BYTES:
        raise UnreadableFile(delivery.path, f"an interchange over {MAX_BYTES >> 20} MiB")
    content = delivery.content.read_bytes()
    rows, refused = read_interchange(content)
    return spool_rows(con, delivery, rows, columns=COLUMNS, format="x12", refused=lambda: refused)


def read_interchange(content: bytes) -> tuple[list[Row], list[Refused]]:
    """Rows and refused transaction sets of one text; one of the two is never empty."""
    rows: list[Row] = []
    refused: list[Refused] = []
    try:
        found = list(_interchanges(split_segments(content.decode("utf-8", "replace"))))
    except BrokenEnvelope as broken:
        return [], [Refused("interchange", broken.reason, str(broken), content)]
    for number, taken in enumerate(found, start=1):
        if isinstance(taken, Refused):
            refused.append(taken)
            continue
        pointer = f"transaction set {number} ({taken.kind})"
        broken_set = taken.fault or _unknown(taken)
        if broken_set is None:
            try:
                rows += list(_rows(taken))
            except BrokenEnvelope as broken:
                broken_set = broken
        if broken_set:
            refused.append(Refused(pointer, broken_set.reason, str(broken_set), taken.written()))
    return rows, refused


def _interchanges(segments: list[Segment]) -> Iterator[Transaction | Refused]:
    """Transaction sets, interchange by interchange: a broken one costs only itself."""
    starts = [at for at, segment in enumerate(segments) if segment[0] == "ISA"] or [0]
    if starts[0] > 0:
        starts = [0, *starts]
    for number, (begin, end) in enumerate(zip(starts, [*starts[1:], len(segments)], strict=True)):
        part = segments[begin:end]
        try:
            yield from transactions(part)
        except BrokenEnvelope as broken:
            raw = "\n".join("*".join(segment) + "~" for segment in part).encode()
            yield Refused(f"interchange {number + 1}", broken.reason, str(broken), raw)


def _unknown(taken: Transaction) -> BrokenEnvelope | None:
    if taken.kind in FORMS:
        return None
    return BrokenEnvelope(
        "transaction_set_not_read",
        f"transaction set {taken.kind or 'without number'} says nothing about returns; "
        f"Retrace reads {', '.join(FORMS)}",
    )


def _rows(taken: Transaction) -> Iterator[Row]:
    form = FORMS[taken.kind]
    body = list(taken.segments[1:-1])
    starts = [at for at, segment in enumerate(body) if segment[0] == form.detail]
    head = body[: starts[0]] if starts else body
    if not any(segment[0] == form.header for segment in head):
        raise BrokenEnvelope("missing_header", f"a {taken.kind} needs a segment {form.header}")
    ends = [*starts[1:], len(body)]
    lines = [body[a:b] for a, b in zip(starts, ends, strict=False)] or [[]]
    for number, line in enumerate(lines, start=1):
        yield _row(taken, form, head, line, number)


def _row(
    taken: Transaction, form: Form, head: list[Segment], line: list[Segment], number: int
) -> dict[str, str | None]:
    header = next(segment for segment in head if segment[0] == form.header)
    if taken.kind == "944" and moment(element(header, 1)):
        header = [header[0], "F", *header[1:]]  # the reporting code was left out
    document = element(header, form.number)
    if not document:
        raise BrokenEnvelope("missing_document_number", f"{form.header} has no number")
    case, exact = _case(head, line, document, number)
    detail = line[0] if line else [""]
    codes = _codes(taken.kind, head, line, header)
    told = moment(element(header, form.date))
    same_day = bool(told and taken.sent and told[:10] == taken.sent[:10])
    ids = (taken.sender, taken.interchange, taken.group, taken.kind, taken.control, str(number))
    return {
        "set_line_id": "/".join(ids) if taken.interchange else None,
        "case_id": case,
        "occurred_at": taken.sent if same_day else told or taken.sent,
        "recorded_at": taken.sent,
        "site": _party(head, line, "WH"),
        "sku": _product(detail, form.product) or _product(_first(line, "LIN"), 2),
        "quantity": element(detail, form.quantity) or element(_first(line, "QTY"), 2) or None,
        "uom": element(detail, form.uom) or None,
        "currency": element(_first(head, "CUR"), 2) or None,
        "serial": _reference(line, "SN"),
        "lot": _reference(line, "LT"),
        "document_id": document,
        "message_id": taken.interchange or None,
        "confidence": (Confidence.EXACT if exact else Confidence.INFERRED).value,
        "objects": json.dumps(_objects(head, line, case if exact else None)),
        "transaction_set": taken.kind,
        "partner": next(filter(None, (_party(head, line, who) for who in ("SU", "BY"))), None),
        "unit_price": element(detail, 5) or None if taken.kind == "180" else None,
        **codes,
        "segments": "~".join("*".join(segment) for segment in [*head, *line]),
    }


def _codes(
    kind: str, head: list[Segment], line: list[Segment], header: Segment
) -> dict[str, str | None]:
    """Activity, reason, condition, disposition and amount a line states."""
    detail = line[0] if line else [""]
    if kind == "180":
        answer = element(_first(line, "RDR") or _first(head, "RDR"), 1)
        reason = element(_first(line, "RDR"), 2) or element(_first(line, "LQ"), 2)
        activity = Activity.A03 if answer in _APPROVED else Activity.A01
        activity = Activity.A03R if answer == "RD" else activity
        fate = canonical_codes("x12_1292").get(answer) if answer in _APPROVED else None
        known = canonical_codes("x12_1293").get(reason, reason) or None
        return {"activity": activity.value, "reason": known, "disposition": fate, "codes": answer}
    if kind == "947":
        code = element(detail, 1)
        fate = canonical_codes("x12_181").get(code)
        step = Activity.A19.value if fate else f"Adjust stock {code}".strip()
        return {"activity": step, "disposition": fate, "codes": code}
    if kind == "812":
        credit = (element(detail, 2) or element(header, 5) or element(header, 3)) != "D"
        amount = element(detail, 4) or element(header, 4)
        activity = Activity.S06 if credit else Activity.S02
        return {"activity": activity.value, "amount": _cents(amount), "codes": element(detail, 1)}
    code = element(_first(line, "W13"), 3) if kind == "944" else element(detail, 8)
    activity = Activity.A09 if kind == "944" else Activity.S05
    condition = canonical_codes("x12_412").get(code)
    return {"activity": activity.value, "condition": condition, "codes": code}


def _cents(amount: str) -> str | None:
    """An amount with two implied decimals; one with a point is taken as it stands."""
    if not re.fullmatch(r"-?\d{1,15}", amount):
        return amount or None
    return f"{int(amount) / 100:.2f}"


def _case(head: list[Segment], line: list[Segment], document: str, number: int) -> tuple[str, bool]:
    """The return line a detail is about, and whether the partner says so."""
    said = _reference([*line, *head], "RZ")
    if said is None:
        return f"{document}:{number}", False
    found = _WORD.fullmatch(said)
    if found:
        return f"{found[1]}:{int(found[2])}", True
    item = _reference(line, "LI")
    return f"{said}:{item or number}", bool(item)


def _objects(head: list[Segment], line: list[Segment], case: str | None) -> list[list[str | None]]:
    objects: list[list[str | None]] = []
    if case:
        objects += [["rma", case.rpartition(":")[0], None], ["line", case, None]]
    for qualifier, kind in _REFERENCES.items():
        value = _reference([*line, *head], qualifier)
        if value:
            objects.append([kind, value, None])
    return objects


def _first(segments: list[Segment], name: str) -> Segment:
    return next((segment for segment in segments if segment[0] == name), [])


def _reference(segments: list[Segment], qualifier: str) -> str | None:
    """Value of the first N9 or REF with a qualifier."""
    for segment in segments:
        if segment[0] in ("N9", "REF") and element(segment, 1) == qualifier:
            return element(segment, 2) or None
    return None


def _party(head: list[Segment], line: list[Segment], role: str) -> str | None:
    for segment in [*head, *line]:
        if segment[0] == "N1" and element(segment, 1) == role:
            return element(segment, 4) or element(segment, 2) or None
    return None


def _product(segment: Segment, begin: int) -> str | None:
    """Product id: the seller's or buyer's part number before a bar code."""
    if not begin:
        return None
    pairs = [
        (element(segment, at), element(segment, at + 1)) for at in range(begin, len(segment) - 1, 2)
    ]
    ids = {qualifier: value for qualifier, value in pairs if value and len(qualifier) == 2}
    best = [ids[kind] for kind in ("SK", "VP", "BP", "IN", "UP", "UK", "EN") if kind in ids]
    return next(iter([*best, *ids.values()]), None)
