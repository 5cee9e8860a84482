"""Delimited text: the delimiter from the header, every column text, ragged rows refused one by one.

DuckDB's sniffer is not used: it has silently read a ragged file as empty (PITFALLS I9c).
"""

import csv
import io

import duckdb

from ingestion.errors import UnreadableFile
from ingestion.lake import literal
from ingestion.limits import check_columns
from ingestion.readers.raw import Raw
from ingestion.staging import MAX_LINE, Refused, Staged

DELIMITERS = ",;\t|"


def read_delimited(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from delimited text with a header line."""
    columns, delimiter = header(delivery)
    fields = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    con.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    con.execute(
        f"create or replace temp view raw as select * from read_csv("
        f"{literal(str(delivery.content))}, auto_detect=false, header=true, "
        f"delim={literal(delimiter)}, quote='\"', escape='\"', "
        f"columns={{{fields}}}, max_line_size={MAX_LINE + 2}, "
        f"buffer_size={delivery.buffer_size}, store_rejects=true)"
    )
    return Raw(columns, "csv", lambda: _rejects(con))


def header(delivery: Staged) -> tuple[tuple[str, ...], str]:
    """Column names, made unique, and the delimiter of a delimited file."""
    with delivery.content.open(encoding="utf-8", newline="") as file:
        text = file.read(MAX_LINE)
    first = text.lstrip("\ufeff").splitlines()[0] if text.strip() else ""
    if not first.strip():
        raise UnreadableFile(delivery.path, "the first line is blank; a header line is needed")
    delimiter = max(DELIMITERS, key=first.count)
    if not first.count(delimiter):
        raise UnreadableFile(
            delivery.path,
            f"the header {first[:60]!r} holds none of the delimiters comma, semicolon, tab or bar",
        )
    names = next(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=None), delimiter=delimiter))
    check_columns(delivery.path, names)
    return _unique(names), delimiter


def _unique(names: list[str]) -> tuple[str, ...]:
    """Give repeated or empty header names a number, ignoring case as SQL does."""
    taken: dict[str, int] = {}
    result = []
    for position, given in enumerate(names, start=1):
        name = given.strip() or f"column_{position}"
        seen = taken.get(name.lower(), 0)
        taken[name.lower()] = seen + 1
        result.append(f"{name}_{seen}" if seen else name)
        taken.setdefault(result[-1].lower(), 1)
    return tuple(result)


def _rejects(con: duckdb.DuckDBPyConnection) -> list[Refused]:
    rows = con.execute(
        "select line, any_value(error_type::varchar), any_value(error_message), "
        "any_value(csv_line) from reject_errors group by line, line_byte_position order by line"
    ).fetchall()
    return [
        Refused(f"line {line}", kind.lower().replace(" ", "_"), message, (text or "").encode())
        for line, kind, message, text in rows
    ]
