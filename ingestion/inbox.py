"""The inbox: messages are stored as they came, once, before anybody is told that we have them.

``store`` keeps raw bytes under a unique (source, message id) in the caller's transaction; only
after its commit may a message be acknowledged. ``seal`` gathers what is waiting into numbered
batches and brings them into the lake through the one door. A batch's files have names of their
own and the lake remembers deliveries by name and content, so a crash at any moment loses nothing
and doubles nothing.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from ingestion.database import INBOX, INBOX_BATCHES, writing
from ingestion.door import Door
from ingestion.intake import Counts, utc_now
from ingestion.lake import Lake
from ingestion.mapping import LOG, Mapping, load_mapping, recognise
from ingestion.settings import Settings

BATCH = 20_000
"""Messages in one batch, at most."""

FALLBACK = "cloudevents"
_ENVELOPE = ("id", "source", "type", "subject", "time")
_MAX_DEPTH = 4
_TOGETHER = 300

log = logging.getLogger("retrace.inbox")


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
            again.setdefault(identity, []).append(first != message.body)
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


def seal(settings: Settings, engine: Engine, *, now: Callable[[], datetime] = utc_now) -> Counts:
    """Bring everything that waits into the lake; what a crash left half done comes first.

    Raises
    ------
    HomeIsBusy
        Another process is writing to the lake; nothing is lost by trying again.
    """
    lake = Lake(settings.home)
    taken: list[dict[str, Any]] = []
    with lake.writing():
        while (batch := _open_batch(engine, now())) is not None:
            taken += _deliver(settings, lake, engine, batch, now)
            with writing(engine) as connection:
                connection.execute(
                    sa.update(INBOX_BATCHES)
                    .where(INBOX_BATCHES.c.batch == batch)
                    .values(delivered_at=now())
                )
    return Counts.of(taken)


def _open_batch(engine: Engine, at: datetime) -> int | None:
    """The oldest batch that is not in the lake; a new one of waiting messages, or None."""
    undelivered = (
        sa.select(INBOX_BATCHES.c.batch)
        .where(INBOX_BATCHES.c.delivered_at.is_(None))
        .order_by(INBOX_BATCHES.c.batch)
        .limit(1)
    )
    waiting = (
        sa.select(INBOX.c.seq).where(INBOX.c.batch.is_(None)).order_by(INBOX.c.seq).limit(BATCH)
    )
    with writing(engine) as connection:
        left = connection.execute(undelivered).scalar()
        if left is not None:
            return int(left)
        newest = connection.execute(sa.select(sa.func.max(INBOX_BATCHES.c.batch))).scalar() or 0
        chosen = sa.update(INBOX).where(INBOX.c.seq.in_(waiting)).values(batch=newest + 1)
        messages = connection.execute(chosen).rowcount
        if not messages:
            return None
        row = {"batch": newest + 1, "messages": messages, "sealed_at": at}
        connection.execute(sa.insert(INBOX_BATCHES), row)
        return int(newest) + 1


def _deliver(
    settings: Settings, lake: Lake, engine: Engine, batch: int, now: Callable[[], datetime]
) -> list[dict[str, Any]]:
    """Write a batch's records as files, one per source and mapping, and take them in."""
    folder = settings.tmp_dir / "inbox"
    folder.mkdir(parents=True, exist_ok=True)
    door = Door(settings, lake, now)
    done = _delivered_names(door, batch)
    paths = []
    for number, ((source, mapping), lines) in enumerate(sorted(_grouped(engine, batch).items())):
        path = folder / f"inbox-{batch:08}-{number:04}.jsonl"
        if path.name not in done:
            path.write_bytes(b"\n".join(lines) + b"\n")
            door.take_file(path, _resolver(mapping, source), source=source, explicit=False)
            paths.append(path)
    door.session.commit()
    for path in paths:
        path.unlink()
    log.info("batch %d: %d deliveries", batch, len(door.taken))
    return door.taken


def _delivered_names(door: Door, batch: int) -> set[str]:
    rows = door.session.con.execute(
        "select name from deliveries where name like ?", [f"inbox-{batch:08}-%"]
    )
    return {name for (name,) in rows.fetchall()}


def _grouped(engine: Engine, batch: int) -> dict[tuple[str, str], list[bytes]]:
    query = sa.select(INBOX).where(INBOX.c.batch == batch).order_by(INBOX.c.seq)
    groups: dict[tuple[str, str], list[bytes]] = {}
    known: dict[frozenset[str], Mapping | None] = {}
    with engine.connect() as connection:
        for row in connection.execute(query):
            record = to_record(row.source, row.message_id, row.body)
            columns = frozenset(_paths(record))
            if columns not in known:
                known[columns] = recognise("jsonl", tuple(sorted(columns)))
            mapping = known[columns] or load_mapping(FALLBACK)
            generic = mapping.source in {LOG, FALLBACK}
            source = str(row.source) if generic else mapping.source
            groups.setdefault((source, mapping.name), []).append(orjson.dumps(record))
    return groups


def to_record(source: str, message_id: str, body: bytes) -> dict[str, Any]:
    """One flat record for the readers: the data's fields, and the envelope under ``ce``.

    A message that is no CloudEvent keeps its text under ``raw``; it will be quarantined for what
    it lacks, whole.
    """
    said = _parsed(body)
    if not isinstance(said, dict):
        text = body.decode(errors="backslashreplace")
        return {"ce": {"id": message_id, "source": source, "type": None}, "raw": text}
    is_event = "specversion" in said
    envelope = {name: said.get(name) for name in _ENVELOPE} if is_event else {"type": None}
    envelope |= {"id": message_id, "source": source}
    extensions = {k: v for k, v in said.items() if k not in _NOT_EXTENSIONS} if is_event else {}
    data = said.get("data", {}) if is_event else said
    if not isinstance(data, dict) or "ce" in data:
        data = {"data": data}
    return {**data, "ce": {**extensions, **envelope}}


_NOT_EXTENSIONS = frozenset({*_ENVELOPE, "data", "data_base64", "specversion"})


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _paths(record: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[str]:
    for key, value in record.items():
        if isinstance(value, dict) and value and len(before) < _MAX_DEPTH - 1:
            yield from _paths(value, (*before, key))
        else:
            yield ".".join((*before, key))


def _resolver(mapping: str, source: str) -> Callable[[object, object], Mapping]:
    from dataclasses import replace

    chosen = replace(load_mapping(mapping), source=source)
    return lambda _delivery, _raw: chosen


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
