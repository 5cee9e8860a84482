"""SAP tables, a folder or zip of CSV extracts, as an event log; what is an event is configuration.

A record is a row of a table that states facts (MSEG, EKBE, RSEG, BSEG, CDPOS, VBAP, LIPS), read by
``ingestion/extractions/sap.yaml``; a row no entry takes is refused.

Known gaps, all visible in the extracts and none repaired by guessing:

- change documents without TABKEY name the order, not its item: they belong to the item only where
  the order has one, else to the order (``inferred``);
- a clearing document names a supplier and an amount, no invoice: it belongs to an item only where
  one item alone was invoiced that amount by that supplier, else it has no case;
- cancelled receipts and debit memos that were recorded only as changes keep their change's text;
- EKBE repeats what MSEG states: the material document is taken.
"""

import csv
from pathlib import Path
from typing import Any

import duckdb

from ingestion.errors import UnreadableFile
from ingestion.lake import literal, quoted
from ingestion.readers.raw import Raw
from ingestion.sap_extract import configuration, table_of
from ingestion.staging import MAX_LINE, Refused, Staged

_MACROS = (
    "create or replace temp macro sap_time(day, clock) as case when regexp_matches(day, "
    "'^\\d{8}$') and day <> '00000000' then substr(day, 1, 4) || '-' || substr(day, 5, 2) || '-' "
    "|| substr(day, 7, 2) || ' ' || case when regexp_matches(coalesce(clock, ''), '^\\d{6}$') "
    "then substr(clock, 1, 2) || ':' || substr(clock, 3, 2) || ':' || substr(clock, 5, 2) "
    "else '00:00:00' end when day <> '00000000' then concat_ws(' ', day, clock) end",
    "create or replace temp macro sap_key(document, item) as "
    "ltrim(document, '0') || ':' || ltrim(item, '0')",
)


def read_sap(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from a folder of tables, a row per fact."""
    for macro in _MACROS:
        con.execute(macro)
    con.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    found = _load_tables(con, delivery.content)
    entries = [entry for entry in configuration()["events"] if found.issuperset(entry["tables"])]
    if not entries:
        raise UnreadableFile(delivery.path, f"no event can be read from {', '.join(sorted(found))}")
    names = list(dict.fromkeys(name for entry in entries for name in entry.get("columns", {})))
    columns = ("sap_table", *dict.fromkeys([*names, "purchase_order", "rma"]))
    for number, entry in enumerate(entries):
        con.execute(_statement(number, entry, columns))
    taken = [f"sap_taken_{n}" for n, entry in enumerate(entries) if not entry.get("ignore")]
    listed = ", ".join(quoted(name) for name in columns)
    con.execute(
        "create or replace temp table sap_events as "
        + " union all ".join(f"select {listed} from {name}" for name in taken)
    )
    con.execute("create or replace temp view raw as select * from sap_events")
    return Raw(columns, "sap", lambda: _refused(con, entries))


def _load_tables(con: duckdb.DuckDBPyConnection, folder: Path) -> set[str]:
    """Load every table as text with a row number; columns it lacks are null."""
    found: set[str] = set()
    for file in sorted(folder.iterdir()):
        table = table_of(file.name)
        if table is None or not file.is_file() or table in found:
            continue
        names, delimiter = _header(file)
        fields = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        lacking = [name for name in configuration()["tables"][table] if name not in names]
        nulls = "".join(f", null::varchar as {quoted(name)}" for name in lacking)
        values = ", ".join(f"nullif(trim({quoted(name)}), '') as {quoted(name)}" for name in names)
        con.execute(
            f"create or replace temp table {table} as select "
            f"row_number() over () as {table}_row, {values}{nulls} from read_csv("
            f"{literal(str(file))}, auto_detect=false, header=true, delim={literal(delimiter)}, "
            f"quote='\"', escape='\"', columns={{{fields}}}, max_line_size={MAX_LINE}, "
            "store_rejects=true)"
        )
        found.add(table)
    for table in set(configuration()["tables"]) - found:
        typed = ", ".join(f"{quoted(name)} varchar" for name in configuration()["tables"][table])
        con.execute(f"create or replace temp table {table} ({table}_row bigint, {typed})")
    return found


def _header(file: Path) -> tuple[list[str], str]:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        first = text.readline(MAX_LINE)
    if not first.strip():
        raise UnreadableFile(file, "the table is empty; a header line is needed")
    delimiter = max(",;\t|", key=first.count)
    names = [name.strip().upper() for name in next(csv.reader([first], delimiter=delimiter))]
    if len(set(names)) != len(names) or not all(names):
        raise UnreadableFile(file, "the header repeats a column or leaves one unnamed")
    return names, delimiter


def _statement(number: int, entry: dict[str, Any], columns: tuple[str, ...]) -> str:
    """The rows one entry takes, with the number of the driving row."""
    said = entry.get("columns", {})
    drives = entry["drives"]
    values = [
        f"({said[name]})::varchar as {quoted(name)}" if name in said else f"null as {quoted(name)}"
        for name in columns[1:]
    ]
    return (
        f"create or replace temp table sap_taken_{number} as select {drives}_row, "
        f"{literal(drives)} as sap_table, {', '.join(values)} from {entry['from']} "
        f"where {entry['where']}"
    )


def _refused(con: duckdb.DuckDBPyConnection, entries: list[dict[str, Any]]) -> list[Refused]:
    """Rows of driving tables no entry took, and lines that are no rows."""
    refused: list[Refused] = []
    for table in dict.fromkeys(entry["drives"] for entry in entries):
        taken = " union all ".join(
            f"select {table}_row from sap_taken_{number}"
            for number, entry in enumerate(entries)
            if entry["drives"] == table
        )
        left = con.execute(
            f"select {table}_row, to_json(t)::varchar from {table} t "
            f"where {table}_row not in ({taken}) order by 1"
        ).fetchall()
        detail = "no entry of the extraction takes this row"
        refused += [
            Refused(f"{table} row {row}", "no_extraction_rule", detail, text.encode())
            for row, text in left
        ]
    broken = con.execute(
        "select s.file_path, e.line, any_value(e.error_message), any_value(e.csv_line) "
        "from reject_errors e join reject_scans s using (scan_id, file_id) "
        "group by 1, 2 order by 1, 2"
    ).fetchall()
    return refused + [
        Refused(f"{Path(file).name} line {line}", "broken_row", why, (text or "").encode())
        for file, line, why, text in broken
    ]
