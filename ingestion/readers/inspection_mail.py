"""Inspection outcomes that arrive by e-mail: every line of a mail is a record.

Lines come as an HTML table, CSV, aligned text or free text; forwarded chains are read with the date
and sender of the innermost mail that states them. Each field has its own confidence (extras,
``field_confidence``); the event as a whole has ``parsed_from_email``. A mail without a line that
can be read is quarantined whole. The same line forwarded again is a duplicate.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import parsedate_to_datetime

import duckdb

from ingestion.readers.mail_fields import Fields, read_fields
from ingestion.readers.mail_table import (
    Line,
    html_lines,
    html_text,
    rma_numbers,
    text_lines,
    unquoted,
)
from ingestion.readers.raw import Raw
from ingestion.readers.rows import Row, spool_rows
from ingestion.staging import Refused, Staged
from ingestion.vocabulary import Confidence

MAX_BYTES = 32 << 20
FIELDS = (
    "sku", "quantity", "uom", "quantity_original", "uom_original", "condition", "disposition",
    "reason", "grade", "serial", "lot", "note", "inspected_on", "site",
)  # fmt: skip
COLUMNS = (
    "line_id", "case_id", "occurred_at", "recorded_at", "actor", "rma", "rma_line", "message_id",
    "subject", "written", "field_confidence", "other_columns", "forwarded", "confidence", *FIELDS,
)  # fmt: skip
_SITE = re.compile(r"\b(?:DC|WH|FC)[ -]?\d{1,3}\b", re.I)
_INNER_DATE = re.compile(r"^\s*(?:Date|Sent|Gesendet|Datum):\s*(.+)$", re.I)
_INNER_FROM = re.compile(r"^\s*(?:From|Von):\s*(.+)$", re.I)


def read_inspection_mail(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from one mail, a row per inspection line."""
    content = delivery.content.read_bytes()
    if delivery.path.read_bytes()[:2] != b"\x1f\x8b" and not delivery.refused:
        content = delivery.path.read_bytes()
    rows, refused = read_mail(content)
    return spool_rows(con, delivery, rows, columns=COLUMNS, format="mail", refused=lambda: refused)


def read_mail(content: bytes) -> tuple[list[Row], list[Refused]]:
    """Rows and refused lines of one mail; one of the two is never empty."""
    try:
        mail = message_from_bytes(content[:MAX_BYTES], policy=default)
        lines, body = _lines(mail)
        sent = _date(mail.get("Date"))
        subject = str(mail.get("Subject", ""))
        sender, message_id = str(mail.get("From", "")), str(mail.get("Message-ID", "")).strip()
    except (MessageError, LookupError, ValueError, AttributeError, TypeError, IndexError) as error:
        return [], [Refused("mail", "unreadable_mail", f"the mail is damaged ({error})", content)]
    if sent is None:
        return [], [Refused("mail", "missing_time", "the mail has no date", content)]
    inner_sent, inner_sender = _innermost(body)
    context = {
        "occurred_at": (inner_sent or sent).isoformat(),
        "recorded_at": sent.isoformat(),
        "actor": inner_sender or sender or None,
        "message_id": message_id or None,
        "subject": subject,
        "forwarded": "true" if inner_sender or inner_sent or _is_forward(subject) else None,
        "confidence": Confidence.PARSED_FROM_EMAIL.value,
    }
    rows, refused = _rows(lines, context, subject)
    if not rows:
        why = "no line of the mail can be read as an inspection of a return line"
        return [], [Refused("mail", "no_inspection_line", why, content)]
    return rows, refused


def _is_forward(subject: str) -> bool:
    return bool(re.match(r"\s*(fwd?|wg|tr|rv)\s*:", subject, re.I))


def _rows(
    lines: list[Line], context: dict[str, str | None], subject: str
) -> tuple[list[Row], list[Refused]]:
    rows: list[Row] = []
    refused: list[Refused] = []
    above: Fields | None = None
    named = rma_numbers(subject)
    site = _SITE.search(subject)
    seen: Counter[str] = Counter()
    for number, line in enumerate(lines, start=1):
        fields = read_fields(line, above, named)
        if fields is None:
            detail = "the line names no RMA or states nothing about it"
            refused.append(
                Refused(f"mail line {number}", "unparsed_line", detail, line.written.encode())
            )
            continue
        above = fields
        if site:
            fields.values.setdefault("site", re.sub(r"[ -]", "", site[0]).upper())
        row = _row(line, fields, context)
        seen[str(row["line_id"])] += 1
        row["line_id"] = f"{row['line_id']}-{seen[str(row['line_id'])]}"
        rows.append(row)
    return rows, refused


def _row(line: Line, fields: Fields, context: dict[str, str | None]) -> dict[str, str | None]:
    values = fields.values
    rma, item = values["rma"], values.get("line")
    told = sorted((name, value) for name, value in values.items() if name != "site")
    occurred = values.get("inspected_on") or context["occurred_at"]
    return {
        **context,
        **{name: values.get(name) for name in FIELDS},
        "occurred_at": occurred,
        "line_id": hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32],
        "case_id": f"{rma}:{item}" if item else rma,
        "rma": rma,
        "rma_line": item,
        "written": line.written,
        "field_confidence": json.dumps(fields.confidence, sort_keys=True),
        "other_columns": json.dumps(line.extra) if line.extra else None,
    }


def _lines(mail: Message) -> tuple[list[Line], list[str]]:
    """Inspection lines of a mail from the body that states them best, and its plain text."""
    plain, hyper = [], []
    for part in mail.walk():
        kind = part.get_content_type()
        if kind in {"text/plain", "text/csv"}:
            plain.append(_content(part))
        elif kind == "text/html":
            hyper.append(_content(part))
    body = [line for text in plain for line in unquoted(text)]
    tables = [line for text in hyper for line in html_lines(text)]
    if tables:
        return tables, body
    lines = list(text_lines(body))
    if not lines and hyper:
        body = [line for text in hyper for line in unquoted(html_text(text))]
        lines = list(text_lines(body))
    return lines, body


def _content(part: Message) -> str:
    if isinstance(part, EmailMessage):
        try:
            return str(part.get_content())
        except (LookupError, UnicodeError, KeyError, ValueError):
            pass
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _innermost(body: list[str]) -> tuple[datetime | None, str | None]:
    """Date and sender of the mail at the bottom of a forwarded chain."""
    dates = list(filter(None, (_date(found[1]) for found in _matches(_INNER_DATE, body))))
    senders = [found[1].strip() for found in _matches(_INNER_FROM, body)]
    return (dates[-1] if dates else None), (senders[-1] if senders else None)


def _matches(pattern: re.Pattern[str], body: list[str]) -> Iterator[re.Match[str]]:
    return filter(None, map(pattern.match, body))


def _date(text: object) -> datetime | None:
    """A mail's date; None unless it is complete."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(str(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
