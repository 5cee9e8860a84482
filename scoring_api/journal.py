"""Storing what requests did: rows, audit facts and replies to remember, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from ingestion.database import IDEMPOTENCY, writing
from scoring_api.audit import AuditFact, append
from scoring_api.problems import Problem


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
    """Everything one request stores, all or nothing; ``reply`` is its answer.

    ``act`` writes by itself inside the transaction and gives the reply.
    """

    at: datetime
    reply: Reply
    act: Callable[[Connection], Reply] | None = None
    rows: Sequence[tuple[sa.Table, dict[str, Any]]] = ()
    audit: Sequence[AuditFact] = ()
    claim: Claim | None = field(default=None)


def commit(engine: Engine, effects: Sequence[Effect]) -> list[Reply | Exception]:
    """Store effects in one transaction; each one's reply, an earlier reply, or a refusal."""
    with writing(engine) as connection:
        results: list[Reply | Exception] = []
        fresh: list[Effect] = []
        for effect in effects:
            claim = effect.claim
            earlier = find_reply(connection, claim, at=effect.at) if claim else None
            if earlier is not None:
                results.append(earlier)
                continue
            reply = effect.act(connection) if effect.act else effect.reply
            results.append(reply)
            fresh.append(effect)
            if claim:
                _remember(connection, claim, reply, at=effect.at)
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


@cache
def _inserting(table: sa.Table) -> sa.Insert:
    return sa.insert(table)


def _insert(connection: Connection, rows: Sequence[tuple[sa.Table, dict[str, Any]]]) -> None:
    by_table: dict[sa.Table, list[dict[str, Any]]] = {}
    for table, row in rows:
        by_table.setdefault(table, []).append(row)
    for table, values in by_table.items():
        connection.execute(_inserting(table), values)
