"""Make a delivered file readable: hash it, unpack it, settle its encoding, set hostile lines aside.

The bytes that arrived are what is hashed; what the readers see is plain UTF-8 text or Parquet.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from ingestion.errors import UnreadableFile
from ingestion.sap_extract import is_sap_archive, unpack

CHUNK = 1 << 20
MAX_LINE = 4 << 20
LARGE_FILE = 256 << 20
MAX_EXPANDED = 64 << 30
MAX_RATIO = 200
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
}

_MAIL_HEADER = re.compile(
    rb"(?i)(?:(?:(?:from|date|subject|message-id|mime-version|to|received|return-path|delivered-to|"
    rb"reply-to|cc|sender|content-[a-z-]+|x-[a-z0-9-]+|dkim-signature|authentication-results|"
    rb"arc-[a-z-]+|user-agent|thread-[a-z]+|references|in-reply-to|importance|list-[a-z-]+):[^\n]*"
    rb"(?:\n[ \t]+[^\n]*)*\n)){3}"
)
_X12_SEGMENT = re.compile(
    rb"(?:ISA|GS|ST)[^A-Za-z0-9\s,;][0-9 A-Z]|[A-Z][A-Z0-9]{1,2}\*[^\n~]*[~\n]"
)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Refused:
    """One record set aside, whole.

    Parameters
    ----------
    pointer : str
        Where it stood: ``line 7``, ``record 12``, a JSON pointer.
    reason : str
        Reason code, snake_case.
    """

    pointer: str
    reason: str
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Staged:
    """A delivery made readable.

    Parameters
    ----------
    path : Path
        The file as it arrived.
    content : Path
        Plain UTF-8 text (or Parquet) to read.
    sha256 : str
        Of the bytes that arrived.
    format : str
        ``text``, ``jsonl``, ``json``, ``xml``, ``mail``,
        ``x12``, ``sqlite`` or ``parquet``.
    """

    path: Path
    content: Path
    sha256: str
    format: str
    folder: Path
    refused: tuple[Refused, ...] = field(default=())

    @property
    def buffer_size(self) -> int:
        """Bytes to read at a time: few seams in a large file, little memory for a small one."""
        return (8 if self.content.stat().st_size > LARGE_FILE else 2) * MAX_LINE


@contextmanager
def staged(path: Path, scratch: Path, progress: Progress | None = None) -> Iterator[Staged]:
    """Stage a file for reading; temporary copies disappear afterwards.

    Raises
    ------
    UnreadableFile
        Empty, damaged, an archive, or not text at all.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="staged-") as folder:
        yield _stage(path, Path(folder), progress or (lambda _: None))


def _stage(path: Path, folder: Path, progress: Progress) -> Staged:
    if not path.exists():
        raise UnreadableFile(path, "there is no such file")
    if path.is_dir():
        return Staged(path, path, _sha256_of_folder(path, progress), "sap", folder)
    if path.stat().st_size == 0:
        raise UnreadableFile(path, "the file is empty")
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PK\x03\x04") and is_sap_archive(path):
        unpack(path, folder)
        return Staged(path, folder, _sha256(path, progress), "sap", folder)
    for magic, what in _ARCHIVES.items():
        if head.startswith(magic):
            raise UnreadableFile(path, f"this is {what}, not a log; unpack or export it first")
    content = path
    sha256 = _sha256(path, progress)
    if head.startswith(b"\x1f\x8b"):
        content = folder / "unpacked"
        _unpack(path, content)
    with content.open("rb") as file:
        head = file.read(1 << 16)
    if not head:
        raise UnreadableFile(path, "the file is empty once unpacked")
    if head.startswith(b"PAR1"):
        return Staged(path, content, sha256, "parquet", folder)
    if head.startswith(b"SQLite format 3\0"):
        return Staged(path, content, sha256, "sqlite", folder)
    text, refused = _as_text(path, content, folder, head)
    return Staged(path, text, sha256, _format(text), folder, tuple(refused))


def _sha256(path: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


def _sha256_of_folder(path: Path, progress: Progress) -> str:
    """Digest of a folder's files and their names: the identity of an extract of several tables."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.is_file():
            digest.update(f"{file.name}\0{_sha256(file, progress)}\0".encode())
    return digest.hexdigest()


def _unpack(path: Path, target: Path) -> None:
    """Unpack gzip with a bound on size and ratio; a damaged end is an error, never a short log."""
    limit = min(MAX_EXPANDED, max(path.stat().st_size * MAX_RATIO, 16 << 20))
    written = 0
    try:
        with gzip.open(path, "rb") as packed, target.open("wb") as plain:
            while chunk := packed.read(CHUNK):
                written += len(chunk)
                if written > limit:
                    raise UnreadableFile(
                        path,
                        f"it unpacks to more than {limit >> 20} MiB ({MAX_RATIO} times its size); "
                        "unpack it by hand if you trust it",
                    )
                plain.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(
            path, f"the gzip data are damaged or end early ({error}); ask for the file again"
        ) from error


def _as_text(path: Path, content: Path, folder: Path, head: bytes) -> tuple[Path, list[Refused]]:
    encoding = _encoding(path, content, head)
    clean = folder / "text"
    if encoding != "utf-8":
        _transcode(path, content, clean, encoding)
        content = clean
        clean = folder / "lines"
    if _is_one_document(content) or not _needs_cleaning(content):
        return content, []
    return clean, _set_hostile_lines_aside(content, clean)


def _encoding(path: Path, content: Path, head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if len(_CONTROL.findall(head)) > max(2, len(head) // 50):
        raise UnreadableFile(path, "this looks like a binary file, not text, JSON, XML or Parquet")
    tail = b""
    with content.open("rb") as file:
        while chunk := file.read(CHUNK):
            if chunk.isascii() and not tail:
                continue
            tail, valid = _undecoded(tail + chunk)
            if not valid:
                return "cp1252"
    return "utf-8" if not tail else "cp1252"


def _undecoded(block: bytes) -> tuple[bytes, bool]:
    """Return the cut-off character at the end of a UTF-8 block, and whether the rest is valid."""
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_off = error.reason == "unexpected end of data" and error.end == len(block)
        return (block[error.start :], True) if cut_off else (b"", False)
    return b"", True


def _transcode(path: Path, content: Path, target: Path, encoding: str) -> None:
    errors = "strict" if encoding == "utf-16" else "replace"
    try:
        with (
            content.open(encoding=encoding, errors=errors, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as plain,
        ):
            while chunk := source.read(CHUNK):
                plain.write(chunk)
    except UnicodeError as error:
        raise UnreadableFile(path, f"the {encoding} text is damaged ({error})") from error


def _is_one_document(content: Path) -> bool:
    """Whether this is XML, or JSON without a newline: nothing a reader would take line by line."""
    with content.open("rb") as file:
        head = file.read(MAX_LINE).lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") or (head.startswith((b"{", b"[")) and b"\n" not in head)


def _needs_cleaning(content: Path) -> bool:
    since_newline = 0
    with content.open("rb") as file:
        while chunk := file.read(CHUNK):
            if b"\0" in chunk:
                return True
            last = chunk.rfind(b"\n")
            since_newline = since_newline + len(chunk) if last < 0 else len(chunk) - last - 1
            if since_newline > MAX_LINE:
                return True
    return False


def _set_hostile_lines_aside(content: Path, clean: Path) -> list[Refused]:
    refused = []
    with content.open("rb") as source, clean.open("wb") as target:
        for number, line in enumerate(_lines(source), start=1):
            if b"\0" in line:
                refused.append(Refused(f"line {number}", "nul_byte", "holds a NUL byte", line))
            elif len(line) > MAX_LINE:
                detail = f"{len(line):,} bytes in one line; the limit is {MAX_LINE:,}"
                refused.append(Refused(f"line {number}", "line_too_long", detail, line))
            else:
                target.write(line)
    return refused


def _lines(source: IO[bytes]) -> Iterator[bytes]:
    while line := source.readline():
        yield line


def _format(text: Path) -> str:
    with text.open("rb") as file:
        head = file.read(1 << 16).lstrip(b"\xef\xbb\xbf \t\r\n")
        if b"\n" not in head:  # a long first line
            head += file.readline(MAX_LINE)
    if head.startswith(b"<"):
        return "xml"
    if _MAIL_HEADER.match(head):
        return "mail"
    if _X12_SEGMENT.match(head):
        return "x12"
    if head.startswith((b"{", b"[")):
        first_line = head.split(b"\n", 1)[0].rstrip()
        return "jsonl" if first_line.startswith(b"{") and first_line.endswith(b"}") else "json"
    return "text"
