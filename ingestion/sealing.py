"""From the inbox to the lake: waiting messages become numbered batches, taken in by the one door.

A batch's files have names of their own and the lake remembers deliveries by name, so a crash at
any moment loses nothing and doubles nothing: what was half done is done first the next time.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from ingestion.database import INBOX, INBOX_BATCHES, writing
from ingestion.database import engine as open_engine
from ingestion.door import Door
from ingestion.errors import HomeIsBusy, RetraceError
from ingestion.inbox import has_waiting
from ingestion.intake import Counts, utc_now
from ingestion.lake import Lake
from ingestion.limits import MAX_NESTING, nesting
from ingestion.mapping import LOG, Mapping, load_mapping, recognise
from ingestion.settings import Settings

BATCH = 20_000
"""Messages in one batch, at most."""

FALLBACK = "cloudevents"
_MAX_DEPTH = 4
_NOTHING = {"subject": None, "type": None, "time": None}

log = logging.getLogger("retrace.inbox")


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


def seal_while_messages_come(
    settings: Settings, *, pause_seconds: float, linger_seconds: float = 30.0
) -> None:
    """Seal again and again, until no message came for a while; a busy lake is waited for."""
    engine = open_engine(settings)
    idle_since = time.monotonic()
    try:
        while time.monotonic() - idle_since < linger_seconds:
            if has_waiting(engine):
                with suppress(HomeIsBusy):
                    seal(settings, engine)
                idle_since = time.monotonic()
            time.sleep(pause_seconds)
    finally:
        engine.dispose()


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
        return {"ce": {**_NOTHING, "id": message_id, "source": source}, "raw": text}
    is_webhook = {"type", "timestamp", "data"} <= said.keys()  # Standard Webhooks
    if "specversion" in said or is_webhook:
        data = said.get("data")
        envelope = {name: value for name, value in said.items() if name != "data"}
        envelope |= {"time": said["timestamp"]} if is_webhook else {}
    else:
        data, envelope = said, {}
    if not isinstance(data, dict) or "ce" in data:
        data = {} if data is None else {"data": data}
    return {**data, "ce": {**_NOTHING, **envelope, "id": message_id, "source": source}}


def _parsed(body: bytes) -> Any:
    """What a body says; None if it is no JSON, or nested so deep that no reader would take it."""
    try:
        text = body.decode()
        return json.loads(text) if nesting(text) < MAX_NESTING else None
    except (ValueError, RecursionError):
        return None


def _paths(record: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[str]:
    for key, value in record.items():
        if isinstance(value, dict) and value and len(before) < _MAX_DEPTH - 1:
            yield from _paths(value, (*before, key))
        else:
            yield ".".join((*before, key))


def _resolver(mapping: str, source: str) -> Callable[[object, object], Mapping]:
    chosen = replace(load_mapping(mapping), source=source)
    return lambda _delivery, _raw: chosen


def main(home: str, pause_seconds: str) -> int:
    """Entry of the process that ``retrace serve`` starts."""
    try:
        seal_while_messages_come(Settings.load(home), pause_seconds=float(pause_seconds))
    except RetraceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
