"""Write a month-partitioned Delta table from a query: DuckDB writes the files, Delta commits them.

Handing millions of rows of a dozen columns to the Delta writer through Arrow costs twice as much
as letting DuckDB write Parquet on every core (PITFALLS I9d). Files of a write that died before its
commit belong to no version and are never read.
"""

import json
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from ingestion.lake import PARQUET, Lake, literal
from mining.engine import DuckDBEngine

MOST_FILES = 8


def replace_months(
    lake: Lake,
    engine: DuckDBEngine,
    table: str,
    *,
    select: str,
    schema: pa.Schema,
    months: tuple[int, ...] | None = None,
) -> None:
    """Store the rows of a query and drop what some months of a table held, in one Delta version.

    Parameters
    ----------
    select : str
        Rows with the columns of ``schema``; those of other months are added to what is there.
    months : tuple of int, optional
        The months (yyyymm) whose former rows go; None for the whole table.
    """
    path = lake.path(table)
    path.mkdir(parents=True, exist_ok=True)
    files = _write_files(engine, path, f"select {', '.join(schema.names)} from ({select})")
    if DeltaTable.is_deltatable(str(path)):
        delta = DeltaTable(str(path))
    else:
        delta = DeltaTable.create(str(path), schema, partition_by=["month"])
    filters = None if months is None else [("month", "in", [str(month) for month in months])]
    delta.create_write_transaction(
        files,
        "append" if months == () else "overwrite",
        schema,
        partition_by=["month"],
        partition_filters=filters,
    )


def fragmented_months(lake: Lake, table: str) -> frozenset[int]:
    """Months of a table that lie in so many files that rewriting them pays."""
    uris = DeltaTable(str(lake.path(table))).file_uris()
    relative = (unquote(uri).rpartition("month=")[2] for uri in uris)
    files = Counter(int(name.partition("/")[0]) for name in relative)
    return frozenset(month for month, count in files.items() if count >= MOST_FILES)


def _write_files(engine: DuckDBEngine, path: Path, select: str) -> list[AddAction | RemoveAction]:
    written = engine.con.execute(
        f"copy ({select}) to {literal(str(path))} (format parquet, {PARQUET}, "
        "compression snappy, partition_by (month), overwrite_or_ignore true, "
        "filename_pattern '{uuid}', return_stats true)"
    ).fetch_df()
    now = int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = []
    for name, rows, size in zip(
        written["filename"], written["count"], written["file_size_bytes"], strict=True
    ):
        relative = Path(name).relative_to(path)
        month = relative.parts[0].removeprefix("month=")
        actions.append(
            AddAction(
                quote(str(relative), safe="/="),
                int(size),
                {"month": month},
                now,
                True,
                json.dumps({"numRecords": int(rows)}),
            )
        )
    return actions
