"""Storing what requests did: many requests, one transaction, answered only after its commit.

A request hands over an ``Effect`` (rows, audit facts and, if it came with an ``Idempotency-Key``,
the reply to remember). One writer thread takes every effect that is waiting and commits them
together; so the disk is flushed once for many requests, and no caller is ever answered before
the rows of its answer are durable.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from ingestion.database import IDEMPOTENCY, writing
from scoring_api.audit import AuditFact, append
from scoring_api.problems import Problem
from scoring_api.workers import GroupWorker

GROUP = 256


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and body a caller got, or gets again."""

    status: int
    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """An ``Idempotency-Key`` of one caller for one payload."""

    caller: str
    key: str
    fingerprint: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """Everything one request stores, all or nothing; ``reply`` is its answer."""

    at: datetime
    reply: Reply
    rows: Sequence[tuple[sa.Table, dict[str, Any]]] = ()
    audit: Sequence[AuditFact] = ()
    claim: Claim | None = field(default=None)


class Journal:
    """The one writer of an app's database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._worker: GroupWorker[Effect, Reply] = GroupWorker(
            self._commit, name="retrace-journal", limit=GROUP
        )

    async def store(self, effect: Effect) -> Reply:
        """Commit an effect; its reply, or the one given earlier for the same key and payload.

        Raises
        ------
        Problem
            422 if the key was used for another payload.
        """
        return await self._worker.submit(effect)

    def close(self) -> None:
        """Commit what is waiting, then stop."""
        self._worker.close()

    def _commit(self, effects: Sequence[Effect]) -> Sequence[Reply | Exception]:
        with writing(self._engine) as connection:
            results: list[Reply | Exception] = []
            fresh: list[Effect] = []
            for effect in effects:
                earlier = effect.claim and find_reply(connection, effect.claim, at=effect.at)
                results.append(earlier or effect.reply)
                if earlier is None:
                    fresh.append(effect)
                    if effect.claim:
                        _remember(connection, effect.claim, effect.reply, at=effect.at)
            _insert(connection, [row for effect in fresh for row in effect.rows])
            append(connection, [fact for effect in fresh for fact in effect.audit])
        return results


def find_reply(connection: Connection, claim: Claim, *, at: datetime) -> Reply | Problem | None:
    """What an earlier request with this key got, the refusal of another payload, or nothing."""
    row = connection.execute(
        sa.select(IDEMPOTENCY).where(
            IDEMPOTENCY.c.caller == claim.caller,
            IDEMPOTENCY.c.key == claim.key,
            IDEMPOTENCY.c.expires_at > at,
        )
    ).first()
    if row is None:
        return None
    if row.fingerprint != claim.fingerprint:
        return Problem(
            422,
            "This Idempotency-Key was used for another request. "
            "Use a new key for a new request, and the same body for a retry.",
        )
    return Reply(status=row.status, body=row.body, replayed=True)


def _remember(connection: Connection, claim: Claim, reply: Reply, *, at: datetime) -> None:
    connection.execute(
        sa.delete(IDEMPOTENCY).where(
            (IDEMPOTENCY.c.expires_at <= at)
            | ((IDEMPOTENCY.c.caller == claim.caller) & (IDEMPOTENCY.c.key == claim.key))
        )
    )
    connection.execute(
        sa.insert(IDEMPOTENCY).values(
            caller=claim.caller,
            key=claim.key,
            fingerprint=claim.fingerprint,
            status=reply.status,
            body=reply.body,
            expires_at=claim.expires_at,
        )
    )


def _insert(connection: Connection, rows: Sequence[tuple[sa.Table, dict[str, Any]]]) -> None:
    by_table: dict[sa.Table, list[dict[str, Any]]] = {}
    for table, row in rows:
        by_table.setdefault(table, []).append(row)
    for table, values in by_table.items():
        connection.execute(sa.insert(table), values)
