"""Return lines from a file, as a person or a script would hand them over."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from ingestion.errors import UnreadableFile

Line = dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Read return lines from CSV, JSON Lines, a JSON array or a batch request body.

    Returns
    -------
    list of dict, one per line, empty cells left out

    Raises
    ------
    UnreadableFile
        The file is absent, is no such format, or a line has no ``return_line_id``.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(path, f"it cannot be read ({error}); retrace score FILE") from error
    lines = _from_json(path, text) if text.lstrip()[:1] in {"{", "["} else _from_csv(text)
    for number, line in enumerate(lines, start=1):
        if not line.get("return_line_id"):
            raise UnreadableFile(path, f"line {number} has no return_line_id")
    return lines


def _from_csv(text: str) -> list[Line]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{key: value for key, value in row.items() if key and value} for row in rows]


def _from_json(path: Path, text: str) -> list[Line]:
    try:
        said = json.loads(text)
    except json.JSONDecodeError:
        said = [_object(path, line) for line in text.splitlines() if line.strip()]
    if isinstance(said, dict):
        said = said["lines"] if isinstance(said.get("lines"), list) else [said]
    if not all(isinstance(line, dict) for line in said):
        raise UnreadableFile(path, "every return line must be a JSON object")
    return list(said)


def _object(path: Path, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise UnreadableFile(path, f"not JSON Lines: {error.msg} in {line[:40]!r}") from error
