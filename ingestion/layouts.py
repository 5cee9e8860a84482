"""Record layouts of fixed-width files: which characters of a line are which column."""

import re
from dataclasses import dataclass
from typing import Any

from ingestion.errors import BadMapping

_KEYS = {"width", "record", "ignore", "columns"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of a record stand.

    Parameters
    ----------
    columns : tuple of (name, first, last)
        Positions in characters, from 1, both ends included, as record descriptions print them.
    width : int
        Length of a whole record; a shorter or longer line is refused.
    record : str
        Pattern every record begins with; it also tells such a file from others.
    ignore : str, optional
        Pattern of lines that are no records: headers, trailers.
    """

    columns: tuple[tuple[str, int, int], ...]
    width: int
    record: str
    ignore: str | None = None

    @classmethod
    def of(cls, said: dict[str, Any], where: object) -> "Layout":
        """Check a mapping's section ``layout``.

        Raises
        ------
        BadMapping
            A position lies outside the record, or two columns overlap.
        """
        if not isinstance(said, dict) or not {"record", "columns"} <= set(said) <= _KEYS:
            raise BadMapping(
                f"{where}: a layout needs 'record' and 'columns', and may say 'width' and 'ignore'"
            )
        try:
            columns = tuple((str(k), int(v[0]), int(v[1])) for k, v in said["columns"].items())
            patterns = [re.compile(said[name]) for name in ("record", "ignore") if name in said]
        except (TypeError, ValueError, LookupError, AttributeError, re.error) as error:
            raise BadMapping(
                f"{where}: a column of a layout is written NAME: [first, last], and patterns are "
                f"regular expressions ({error})"
            ) from error
        width = int(said.get("width", max((last for _, _, last in columns), default=0)))
        used = 0
        for name, first, last in sorted(columns, key=lambda column: column[1]):
            if not used < first <= last <= width:
                raise BadMapping(
                    f"{where}: column {name!r} at {first} to {last} overlaps another one or lies "
                    f"outside the record of {width} characters"
                )
            used = last
        record, *ignore = (pattern.pattern for pattern in patterns)
        return cls(columns, width, record, ignore[0] if ignore else None)

    def takes(self, line: str) -> bool:
        """Whether a line is a record of this layout."""
        return len(line) == self.width and re.match(self.record, line) is not None

    def skips(self, line: str) -> bool:
        """Whether a line is none of the records: blank, a header or a trailer."""
        return not line.strip() or bool(self.ignore and re.match(self.ignore, line))
