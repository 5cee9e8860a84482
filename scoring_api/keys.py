"""API keys: 256 random bits, kept only as a peppered SHA-256.

A key reads ``rtr_<key id>_<secret>``. The pepper is a file of the home's ``secrets`` folder, so
a copy of the database alone cannot be used to test guesses. A slow password hash would buy
nothing against 256 random bits and cost every request its time.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from ingestion.database import API_KEYS, writing
from ingestion.errors import RetraceError
from ingestion.keys import create_once
from scoring_api.audit import AuditFact, append

PREFIX = "rtr"
OPERATOR = "operator"


class UnknownApiKey(RetraceError):
    """There is no API key of that id."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"There is no API key {key_id!r}. See the ids with: retrace keys list")


class UnreadablePepper(RetraceError):
    """The secret that API keys are hashed with is missing or damaged."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; never its secret.

    ``sites`` are the only sites its holder may see, all of them when None.
    """

    key_id: str
    name: str
    sites: frozenset[str] | None
    created_at: datetime
    revoked_at: datetime | None
    secret_hash: str

    def to_dict(self) -> dict[str, object]:
        """Public facts, for a listing."""
        return {
            "key_id": self.key_id,
            "name": self.name,
            "sites": None if self.sites is None else sorted(self.sites),
            "created_at": self.created_at.isoformat(),
            "revoked_at": self.revoked_at and self.revoked_at.isoformat(),
        }


def create_key(engine: Engine, name: str, *, sites: Sequence[str] | None = None) -> tuple[str, str]:
    """Make a key and store its hash.

    Returns
    -------
    (key_id, key)
        The key is shown this once and cannot be recovered.
    """
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    row = {
        "key_id": key_id,
        "name": name,
        "secret_hash": hash_secret(secret, pepper=pepper(engine)),
        "sites": None if sites is None else sorted(set(sites)),
        "created_at": now,
    }
    with writing(engine) as connection:
        connection.execute(sa.insert(API_KEYS).values(row))
        append(connection, [AuditFact(now, OPERATOR, "key created", key_id, {"name": name})])
    return key_id, f"{PREFIX}_{key_id}_{secret}"


def list_keys(engine: Engine) -> list[ApiKey]:
    """All keys, oldest first, revoked ones included."""
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.key_id)
        )
        return [_to_key(row) for row in rows]


def find_key(engine: Engine, key_id: str) -> ApiKey | None:
    """Look one key up by its id."""
    with engine.connect() as connection:
        row = connection.execute(sa.select(API_KEYS).where(API_KEYS.c.key_id == key_id)).first()
        return None if row is None else _to_key(row)


def revoke_key(engine: Engine, key_id: str) -> ApiKey:
    """End a key; running servers honour it within seconds. Revoking twice changes nothing.

    Raises
    ------
    UnknownApiKey
    """
    now = datetime.now(UTC)
    with writing(engine) as connection:
        changed = connection.execute(
            sa.update(API_KEYS)
            .where(API_KEYS.c.key_id == key_id, API_KEYS.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        if changed.rowcount:
            append(connection, [AuditFact(now, OPERATOR, "key revoked", key_id, {})])
    found = find_key(engine, key_id)
    if found is None:
        raise UnknownApiKey(key_id)
    return found


def split_key(key: str) -> tuple[str, str] | None:
    """Key id and secret of a key's text, None if it is not the text of a key."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or len(key_id) != 16 or len(secret) != 43 or not key.isascii():
        return None
    return key_id, secret


def hash_secret(secret: str, *, pepper: bytes) -> str:
    """Peppered SHA-256 of a secret, 64 hexadecimal digits."""
    return hashlib.sha256(pepper + secret.encode()).hexdigest()


def pepper(engine: Engine) -> bytes:
    """Read the home's pepper, made on first use, readable by its owner alone.

    Raises
    ------
    UnreadablePepper
        The file is shorter than the 32 bytes it was made with.
    """
    path = Path(engine.get_execution_options()["secrets_dir"]) / "api-key-pepper"
    create_once(path, secrets.token_bytes(32))
    content = path.read_bytes()
    if len(content) != 32:
        raise UnreadablePepper(f"{path} holds {len(content)} bytes instead of 32. Restore it.")
    return content


def _to_key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        sites=None if row.sites is None else frozenset(row.sites),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        secret_hash=row.secret_hash,
    )


EMPTY_HASH = hashlib.sha256(b"").hexdigest()
"""Compared with when a key id is unknown, so that both refusals take the same time."""
