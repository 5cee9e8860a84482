"""Readers: each turns a staged delivery into a DuckDB relation ``raw`` of text columns.

A reader returns the column names and the records it had to refuse. Nothing is interpreted here:
meaning is the mapping's business.
"""

from typing import Any

import duckdb
import orjson

from ingestion.errors import UnreadableFile
from ingestion.mapping import Mapping
from ingestion.readers.delimited import read_delimited
from ingestion.readers.epcis import is_epcis, read_epcis_json, read_epcis_lines, read_epcis_xml
from ingestion.readers.epcis_xml import ROOTS as EPCIS_ROOTS
from ingestion.readers.fixed_width import layout_of, read_fixed_width
from ingestion.readers.inspection_mail import read_inspection_mail
from ingestion.readers.jsonl import read_jsonl
from ingestion.readers.ocel_formats import (
    is_ocel_json,
    is_ocel_xml,
    read_ocel_json,
    read_ocel_sqlite,
    read_ocel_xml,
)
from ingestion.readers.parquet import read_parquet
from ingestion.readers.raw import Raw
from ingestion.readers.sap import read_sap
from ingestion.readers.x12 import read_x12
from ingestion.readers.xes import read_xes
from ingestion.readers.xml_root import first_names
from ingestion.staging import MAX_LINE, Staged

__all__ = ["Raw", "read_raw"]

MAX_DOCUMENT = 1 << 30


def read_raw(con: duckdb.DuckDBPyConnection, delivery: Staged, asked: Mapping | None = None) -> Raw:
    """Create the relation ``raw`` from a staged file, by its content, never by its name.

    ``asked`` is the mapping the caller wants, if any: only it can say how a text file without
    delimiters is laid out.
    """
    if delivery.format == "text" and (layout := layout_of(delivery, asked)):
        return read_fixed_width(con, delivery, layout)
    return _READERS[delivery.format](con, delivery)


def _read_xml(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    names = first_names(delivery.content)
    if names[:1] and names[0] in EPCIS_ROOTS:
        return read_epcis_xml(con, delivery)
    if is_ocel_xml(names):
        return read_ocel_xml(con, delivery)
    return read_xes(con, delivery)


def _read_json_lines(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    with delivery.content.open("rb") as file:
        first = file.readline(MAX_LINE)
    try:
        document = orjson.loads(first)
    except orjson.JSONDecodeError:
        document = None
    if is_ocel_json(document):
        return _read_json(con, delivery)
    return read_epcis_lines(con, delivery) if is_epcis(document) else read_jsonl(con, delivery)


def _read_json(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    document = _json_document(delivery)
    if is_epcis(document):
        return read_epcis_json(con, delivery, document)
    if is_ocel_json(document):
        return read_ocel_json(con, delivery, document)
    raise UnreadableFile(
        delivery.path, "a JSON document is not one of the known logs; give one object per line"
    )


def _json_document(delivery: Staged) -> Any:
    if delivery.content.stat().st_size > MAX_DOCUMENT:
        raise UnreadableFile(delivery.path, f"a JSON document over {MAX_DOCUMENT >> 20} MiB")
    try:
        return orjson.loads(delivery.content.read_bytes())
    except orjson.JSONDecodeError as error:
        raise UnreadableFile(
            delivery.path, f"the JSON is damaged or ends early ({error})"
        ) from error


_READERS = {
    "text": read_delimited,
    "jsonl": _read_json_lines,
    "json": _read_json,
    "xml": _read_xml,
    "parquet": read_parquet,
    "mail": read_inspection_mail,
    "x12": read_x12,
    "sqlite": read_ocel_sqlite,
    "sap": read_sap,
}
