"""Readers: each turns a staged delivery into a DuckDB relation ``raw`` of text columns.

A reader returns the column names and the records it had to refuse. Nothing is interpreted here:
meaning is the mapping's business.
"""

import duckdb

from ingestion.errors import UnreadableFile
from ingestion.readers.delimited import read_delimited
from ingestion.readers.jsonl import read_jsonl
from ingestion.readers.parquet import read_parquet
from ingestion.readers.raw import Raw
from ingestion.readers.xes import read_xes
from ingestion.staging import Staged

__all__ = ["Raw", "read_raw"]


def read_raw(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create the relation ``raw`` from a staged file, by its content, never by its name."""
    if delivery.format == "parquet":
        return read_parquet(con, delivery)
    if delivery.format == "jsonl":
        return read_jsonl(con, delivery)
    if delivery.format == "xml":
        return read_xes(con, delivery)
    if delivery.format == "json":
        raise UnreadableFile(
            delivery.path, "a JSON document is not one of the known logs; give one object per line"
        )
    return read_delimited(con, delivery)
