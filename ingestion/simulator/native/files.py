"""Plain and gzip text files whose bytes depend on their content only."""

import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

_BUFFER: Final = 2000


class TextFile:
    """A text file written in blocks; ``.gz`` is compressed without name or time stamp."""

    def __init__(self, path: Path, *, header: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._raw = path.open("wb")
        self._zip = gzip.GzipFile("", "wb", 1, self._raw, mtime=0) if path.suffix == ".gz" else None
        self._lines: list[str] = [header] if header else []

    def write(self, text: str) -> None:
        """Add one line."""
        self._lines.append(text)
        if len(self._lines) >= _BUFFER:
            self._drain()

    def _drain(self) -> None:
        if self._lines:
            block = ("\n".join(self._lines) + "\n").encode()
            (self._zip or self._raw).write(block)
            self._lines.clear()

    def close(self) -> None:
        """Write what is left and close."""
        self._drain()
        if self._zip is not None:
            self._zip.close()
        self._raw.close()


class MonthlyFile:
    """One file a month, chosen by the time a record is written.

    ``pattern`` holds ``{month}`` for YYYY-MM; months must come in order.
    """

    def __init__(self, root: Path, pattern: str, *, header: str = "") -> None:
        self._root, self._pattern, self._header = root, pattern, header
        self._file: TextFile | None = None
        self._ends = -1.0

    def write(self, seconds: float, text: str) -> None:
        """Add one line recorded at ``seconds``."""
        if seconds >= self._ends or self._file is None:
            self._turn(seconds)
        assert self._file is not None
        self._file.write(text)

    def _turn(self, seconds: float) -> None:
        self.close()
        month = datetime.fromtimestamp(seconds, UTC)
        name = self._pattern.replace("{month}", f"{month:%Y-%m}")
        self._file = TextFile(self._root / name, header=self._header)
        following = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
        self._ends = following.timestamp()

    def close(self) -> None:
        """Close the month's file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def csv_row(values: Sequence[Any], *, separator: str = ",") -> str:
    """One CSV record: None is empty, quotes only where needed.

    >>> csv_row([1, None, "c,d"])
    '1,,"c,d"'
    """
    cells = ["" if value is None else str(value) for value in values]
    text = separator.join(cells)
    if text.count(separator) == len(cells) - 1 and '"' not in text and "\n" not in text:
        return text
    return separator.join(
        '"' + cell.replace('"', '""') + '"'
        if separator in cell or '"' in cell or "\n" in cell
        else cell
        for cell in cells
    )


def json_row(record: dict[str, Any]) -> str:
    """One JSON record on one line, without empty fields."""
    return orjson.dumps({k: value for k, value in record.items() if value is not None}).decode()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a whole CSV file."""
    file = TextFile(path, header=",".join(header))
    for row in rows:
        file.write(csv_row(row))
    file.close()
