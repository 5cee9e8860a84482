"""How much one file may ask of us; what goes beyond is refused before it costs anything.

Sizes and ratios of packed files are in ``ingestion.staging``.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from ingestion.errors import UnreadableFile

MAX_COLUMNS = 1_000
MAX_NESTING = 64
"""Objects and arrays inside each other; JSON parsers fail hard on a few hundred."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]+")


def check_columns(path: Path, names: Sequence[str]) -> None:
    """Refuse a table that is wider than any log.

    Raises
    ------
    UnreadableFile
    """
    if len(names) > MAX_COLUMNS:
        raise UnreadableFile(path, f"{len(names):,} columns; the limit is {MAX_COLUMNS:,}")


def nesting(text: str) -> int:
    """How deep objects and arrays of a JSON text are nested, valid or not.

    >>> nesting('{"a": [1, "]]{{["]}')
    2
    """
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    return max(accumulate(1 if sign in "[{" else -1 for sign in brackets), default=0)
