"""A mailbox as a source: mails of one folder by IMAP, fetched without marking them as read.

How far we are is the folder's UIDVALIDITY and the highest UID in the lake. Where the server starts
to number anew, the folder is read from its beginning and mails we have are duplicates.
"""

import base64
import imaplib
import re
import ssl
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ingestion.pulled import PASSWORD, CannotPull, Pulled, password_file, password_of
from ingestion.readers.inspection_mail import MAX_BYTES
from ingestion.settings import Settings

TOGETHER = 100
"""Mails of one commit."""

_PORTS = {"imap": 143, "imaps": 993}
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a mailbox, taken from ``imaps://USER@HOST[:PORT]/FOLDER``."""

    tls: bool
    user: str
    host: str
    port: int
    name: str
    password: str | None

    def __str__(self) -> str:
        return f"{self.name} of {self.user} at {self.host}:{self.port}"

    @classmethod
    def of(cls, settings: Settings, address: str) -> "Folder":
        """Read an address; the password comes from the environment or the secrets, at best.

        Raises
        ------
        CannotPull
        """
        parts = urlsplit(address)
        if not parts.username or not parts.hostname:
            raise CannotPull(
                "the mailbox", "write imaps://USER@HOST/FOLDER, with %40 for @ in USER"
            )
        user, host = unquote(parts.username), parts.hostname
        given = unquote(parts.password) if parts.password else None
        return cls(
            tls=parts.scheme == "imaps",
            user=user,
            host=host,
            port=parts.port or _PORTS[parts.scheme],
            name=unquote(parts.path.strip("/")) or "INBOX",
            password=given or password_of(settings, user, host),
        )


def pull_mails(settings: Settings, address: str) -> Generator[list[Path], None, None]:
    """Yield groups of mails as files, in the order of their UIDs.

    Asking for the next group says that the one before is in the lake.

    Raises
    ------
    CannotPull
        Wrong address, password or folder, or the server does not answer.
    """
    folder = Folder.of(settings, address)
    if folder.password is None:
        kept = password_file(settings, folder.user, folder.host)
        raise CannotPull(str(folder), f"no password; set {PASSWORD} or write it to {kept}")
    try:
        with _opened(folder) as client:
            validity = _selected(client, folder)
            pulled = Pulled(settings, str(folder))
            yield from _groups(client, pulled, validity)
    except (imaplib.IMAP4.error, OSError, EOFError) as error:
        why = error.args[0] if error.args else error.__class__.__name__
        raise CannotPull(str(folder), why.decode() if isinstance(why, bytes) else error) from error


def _opened(folder: Folder) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    client: imaplib.IMAP4
    if folder.tls:
        client = imaplib.IMAP4_SSL(folder.host, folder.port, ssl_context=context, timeout=_SECONDS)
    else:
        client = imaplib.IMAP4(folder.host, folder.port, timeout=_SECONDS)
    try:
        if not folder.tls and "STARTTLS" in client.capabilities:
            client.starttls(context)
        elif not folder.tls and not _is_here(folder.host):
            raise CannotPull(str(folder), "it offers no encryption; use imaps://")
        client.login(folder.user, folder.password or "")
    except (imaplib.IMAP4.error, OSError, CannotPull):
        with suppress(OSError):
            client.shutdown()
        raise
    return client


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _selected(client: imaplib.IMAP4, folder: Folder) -> str:
    """Open the folder to read only (EXAMINE); answer its UIDVALIDITY."""
    quoted = '"' + _modified_utf7(folder.name).replace("\\", "\\\\").replace('"', '\\"') + '"'
    answer, said = client.select(quoted, readonly=True)
    if answer != "OK":
        raise CannotPull(str(folder), (said[0] or b"no such folder").decode(errors="replace"))
    _, validity = client.response("UIDVALIDITY")
    if not validity or not validity[0]:
        raise CannotPull(str(folder), "the server gives no UIDVALIDITY")
    return bytes(validity[0]).decode()


def _groups(client: imaplib.IMAP4, pulled: Pulled, validity: str) -> Iterator[list[Path]]:
    position = pulled.position()
    last = int(position["uid"]) if position.get("uidvalidity") == validity else 0
    _, found = client.uid("search", f"UID {last + 1}:*")
    uids = sorted(uid for uid in map(int, (found[0] or b"").split()) if uid > last)
    for start in range(0, len(uids), TOGETHER):
        group = uids[start : start + TOGETHER]
        paths = []
        for uid in group:
            content = _fetched(client, uid)
            if content is not None:
                paths.append(pulled.folder / f"mail-{validity}-{uid:08}.eml")
                paths[-1].write_bytes(content)
        yield paths
        pulled.advance({"uidvalidity": validity, "uid": group[-1]})


def _fetched(client: imaplib.IMAP4, uid: int) -> bytes | None:
    """A mail's bytes, as far as the reader reads; None if it has gone meanwhile."""
    _, parts = client.uid("fetch", str(uid), f"(BODY.PEEK[]<0.{MAX_BYTES}>)")
    return next((bytes(part[1]) for part in parts if isinstance(part, tuple)), None)


def _modified_utf7(name: str) -> str:
    """Name of a folder as IMAP writes it (RFC 3501, 5.1.3).

    >>> _modified_utf7("Rückläufer & Co")
    'R&APw-ckl&AOQ-ufer &- Co'
    """

    def shifted(run: re.Match[str]) -> str:
        coded = base64.b64encode(run[0].encode("utf-16-be")).decode().rstrip("=")
        return f"&{coded.replace('/', ',')}-"

    return re.sub(r"[^\x20-\x7e]+", shifted, name.replace("&", "&-"))
