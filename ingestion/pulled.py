"""What was pulled from elsewhere: kept as files in the home, with a note of how far we are.

Every place has a folder ``home/pulled/ID`` that only its owner can read. What was pulled is a
delivery like any other file, so it can be loaded again with a corrected mapping. The note moves on
only once a delivery is in the lake: a crash in between makes it come again, as duplicates.
"""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from ingestion.errors import RetraceError
from ingestion.settings import Settings

PASSWORD = "RETRACE_SOURCE_PASSWORD"


class CannotPull(RetraceError):
    """A database or mailbox cannot be read."""

    def __init__(self, place: str, why: object) -> None:
        self.place = place
        super().__init__(f"Cannot read {place}: {' '.join(str(why).split())}")


class Pulled:
    """The folder of one place.

    Parameters
    ----------
    place : str
        What is read, without a password, for people.
    identity : str
        Everything that makes this place another one, such as the query.
    """

    def __init__(self, settings: Settings, place: str, identity: str = "") -> None:
        self.place = place
        digest = hashlib.sha256(f"{place}\x1f{identity}".encode()).hexdigest()[:16]
        self.folder = settings.home / "pulled" / digest
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._note = self.folder / "position.json"

    def position(self) -> dict[str, Any]:
        """How far we are; empty before the first time."""
        if not self._note.exists():
            return {}
        return dict(json.loads(self._note.read_text(encoding="utf-8")))

    def advance(self, position: dict[str, Any]) -> None:
        """Note how far the lake is; the note appears whole or not at all."""
        said = {"place": self.place, "noted_at": datetime.now(UTC).isoformat(), **position}
        draft = self._note.with_name(f".{self._note.name}-{uuid4().hex[:8]}")
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(said))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._note)


def password_of(settings: Settings, user: str, host: str) -> str | None:
    """Password of a source: the environment's, else the file ``secrets/sources/USER@HOST``."""
    if PASSWORD in os.environ:
        return os.environ[PASSWORD]
    kept = password_file(settings, user, host)
    return kept.read_text(encoding="utf-8").rstrip("\r\n") if kept.is_file() else None


def password_file(settings: Settings, user: str, host: str) -> Path:
    """Where the password of a source may be kept."""
    return settings.secrets_dir / "sources" / quote(f"{user}@{host}", safe="@")
