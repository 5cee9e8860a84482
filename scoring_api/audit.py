"""The audit chain: every row holds the SHA-256 of its content and of the row before it.

Rows are appended inside the transaction of what they tell of, so an effect without its audit row
cannot exist. ``verify`` finds a changed, removed or inserted row; what a chain alone cannot find
is a rewrite of everything from one row to the end, which needs an anchor kept elsewhere.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from ingestion.database import AUDIT

GENESIS = "0" * 64
_NEWEST = sa.select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
_INSERT = sa.insert(AUDIT)


@dataclass(frozen=True, slots=True)
class AuditFact:
    """Somebody did something to something: what the chain remembers."""

    at: datetime
    caller: str
    action: str
    subject: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of reading the whole chain: ``broken_at`` is the first row that does not fit."""

    rows: int
    broken_at: int | None


def append(connection: Connection, facts: Sequence[AuditFact]) -> None:
    """Chain facts to the end, inside a transaction of ``ingestion.database.writing``."""
    if not facts:
        return
    row = connection.execute(_NEWEST).first()
    seq, previous = (row.seq, row.hash) if row else (0, GENESIS)
    rows = []
    for fact in facts:
        seq += 1
        details = canonical(fact.details)
        digest = _digest(seq, fact.at, fact.caller, fact.action, fact.subject, details, previous)
        rows.append(
            {
                "seq": seq,
                "at": fact.at,
                "caller": fact.caller,
                "action": fact.action,
                "subject": fact.subject,
                "details": details,
                "previous": previous,
                "hash": digest,
            }
        )
        previous = digest
    connection.execute(_INSERT, rows)


def verify(engine: Engine) -> Verdict:
    """Recompute the chain from its first row."""
    previous, count = GENESIS, 0
    with engine.connect() as connection:
        for row in connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq)):
            count += 1
            expected = _digest(
                count, row.at, row.caller, row.action, row.subject, row.details, previous
            )
            if row.seq != count or row.previous != previous or row.hash != expected:
                return Verdict(rows=count, broken_at=row.seq)
            previous = row.hash
    return Verdict(rows=count, broken_at=None)


def canonical(content: object) -> str:
    """One text per content: sorted keys, no spaces."""
    return orjson.dumps(content, default=str, option=orjson.OPT_SORT_KEYS).decode()


def fingerprint(content: bytes | str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _digest(seq: int, at: datetime, *parts: str) -> str:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return fingerprint(orjson.dumps([seq, moment, *parts]))
