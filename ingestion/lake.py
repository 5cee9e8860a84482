"""The lake: Delta tables in a home, read through in-memory DuckDB, written by one at a time.

Writing appends sealed deliveries; a delivery becomes visible when its row in ``deliveries`` is
committed, which happens last. Reading needs no lock: any number of processes may read.
"""

import fcntl
import json
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote, urlparse
from uuid import uuid4

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.transaction import AddAction

from ingestion.errors import DiskFull, HomeIsBusy, HomeNotWritable, RetraceError, is_disk_full
from ingestion.schema import TABLES, sql_type

_DELIVERED = frozenset(TABLES) - {"deliveries"}
PARQUET = "parquet_version v2, dictionary_size_limit 10000"
"""How DuckDB encodes columns: deltas of numbers and texts, no attempt to list many values."""
_COMPRESSION = WriterProperties(compression="ZSTD", compression_level=1)
_WRITER = "retrace"
"""Name of the application whose Delta transactions number the groups of deliveries."""

ACTIVE_DELIVERIES = """
create or replace view active_deliveries as
with readings as (
    select * from deliveries
    where not repeat and replay_of is null
    qualify row_number() over (partition by source, coalesce(sha256, delivery_id)
                               order by arrival_no desc) = 1
)
select * from readings
union all
select * from deliveries
where not repeat and replay_of in (select delivery_id from readings)
"""
"""The latest reading of each file, and the replays of what it quarantined."""

REPLAYED = "quarantine_id not in (select unnest(replays) from deliveries)"


def quoted(identifier: str) -> str:
    """Quote a name that came from a log, so it can only ever be an identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text as an SQL literal (for places that take no bound value)."""
    return "'" + text.replace("'", "''") + "'"


def newest(table: str, *key: str) -> str:
    """QUALIFY clause: what a reference table said last of each key, in SQL that Spark runs too.

    Of rows that came together one is taken by what it says, so that every reader takes the same.
    """
    said = ", ".join(f"{name} nulls last" for name in TABLES[table].names)
    return (
        f"qualify row_number() over (partition by {', '.join(key)} "
        f"order by valid_from desc nulls last, {said}) = 1"
    )


def nothing(schema: pa.Schema) -> str:
    """Query with the columns of a schema and no row."""
    columns = (f"null::{sql_type(field.type)} as {quoted(field.name)}" for field in schema)
    return f"select {', '.join(columns)} where false"


class Lake:
    """The tables of one home.

    Parameters
    ----------
    home : Path
        Folder of the installation; tables live under ``home/lake``.
    """

    def __init__(self, home: Path | str) -> None:
        self.home = Path(home).absolute()
        self.folder = self.home / "lake"
        self._depth = threading.local()

    def __repr__(self) -> str:
        return f"Lake({str(self.home)!r})"

    def path(self, table: str) -> Path:
        return self.folder / table

    def _delta(self, table: str) -> DeltaTable | None:
        uri = str(self.path(table))
        return DeltaTable(uri) if DeltaTable.is_deltatable(uri) else None

    def version(self, table: str) -> int | None:
        """Delta version of a table, or None while it does not exist."""
        delta = self._delta(table)
        return None if delta is None else delta.version()

    def versions(self) -> dict[str, int]:
        """Versions of all tables of the schema that exist: the name of a state of the facts."""
        found = {table: self.version(table) for table in TABLES}
        return {table: version for table, version in found.items() if version is not None}

    def scan(
        self, con: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, view: str | None = None
    ) -> int:
        """Register a Delta table as a view; an absent table is an empty relation of ``schema``.

        Answers the number of the last group of deliveries that its rows belong to.
        """
        name = quoted(view or table)
        delta = self._delta(table)
        uris = [] if delta is None else [_local_path(uri) for uri in delta.file_uris()]
        if not uris:
            con.execute(f"create or replace view {name} as {nothing(schema)}")
            return _group(delta)
        files = "[" + ", ".join(literal(uri) for uri in uris) + "]"
        partitioned = "true" if delta and delta.metadata().partition_columns else "false"
        con.execute(
            f"create or replace view {name} as select * from read_parquet({files}, "
            f"union_by_name=true, hive_partitioning={partitioned})"
        )
        return _group(delta)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open an in-memory DuckDB, in UTC, with a view per table.

        ``events``, ``event_objects``, ``quarantine`` and the reference tables show only what
        completed, not superseded deliveries brought; ``deliveries`` shows every arrival.
        One connection per thread: use ``.cursor()`` for another.
        """
        con = self.blank_connection()
        groups = [
            self.scan(con, table, TABLES[table], view=f"stored_{table}")
            for table in sorted(_DELIVERED)
        ]
        complete = self.scan(con, "deliveries", TABLES["deliveries"])  # last, as it is written
        con.execute(ACTIVE_DELIVERIES)
        hidden = max(groups) > complete or _superseded(con)
        active = "delivery_id in (select delivery_id from active_deliveries)" if hidden else "true"
        for table in sorted(_DELIVERED):
            where = f"{active} and {REPLAYED}" if table == "quarantine" else active
            con.execute(
                f"create view {quoted(table)} as "
                f"select * from {quoted(f'stored_{table}')} where {where}"
            )
        return con

    def group(self, table: str) -> int:
        """Number of the last group of deliveries that a table has rows of; 0 before the first."""
        return _group(self._delta(table))

    def unfinished(self) -> list[str]:
        """Tables that may hold rows of a group whose deliveries were never completed."""
        complete = self.group("deliveries")
        return [table for table in sorted(_DELIVERED) if self.group(table) > complete]

    def blank_connection(self) -> duckdb.DuckDBPyConnection:
        """Open an in-memory DuckDB in UTC that spills into the home, with no views."""
        con = duckdb.connect()
        con.execute("set TimeZone = 'UTC'")
        con.execute("set preserve_insertion_order = true")
        spill = self._made(self.home / "tmp" / "duckdb")
        con.execute(f"set temp_directory = {literal(str(spill))}")
        return con

    def write(
        self,
        table: str,
        data: pa.Table | pa.RecordBatchReader,
        *,
        mode: str = "append",
        predicate: str | None = None,
        partition_by: list[str] | None = None,
        group: int | None = None,
    ) -> None:
        """Commit rows to a table in one Delta version.

        Parameters
        ----------
        data : arrow table or record batch reader
        mode : "append" or "overwrite"
        predicate : str, optional
            With overwrite: replace only the rows it selects.
        group : int, optional
            Number of the group of deliveries, kept as the commit's Delta transaction.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        how: dict[str, Any] = {"mode": mode, "predicate": predicate} if mode == "overwrite" else {}
        write_deltalake(
            str(self.path(table)),
            data,
            **({"mode": "append"} | how),
            partition_by=partition_by,
            writer_properties=_COMPRESSION,
            commit_properties=_numbered(group),
        )

    def write_query(
        self,
        con: duckdb.DuckDBPyConnection,
        table: str,
        query: str,
        schema: pa.Schema,
        *,
        group: int | None = None,
    ) -> int:
        """Append the rows of a query to a table in one Delta version; answer how many.

        DuckDB writes the Parquet file, Delta commits it (PITFALLS I9d): several times faster than
        handing wide rows over as Arrow. Columns of ``schema`` the query leaves out are null and
        cost nothing; a new table begins with a file without rows, so every column is in some file.
        """
        folder = self.path(table)
        folder.mkdir(parents=True, exist_ok=True)
        delta, added = self._delta(table), []
        if delta is None:
            delta = DeltaTable.create(str(folder), schema)
            added.append(_written(con, nothing(schema), folder)[0])
        file, rows = _written(con, query, folder)
        delta.create_write_transaction(
            [*added, file], "append", delta.schema(), commit_properties=_numbered(group)
        )
        return rows

    def delete(self, table: str, predicate: str) -> None:
        """Remove rows an unfinished delivery left behind."""
        delta = self._delta(table)
        if delta is not None:
            delta.delete(predicate)

    def compact(self, table: str, *, keep_hours: float) -> tuple[int, int]:
        """Join a table's small files and delete those no version needs any more.

        Readers see the same rows before, while and after; files that were replaced within the last
        ``keep_hours`` stay for readers that still have them open.

        Returns
        -------
        (int, int)
            Files fewer to read, and files deleted.
        """
        delta = self._delta(table)
        if delta is None:
            return 0, 0
        done = delta.optimize.compact(max_concurrent_tasks=1, writer_properties=_COMPRESSION)
        on_disk = self._files(table)
        if on_disk == len(delta.file_uris()):
            return 0, 0
        delta.vacuum(
            retention_hours=math.ceil(keep_hours), dry_run=False, enforce_retention_duration=False
        )
        delta.create_checkpoint()
        return done["numFilesRemoved"] - done["numFilesAdded"], on_disk - self._files(table)

    def _files(self, table: str) -> int:
        return sum(1 for _ in self.path(table).glob("*.parquet"))

    def _made(self, folder: Path) -> Path:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._named(error) from error
        return folder

    def _lock(self) -> TextIO:
        try:
            return (self._made(self.home) / "writer.lock").open("a")
        except OSError as error:
            raise self._named(error) from error

    def _named(self, error: OSError) -> RetraceError:
        full = is_disk_full(error)
        return DiskFull(self.home) if full else HomeNotWritable(self.home, error.strerror)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the home's one-writer lock; the operating system frees it if we die.

        Raises
        ------
        HomeIsBusy
            Another process holds it.
        DiskFull
            What was being written found no space; it will not be seen.
        """
        if getattr(self._depth, "held", 0):
            yield
            return
        with self._lock() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise HomeIsBusy(self.home) from error
            self._depth.held = 1
            try:
                yield
            except Exception as error:
                if is_disk_full(error):
                    raise DiskFull(self.home) from error
                raise
            finally:
                self._depth.held = 0


def _group(delta: DeltaTable | None) -> int:
    return (delta and delta.transaction_version(_WRITER)) or 0


def _numbered(group: int | None) -> CommitProperties | None:
    if group is None:
        return None
    return CommitProperties(app_transactions=[Transaction(_WRITER, group)])


def _written(con: duckdb.DuckDBPyConnection, query: str, folder: Path) -> tuple[AddAction, int]:
    """Write the rows of a query as one Parquet file of a table; answer how many."""
    file = folder / f"part-{uuid4().hex}.parquet"
    [[rows]] = con.execute(
        f"copy ({query}) to {literal(str(file))} (format parquet, {PARQUET}, "
        "compression zstd, compression_level 1)"
    ).fetchall()
    _flush(file)
    size, when = file.stat().st_size, int(file.stat().st_mtime * 1000)
    return AddAction(file.name, size, {}, when, True, json.dumps({"numRecords": rows})), int(rows)


def _flush(file: Path) -> None:
    """Wait until a file has reached the disk: it is about to be committed."""
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _superseded(con: duckdb.DuckDBPyConnection) -> bool:
    [[readings, active]] = con.execute(
        "select count(distinct delivery_id) filter (where not repeat), "
        "(select count(*) from active_deliveries) from deliveries"
    ).fetchall()
    return bool(readings != active)


def _local_path(uri: str) -> str:
    """Plain path of a file URI (``file_uris()`` percent-encodes; see PITFALLS I9b)."""
    return unquote(urlparse(uri).path) if uri.startswith("file:") else unquote(uri)
