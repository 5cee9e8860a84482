"""Secrets of one home: random files only their owner can read."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def secret(folder: Path, name: str) -> str:
    """Return the secret called ``name``, creating 256 random bits on first use.

    The file appears whole: of several processes that create it at once, one wins for all.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    if not path.exists():
        with NamedTemporaryFile("w", dir=folder, encoding="ascii") as fresh:
            fresh.write(secrets.token_hex(32) + "\n")
            fresh.flush()
            with suppress(FileExistsError):
                os.link(fresh.name, path)
    return path.read_text(encoding="ascii").strip()
