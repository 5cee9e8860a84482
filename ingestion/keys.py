"""Secrets of one home: random files only their owner can read."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def secret(folder: Path, name: str) -> str:
    """Return the secret called ``name``, creating 256 random bits on first use."""
    path = folder / name
    create_once(path, secrets.token_hex(32).encode() + b"\n")
    return path.read_text(encoding="ascii").strip()


def create_once(path: Path, content: bytes) -> None:
    """Write a file only its owner can read, unless it is already there.

    It appears whole: of several processes that create it at once, one wins for all.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with NamedTemporaryFile(dir=path.parent) as draft:
        draft.write(content)
        draft.flush()
        with suppress(FileExistsError):
            os.link(draft.name, path)
