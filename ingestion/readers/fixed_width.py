"""Fixed-width text: columns by position, as a mapping's layout says; other lines are refused."""

from itertools import islice

import duckdb

from ingestion.errors import UnreadableFile
from ingestion.lake import literal, quoted
from ingestion.layouts import Layout
from ingestion.mapping import Mapping, shipped_mappings
from ingestion.readers.raw import Raw
from ingestion.staging import MAX_LINE, Refused, Staged

_HEADERS = 20


def layout_of(delivery: Staged, asked: Mapping | None) -> Layout | None:
    """Layout of a text file: the one asked for, else the shipped one its first record fits."""
    if asked:
        return Layout.of(asked.layout, asked.name) if asked.layout else None
    with delivery.content.open(encoding="utf-8", newline="\n") as file:
        lines = [
            line.rstrip("\r\n") for line in islice(iter(lambda: file.readline(4096), ""), _HEADERS)
        ]
    for mapping in shipped_mappings():
        if mapping.layout:
            layout = Layout.of(mapping.layout, mapping.name)
            first = next((line for line in lines if not layout.skips(line)), "")
            if layout.takes(first):
                return layout
    return None


def read_fixed_width(con: duckdb.DuckDBPyConnection, delivery: Staged, layout: Layout) -> Raw:
    """Create ``raw``: one row per record, blanks around a value removed."""
    con.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    skipped = (
        f"regexp_matches(line, {literal(_anchored(layout.ignore))})" if layout.ignore else "false"
    )
    fits = (
        f"length(line) = {layout.width} "
        f"and regexp_matches(line, {literal(_anchored(layout.record))})"
    )
    con.execute(
        f"create or replace temp table all_lines as select line, {skipped} as skipped, "
        f"{fits} as usable from (select rtrim(line, '\r') as line from read_csv("
        f"{literal(str(delivery.content))}, auto_detect=false, header=false, delim='\x1f', "
        f"quote='', escape='', columns={{'line': 'VARCHAR'}}, max_line_size={MAX_LINE + 2}, "
        f"buffer_size={delivery.buffer_size}, "
        "store_rejects=true)) where trim(line) <> ''"
    )
    [[records]] = con.execute("select count(*) from all_lines where usable").fetchall()
    if not records:
        raise UnreadableFile(
            delivery.path,
            f"no line is a record of {layout.width} characters that matches {layout.record!r}",
        )
    columns = ", ".join(
        f"nullif(trim(substr(line, {first}, {last - first + 1})), '') as {quoted(name)}"
        for name, first, last in layout.columns
    )
    con.execute(
        f"create or replace temp view raw as select {columns} from all_lines "
        "where usable and not skipped"
    )
    names = tuple(name for name, _, _ in layout.columns)
    return Raw(names, "fixed_width", lambda: _refused(con, layout))


def _anchored(pattern: str) -> str:
    return f"^(?:{pattern})"


def _refused(con: duckdb.DuckDBPyConnection, layout: Layout) -> list[Refused]:
    left = con.execute(
        "select rowid + 1, line from all_lines where not usable and not skipped order by 1"
    ).fetchall()
    refused = []
    for number, line in left:
        if len(line) == layout.width:
            why = "unknown_record", f"it does not begin like a record ({layout.record})"
        else:
            why = "wrong_width", f"{len(line)} characters; a record has {layout.width}"
        refused.append(Refused(f"record {number}", *why, line.encode()))
    broken = con.execute(
        "select line, any_value(error_message), any_value(csv_line) from reject_errors "
        "group by line, line_byte_position order by line"
    ).fetchall()
    return refused + [
        Refused(f"line {number}", "broken_line", why, (text or "").encode())
        for number, why, text in broken
    ]
