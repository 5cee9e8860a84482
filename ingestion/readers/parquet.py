"""Parquet: every column as text, times in ISO 8601 with their offset."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.errors import UnreadableFile
from ingestion.lake import literal, quoted
from ingestion.readers.raw import Raw
from ingestion.staging import Staged


def read_parquet(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from a Parquet file."""
    try:
        names = pq.read_schema(delivery.content).names
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFile(
            delivery.path, "the Parquet data are damaged or end early; ask for the file again"
        ) from error
    columns = ", ".join(f"{quoted(name)}::varchar as {quoted(name)}" for name in names)
    con.execute(
        f"create or replace temp view raw as select {columns} "
        f"from read_parquet({literal(str(delivery.content))})"
    )
    return Raw(tuple(names), "parquet")
