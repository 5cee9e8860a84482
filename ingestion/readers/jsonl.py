"""JSON Lines: one object per line, nested objects flattened with dots, bad lines refused."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from ingestion.errors import UnreadableFile
from ingestion.lake import literal, quoted
from ingestion.limits import MAX_COLUMNS, MAX_NESTING, nesting
from ingestion.readers.raw import Raw
from ingestion.staging import MAX_LINE, Refused, Staged

_NULL = "NULL"
MAX_DEPTH = 4
"""Levels that become columns of their own; what lies deeper stays JSON in one column."""


def read_jsonl(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from JSON Lines, one text column per path that occurs."""
    con.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    con.execute(
        f"create or replace temp table all_lines as select line, "
        f"length(line) - length(translate(line, '{{[', '')) > {MAX_NESTING} as suspect, "
        f"false as deep from read_csv("
        f"{literal(str(delivery.content))}, auto_detect=false, header=false, delim='\x1f', "
        f"quote='', escape='', columns={{'line': 'VARCHAR'}}, "
        f"max_line_size={MAX_LINE + 2}, buffer_size={delivery.buffer_size}) where trim(line) <> ''"
    )
    _mark_deep_lines(con)
    con.execute(
        "create or replace temp table json_lines as select rowid as number, line from all_lines "
        "where case when deep or not json_valid(line) then false "
        "else json_type(line) = 'OBJECT' end"
    )
    paths = _leaf_paths(con)
    if not paths:
        raise UnreadableFile(delivery.path, "no line is a JSON object")
    if len(paths) > MAX_COLUMNS:
        raise UnreadableFile(
            delivery.path, f"{len(paths)} different JSON paths; the limit is {MAX_COLUMNS}"
        )
    keys = ", ".join(literal(_json_path(path)) for path in paths)
    names = [".".join(path) for path in paths]
    columns = ", ".join(f"found[{i}] as {quoted(name)}" for i, name in enumerate(names, start=1))
    con.execute(
        f"create or replace temp view raw as select {columns} from "
        f"(select json_extract_string(line, [{keys}]) as found from json_lines)"
    )
    return Raw(tuple(names), "jsonl", lambda: _refused(con))


def _mark_deep_lines(con: duckdb.DuckDBPyConnection) -> None:
    """Find lines nested too deep before DuckDB parses them: it would end the whole connection."""
    suspects = con.execute("select rowid, line from all_lines where suspect")
    deep: list[int] = []
    while some := suspects.fetchmany(1_000):
        deep += [number for number, line in some if nesting(line) > MAX_NESTING]
    if deep:
        con.execute(
            "update all_lines set deep = true where rowid in (select unnest(?::bigint[]))", [deep]
        )


def _leaf_paths(con: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    """Paths of all values that are not objects, over every line."""
    shapes = con.execute("select distinct json_structure(line::json)::varchar from json_lines")
    merged: Any = {}
    while some := shapes.fetchmany(1_000):
        for (shape,) in some:
            merged = _merged(merged, json.loads(shape))
        if len(merged) > MAX_COLUMNS:
            break
    return sorted(_leaves(merged, ()))


def _merged(one: Any, other: Any) -> Any:
    """The structure two values have in common; where they contradict each other, one value."""
    if isinstance(one, dict) and isinstance(other, dict):
        both = {key: _merged(one[key], other[key]) for key in one.keys() & other.keys()}
        return one | other | both
    if _NULL in (one, other):
        return other if one == _NULL else one
    return one if one == other else "JSON"


def _leaves(structure: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(structure, dict) and structure and len(path) < MAX_DEPTH:
        for key, below in structure.items():
            yield from _leaves(below, (*path, key))
    elif path:
        yield path


def _json_path(path: tuple[str, ...]) -> str:
    return "$" + "".join('."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in path)


def _refused(con: duckdb.DuckDBPyConnection) -> list[Refused]:
    rows = con.execute(
        "select rowid + 1, line, case when deep then false else json_valid(line) end, deep "
        "from all_lines where rowid not in (select number from json_lines) order by 1"
    ).fetchall()
    return [
        Refused(f"record {number}", *_why(valid, deep), line.encode())
        for number, line, valid, deep in rows
    ]


def _why(valid: bool, deep: bool) -> tuple[str, str]:
    if deep:
        return "too_deep", f"nested more than {MAX_NESTING} deep"
    if valid:
        return "not_an_object", "the line is JSON but not an object"
    return "invalid_json", "the line is not valid JSON"
