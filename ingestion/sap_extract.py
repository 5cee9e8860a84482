"""What a SAP extract is: a folder or a zip archive with one CSV file a table."""

import lzma
import shutil
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ingestion.errors import UnreadableFile

CONFIGURATION = Path(__file__).parent / "extractions" / "sap.yaml"
MAX_MEMBERS = 200
MAX_EXPANDED = 16 << 30
MAX_RATIO = 200
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(OSError, RuntimeError, NotImplementedError, ValueError),
)
"""All that reading a damaged archive raises."""


@cache
def configuration() -> dict[str, Any]:
    return dict(yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8")))


def table_of(name: str) -> str | None:
    """SAP table a file holds, by its name; None if it is none we know."""
    stem = Path(name).name.split(".")[0].upper()
    return stem if stem in configuration()["tables"] else None


def is_sap_folder(path: Path) -> bool:
    """Whether a folder is an extract: it holds at least two SAP tables as CSV."""
    files = [file for file in path.iterdir() if file.suffix.lower() in {".csv", ".txt"}]
    return sum(table_of(file.name) is not None for file in files) >= 2


def is_sap_archive(path: Path) -> bool:
    """Whether a zip archive holds an extract."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(table_of(name) is not None for name in archive.namelist()) >= 2
    except _DAMAGE:
        return False


def unpack(path: Path, folder: Path) -> None:
    """Unpack the SAP tables of an archive, nothing else, with bounds on size and ratio."""
    limit = min(MAX_EXPANDED, max(path.stat().st_size * MAX_RATIO, 16 << 20))
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if table_of(info.filename)]
            if len(members) > MAX_MEMBERS or sum(info.file_size for info in members) > limit:
                raise UnreadableFile(path, "it unpacks to far more than an extract would")
            for info in members:
                target = folder / f"{table_of(info.filename)}.csv"
                with archive.open(info) as packed, target.open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
    except _DAMAGE as error:
        raise UnreadableFile(path, f"the archive is damaged or locked ({error})") from error
