"""Which address is what: a mailbox, a database, or something another command reads."""

import re
from collections.abc import Generator
from pathlib import Path

from ingestion.errors import RetraceError
from ingestion.mailbox import pull_mails
from ingestion.settings import Settings
from ingestion.sql_source import Query, pull_rows

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.I)
_ELSEWHERE = {
    **dict.fromkeys(("nats", "amqp", "kafka"), "A broker is read by: retrace consume URL"),
    **dict.fromkeys(
        ("http", "https", "ftp", "sftp", "s3", "gs", "abfss"),
        "Fetch the file first and give its path, or push events to POST /v1/events.",
    ),
    "file": "Give the path without file://.",
}


def is_address(path: str) -> bool:
    """Whether this names a place to pull from, rather than a file."""
    return _ADDRESS.match(path) is not None


def pulled_from(
    settings: Settings, address: str, query: Query | None
) -> Generator[list[Path], None, None]:
    """Files of what a place has since the last time, in groups to commit together.

    Raises
    ------
    RetraceError
    """
    found = _ADDRESS.match(address)
    scheme = found[1].lower() if found else ""
    if scheme in _ELSEWHERE:
        raise RetraceError(f"{scheme}:// cannot be loaded. {_ELSEWHERE[scheme]}")
    if scheme in {"imap", "imaps"}:
        yield from pull_mails(settings, address)
    elif query is None:
        raise RetraceError(
            f"What shall be read from the {scheme} database? Give --query 'select ..'"
        )
    else:
        yield from pull_rows(settings, address, query)
