"""Parquet: every column as text, times in ISO 8601 with their offset."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.errors import UnreadableFile
from ingestion.lake import literal, quoted
from ingestion.limits import check_columns
from ingestion.readers.raw import Raw
from ingestion.staging import Staged

CELLS = 200_000_000
"""Cells every file may hold; beyond them ``CELLS_PER_BYTE``: repeated values cost no space."""

CELLS_PER_BYTE = 50


def read_parquet(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from a Parquet file."""
    try:
        described = pq.read_metadata(delivery.content)
        names = described.schema.to_arrow_schema().names
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:  # names that are no text
        raise UnreadableFile(
            delivery.path, "the Parquet data are damaged or end early; ask for the file again"
        ) from error
    check_columns(delivery.path, names)
    cells, size = described.num_rows * len(names), delivery.content.stat().st_size
    if cells > max(CELLS, size * CELLS_PER_BYTE):
        raise UnreadableFile(
            delivery.path,
            f"{described.num_rows:,} rows of {len(names)} columns in {size:,} bytes; "
            "unpack it by hand if you trust it",
        )
    columns = ", ".join(f"{quoted(name)}::varchar as {quoted(name)}" for name in names)
    con.execute(
        f"create or replace temp view raw as select {columns} "
        f"from read_parquet({literal(str(delivery.content))})"
    )
    return Raw(tuple(names), "parquet")
