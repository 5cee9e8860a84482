"""The inbox: messages are stored as they came, once, before anybody is told that we have them.

``store`` keeps raw bytes under a unique (source, message id) in the caller's transaction; only
after its commit may a message be acknowledged. ``ingestion.sealing`` takes them to the lake.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from ingestion.database import INBOX, INBOX_BATCHES, writing

PRUNED = "application/vnd.retrace.sha256"
"""Content type of a message of which only the SHA-256 of its body is left."""

_TOGETHER = 300
_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came.

    Parameters
    ----------
    source, message_id : str
        Together its identity: the same pair again is a duplicate, whatever it holds.
    channel : str
        How it came: ``webhook``, ``nats``, ``amqp``, ``kafka``.
    body : bytes
        A CloudEvent in JSON, or whatever the producer sent.
    """

    source: str
    message_id: str
    channel: str
    body: bytes
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """received = stored + duplicate, always; ``waiting`` are stored and not yet in the lake.

    ``differing`` duplicates came with other bytes than the message they repeat; the first counts.
    """

    source: str
    received: int
    stored: int
    duplicate: int
    differing: int
    waiting: int


def store(connection: Connection, messages: Sequence[Message], *, now: datetime) -> list[bool]:
    """Store messages inside a transaction of ``ingestion.database.writing``.

    Returns
    -------
    list of bool
        Whether each message is new; a duplicate is counted and not stored again.
    """
    known = _known(connection, messages)
    fresh: dict[tuple[str, str], dict[str, Any]] = {}
    again: dict[tuple[str, str], list[bool]] = {}
    answer = []
    for message in messages:
        identity = message.source, message.message_id
        first = known.get(identity) or (fresh[identity]["body"] if identity in fresh else None)
        answer.append(first is None)
        if first is None:
            fresh[identity] = _to_row(message, now)
        else:
            again.setdefault(identity, []).append(first not in _forms(message.body))
    if fresh:
        connection.execute(sa.insert(INBOX), list(fresh.values()))
    if again:
        connection.execute(_REPEATED, [_to_repeat(*item) for item in again.items()])
    return answer


def counts(engine: Engine) -> list[InboxCounts]:
    """What came per source, in the order of their names."""
    table = INBOX.c
    delivered = sa.select(INBOX_BATCHES.c.batch).where(INBOX_BATCHES.c.delivered_at.is_not(None))
    waiting = sa.case((table.batch.in_(delivered), 0), else_=1)
    query = (
        sa.select(
            table.source,
            sa.func.sum(table.copies),
            sa.func.count(),
            sa.func.sum(table.copies) - sa.func.count(),
            sa.func.sum(table.differing),
            sa.func.sum(waiting),
        )
        .group_by(table.source)
        .order_by(table.source)
    )
    with engine.connect() as connection:
        return [InboxCounts(str(row[0]), *map(int, row[1:])) for row in connection.execute(query)]


def has_waiting(engine: Engine) -> bool:
    """Whether a message is stored that is not in the lake."""
    waiting = sa.select(INBOX.c.seq).where(INBOX.c.batch.is_(None)).limit(1)
    open_batch = sa.select(INBOX_BATCHES.c.batch).where(INBOX_BATCHES.c.delivered_at.is_(None))
    with engine.connect() as connection:
        return any(connection.execute(query).first() for query in (waiting, open_batch))


def prune(engine: Engine, *, before: datetime) -> int:
    """Forget the bodies of messages that were in the lake by then; answer how many.

    Their identities and the SHA-256 of their bodies stay, so a repetition is still a duplicate and
    one that says something else is still noticed.
    """
    done = sa.select(INBOX_BATCHES.c.batch).where(INBOX_BATCHES.c.delivered_at < before)
    whole = sa.or_(INBOX.c.content_type.is_(None), INBOX.c.content_type != PRUNED)
    query = sa.select(INBOX.c.seq, INBOX.c.body).where(INBOX.c.batch.in_(done), whole).limit(_PAGE)
    pruned = 0
    while True:
        with writing(engine) as connection:
            rows = connection.execute(query).all()
            if not rows:
                return pruned
            digests = [{"b_seq": seq, "b_body": _digest(body)} for seq, body in rows]
            connection.execute(_FORGOTTEN, digests)
        pruned += len(rows)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def _forms(body: bytes) -> tuple[bytes, bytes]:
    """What the inbox may hold of a body: itself, or its digest once it was pruned."""
    return body, _digest(body)


def _known(connection: Connection, messages: Sequence[Message]) -> dict[tuple[str, str], bytes]:
    known: dict[tuple[str, str], bytes] = {}
    identities = sorted({(message.source, message.message_id) for message in messages})
    for start in range(0, len(identities), _TOGETHER):
        some = identities[start : start + _TOGETHER]
        query = sa.select(INBOX.c.source, INBOX.c.message_id, INBOX.c.body).where(
            sa.tuple_(INBOX.c.source, INBOX.c.message_id).in_(some)
        )
        known |= {(source, name): body for source, name, body in connection.execute(query)}
    return known


def _to_row(message: Message, now: datetime) -> dict[str, Any]:
    return {
        "source": message.source,
        "message_id": message.message_id,
        "channel": message.channel,
        "content_type": message.content_type,
        "body": message.body,
        "received_at": now,
        "copies": 1,
        "differing": 0,
    }


def _to_repeat(identity: tuple[str, str], differing: list[bool]) -> dict[str, Any]:
    return {
        "b_source": identity[0],
        "b_message_id": identity[1],
        "b_copies": len(differing),
        "b_differing": sum(differing),
    }


_FORGOTTEN = (
    sa.update(INBOX)
    .where(INBOX.c.seq == sa.bindparam("b_seq"))
    .values(body=sa.bindparam("b_body"), content_type=PRUNED)
)

_REPEATED = (
    sa.update(INBOX)
    .where(
        INBOX.c.source == sa.bindparam("b_source"),
        INBOX.c.message_id == sa.bindparam("b_message_id"),
    )
    .values(
        copies=INBOX.c.copies + sa.bindparam("b_copies"),
        differing=INBOX.c.differing + sa.bindparam("b_differing"),
    )
)
