"""Signed webhooks after Standard Webhooks 1.0: who sent these bytes, and not long ago.

A sender's secret is a file ``secrets/webhooks/NAME`` of the home, readable by its owner alone
(an HMAC needs the secret itself, a hash would not do). Two files make two secrets valid, so a
secret can be replaced without a gap.
"""

import base64
import binascii
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingestion.errors import RetraceError
from ingestion.settings import Settings
from scoring_api.problems import Problem

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class BadSenderName(RetraceError):
    """A webhook sender's name cannot be a file name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} cannot name a webhook sender. "
            "Use up to 64 of a-z, 0-9, dot, dash and underscore."
        )


def create_webhook_secret(settings: Settings, name: str) -> str:
    """Make (or replace) the secret of a sender; give it to them, it signs their webhooks.

    Raises
    ------
    BadSenderName
    """
    if not _NAME.fullmatch(name):
        raise BadSenderName(name)
    folder = settings.secrets_dir / "webhooks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    draft = folder / f".{name}-{secrets.token_hex(4)}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
    draft.replace(folder / name)
    return secret


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who may sign webhooks; the secret itself is never shown again."""

    name: str
    created_at: datetime

    def to_dict(self) -> dict[str, str]:
        return {"name": self.name, "created_at": self.created_at.isoformat()}


class UnknownSender(RetraceError):
    """No webhook sender has that name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"No webhook sender is called {name!r}. See: retrace webhooks list")


def list_senders(settings: Settings) -> list[Sender]:
    """Senders whose signature is accepted now, by name."""
    return [
        Sender(path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        for path in _secret_files(settings.secrets_dir / "webhooks")
    ]


def revoke_webhook_secret(settings: Settings, name: str) -> None:
    """Accept a sender's signature no more, from the next webhook on.

    Raises
    ------
    UnknownSender
    """
    if name not in {sender.name for sender in list_senders(settings)}:
        raise UnknownSender(name)
    (settings.secrets_dir / "webhooks" / name).unlink()


def _secret_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name)]


class Webhooks:
    """Verifies signatures with the secrets of a home, read anew for every webhook."""

    def __init__(self, secrets_dir: Path) -> None:
        self._folder = secrets_dir / "webhooks"

    def sender(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
        """Name whose secret signed this body a moment ago.

        Raises
        ------
        Problem
            401: no secret signed it, or not within five minutes of ``now``.
        """
        message_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not message_id or not re.fullmatch(r"\d{1,12}", sent, re.ASCII):
            raise _refused("A signed webhook needs the headers webhook-id and webhook-timestamp.")
        if abs(now.timestamp() - int(sent)) > TOLERANCE_SECONDS:
            raise _refused("The webhook-timestamp is more than five minutes away from our clock.")
        given = _signatures(headers.get("webhook-signature", ""))
        signed = f"{message_id}.{sent}.".encode() + body
        for name, secret in self._secrets().items():
            expected = hmac.digest(secret, signed, "sha256")
            if any(hmac.compare_digest(expected, signature) for signature in given):
                return name
        raise _refused("No known secret made this webhook-signature.")

    def _secrets(self) -> dict[str, bytes]:
        return {
            path.name: base64.b64decode(path.read_text().strip().removeprefix(PREFIX))
            for path in _secret_files(self._folder)
        }


def _signatures(header: str) -> list[bytes]:
    found = []
    for part in header.split():
        version, _, signature = part.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(signature, validate=True))
            except binascii.Error:
                continue
    return found


def _refused(detail: str) -> Problem:
    challenge = {"WWW-Authenticate": 'Bearer realm="retrace"'}
    return Problem(401, detail, headers=challenge)
